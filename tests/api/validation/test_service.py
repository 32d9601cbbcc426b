"""Rules of Services, Endpoints and EndpointSlices."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]


def service(**spec: Any) -> Obj:
    return {"spec": {"ports": [{"port": 80}], **spec}}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="cluster ip"),
        pytest.param({"clusterIP": "None", "ports": []}, id="headless"),
        pytest.param({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}, id="node port"),
        pytest.param({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}, id="load balancer"),
        pytest.param({"type": "ExternalName", "externalName": "a.example.", "ports": []}, id="external name"),
        pytest.param({"ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]}, id="dns"),
        pytest.param({"ipFamilyPolicy": "PreferDualStack"}, id="dual stack if there is"),
    ],
)
def test_ordinary_services_are_fine(spec: Obj, complaints: Any) -> None:
    assert complaints(kinds.SERVICE, service(**spec)) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"ports": []}, ["spec.ports: Required value"], id="no ports"),
        pytest.param({"ports": [{}]}, ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive", "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"], id="no port"),
        pytest.param({"ports": [{"port": 1}, {"port": 2}]}, ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"], id="names"),
        pytest.param({"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "a"}]}, ['spec.ports[1].name: Duplicate value: "a"', 'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":1}'], id="same"),
        pytest.param({"ports": [{"port": 1, "nodePort": 30000}]}, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"], id="node port"),
        pytest.param({"ports": [{"port": 1, "targetPort": "a_b"}]}, ['spec.ports[0].targetPort: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'], id="target"),
        pytest.param({"type": "Cluster"}, ['spec.type: Unsupported value: "Cluster": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'], id="type"),
        pytest.param({"type": "NodePort", "clusterIP": "None"}, ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"], id="headless"),
        pytest.param({"type": "ExternalName", "ports": []}, ["spec.externalName: Required value"], id="external name"),
        pytest.param({"clusterIP": "x", "clusterIPs": ["x"]}, ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'], id="address"),
        pytest.param({"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.2"]}, ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'], id="addresses"),
        pytest.param({"ipFamilyPolicy": "RequireDualStack"}, ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'], id="dual stack"),
        pytest.param({"sessionAffinity": "x"}, ['spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"'], id="affinity"),
        pytest.param({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}}, ["spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400"], id="timeout"),
        pytest.param({"externalIPs": ["127.0.0.1"]}, ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'], id="loopback"),
        pytest.param({"externalTrafficPolicy": "Local"}, ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'], id="external policy"),
        pytest.param({"loadBalancerSourceRanges": ["1.2.3.4"]}, ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'", 'spec.LoadBalancerSourceRanges[0]: Invalid value: "1.2.3.4": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'], id="ranges"),
        pytest.param({"healthCheckNodePort": 30000}, ["spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"], id="health port"),
        pytest.param({"selector": {"a": "b c"}}, ['spec.selector: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters'], id="selector"),
    ],
)  # fmt: skip
def test_a_service_that_breaks_a_rule(spec: Obj, expected: list[str], complaints: Any) -> None:
    found = complaints(kinds.SERVICE, service(**spec))
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


def addressed(ip: str, **spec: Any) -> Obj:
    return service(clusterIP=ip, clusterIPs=[ip] if ip else [], **spec)


def test_the_cluster_address_stays(change_complaints: Any) -> None:
    old = addressed("10.0.0.1")
    assert change_complaints(kinds.SERVICE, addressed("10.0.0.2"), old) == [
        'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'
    ]
    assert change_complaints(kinds.SERVICE, addressed(""), old) == [
        "spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset"
    ]
    named = service(type="ExternalName", externalName="a.b")
    assert change_complaints(kinds.SERVICE, named, old) == []


def test_only_a_load_balancer_has_ingress(status_complaints: Any) -> None:
    status = {"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "1.2.3.4"}]}}
    balanced = service(type="LoadBalancer")
    assert status_complaints(kinds.SERVICE, {**service(), "status": status}, service()) == [
        "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
    ]
    found = status_complaints(kinds.SERVICE, {**balanced, "status": status}, balanced)
    assert [text.partition(": ")[0] for text in found] == [
        "status.loadBalancer.ingress[0].ip",
        "status.loadBalancer.ingress[1].hostname",
    ]


def test_endpoints_need_addresses_that_traffic_can_go_to(complaints: Any) -> None:
    good = {"addresses": [{"ip": "10.0.0.1", "nodeName": "n"}], "ports": [{"port": 80}]}
    assert complaints(kinds.ENDPOINTS, {"subsets": [good]}) == []
    bad = {"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 0}, {"port": 1, "name": "A"}]}
    found = complaints(kinds.ENDPOINTS, {"subsets": [{}, bad]})
    assert [text.partition(": ")[0] for text in found] == [
        "subsets[0]",
        "subsets[1].addresses[0].ip",
        "subsets[1].ports[0].name",
        "subsets[1].ports[0].port",
        "subsets[1].ports[1].name",
    ]


def test_an_endpoint_slice_is_of_one_family(complaints: Any, change_complaints: Any) -> None:
    good = {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]}
    assert complaints(kinds.ENDPOINT_SLICE, good) == []
    bad = {**good, "endpoints": [{"addresses": ["::1"]}, {}], "ports": [{"port": 80}, {"port": 81}]}
    assert complaints(kinds.ENDPOINT_SLICE, bad) == [
        'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
        "endpoints[1].addresses: Required value: must contain at least 1 address",
        'ports[1].name: Duplicate value: ""',
    ]
    assert complaints(kinds.ENDPOINT_SLICE, {"endpoints": []}) == ["addressType: Required value"]
    other = {"addressType": "FQDN", "endpoints": [{"addresses": ["a.b"]}]}
    assert change_complaints(kinds.ENDPOINT_SLICE, other, good) == [
        'addressType: Invalid value: "FQDN": field is immutable'
    ]
