"""Rules of networking, storage, flow control and the new Events."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds

Obj = dict[str, Any]
SERVICE = {"service": {"name": "web", "port": {"number": 80}}}


def rule(**extra: Any) -> Obj:
    return {
        "host": "a.example.com",
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": SERVICE, **extra}]},
    }


def ingress(*rules: Obj, **spec: Any) -> Obj:
    return {"spec": {"rules": list(rules), **spec}}


def policy(**spec: Any) -> Obj:
    return {"spec": {"podSelector": {}, **spec}}


def schema(**spec: Any) -> Obj:
    return {"spec": {"priorityLevelConfiguration": {"name": "exempt"}, **spec}}


def level(**limited: Any) -> Obj:
    return {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}, **limited}}}


EVENT = {
    "eventTime": "2020-01-01T00:00:00Z", "reportingController": "a.example.com/b", "reportingInstance": "b", "action": "c",
    "reason": "d", "type": "Normal", "regarding": {"namespace": "default"},
}  # fmt: skip
USER = {"kind": "User", "user": {"name": "u"}}
REACHES = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}

CASES = [
    pytest.param(kinds.INGRESS, ingress(rule()), [], id="ingress"),
    pytest.param(kinds.INGRESS, {}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"], id="empty ingress"),
    pytest.param(kinds.INGRESS, ingress(rule(pathType=None)), ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"], id="no path type"),
    pytest.param(kinds.INGRESS, ingress(rule(pathType="Regex")), ['spec.rules[0].http.paths[0].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"'], id="path type"),
    pytest.param(kinds.INGRESS, ingress(rule(path="a//b/..")), ['spec.rules[0].http.paths[0].path: Invalid value: "a//b/..": must be an absolute path', "spec.rules[0].http.paths[0].path: Invalid value: \"a//b/..\": must not contain '//'", "spec.rules[0].http.paths[0].path: Invalid value: \"a//b/..\": cannot end with '/..'"], id="path"),
    pytest.param(kinds.INGRESS, ingress({"host": "10.0.0.1"}), ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'], id="host is an address"),
    pytest.param(kinds.INGRESS, ingress({"host": "*.example.com"}, {"host": "a.*.com"}), ["spec.rules[1].host: Invalid value: \"a.*.com\": a wildcard DNS-1123 subdomain must start with '*.'"], id="wildcards"),
    pytest.param(kinds.INGRESS, ingress(rule(backend={})), ['spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required'], id="no backend"),
    pytest.param(kinds.INGRESS, ingress(rule(backend={"service": {"name": "1a", "port": {"name": "http", "number": 80}}})), ['spec.rules[0].http.paths[0].backend.service.name: Invalid value: "1a": a DNS-1035 label', 'spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both port name & port number'], id="backend"),
    pytest.param(kinds.INGRESS, ingress(rule(backend={"service": {"name": "a"}, "resource": {"kind": "A", "name": "b"}})), ["spec.rules[0].http.paths[0].backend: Invalid value: \"\": cannot set both resource and service backends"], id="two backends"),
    pytest.param(kinds.INGRESS, ingress(rule(backend={"service": {"name": "a"}})), ["spec.rules[0].http.paths[0].backend: Required value: port name or number is required"], id="no port"),
    pytest.param(kinds.INGRESS, {"spec": {"defaultBackend": {"resource": {"apiGroup": "X", "name": "a/b"}}}}, ['spec.defaultBackend.resource.apiGroup: Invalid value: "X"', "spec.defaultBackend.resource.kind: Required value", "spec.defaultBackend.resource.name: Invalid value: \"a/b\": may not contain '/'"], id="resource"),
    pytest.param(kinds.INGRESS, ingress({"http": {"paths": []}}, tls=[{"hosts": ["A"], "secretName": "S"}], ingressClassName="I"), ["spec.rules[0].http.paths: Required value", 'spec.tls[0].hosts[0]: Invalid value: "A"', 'spec.tls[0].secretName: Invalid value: "S"', 'spec.ingressClassName: Invalid value: "I"'], id="tls"),
    pytest.param(kinds.INGRESS, {"metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}, **ingress(rule(), ingressClassName="b")}, ['annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified'], id="two classes"),
    pytest.param(kinds.INGRESS_CLASS, {"spec": {"controller": "example.com/c", "parameters": {"kind": "A", "name": "b"}}}, [], id="class"),
    pytest.param(kinds.INGRESS_CLASS, {"spec": {}}, ["spec.controller: Required value"], id="no controller"),
    pytest.param(kinds.INGRESS_CLASS, {"spec": {"controller": "c", "parameters": {"kind": "A", "name": "b", "namespace": "n"}}}, ['spec.controller: Invalid value: "c": must be a domain-prefixed path (such as "acme.io/foo")', "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"], id="class scope"),
    pytest.param(kinds.INGRESS_CLASS, {"spec": {"controller": "a.b/c", "parameters": {"kind": "A", "name": "b", "scope": "Namespace"}}}, ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"], id="class namespace"),
    pytest.param(kinds.NETWORK_POLICY, policy(ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 80, "endPort": 90}]}]), [], id="policy"),
    pytest.param(kinds.NETWORK_POLICY, policy(ingress=[{"from": [{}, {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}]), ["spec.ingress[0].from[0]: Required value: must specify a peer", "spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer"], id="peers"),
    pytest.param(kinds.NETWORK_POLICY, policy(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "11.0.0.0/16", "10.0.0.0/8", "x"]}}, {"ipBlock": {"cidr": "y"}}, {"ipBlock": {}}]}]), ['spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`', "spec.egress[0].to[0].ipBlock.except[2]", 'spec.egress[0].to[0].ipBlock.except[3]: Invalid value: "x": must be a valid CIDR value', 'spec.egress[0].to[1].ipBlock.cidr: Invalid value: "y": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)', "spec.egress[0].to[2].ipBlock.cidr: Required value"], id="blocks"),
    pytest.param(kinds.NETWORK_POLICY, policy(ingress=[{"ports": [{"protocol": "ICMP"}, {"port": 90, "endPort": 80}, {"port": "web", "endPort": 1}, {"endPort": 1}]}]), ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"', "spec.ingress[0].ports[1].endPort: Invalid value: 80: must be greater than or equal to `port`", "spec.ingress[0].ports[2].endPort: Invalid value: 1: may not be specified when `port` is non-numeric", "spec.ingress[0].ports[3].endPort: Invalid value: 1: may not be specified when `port` is not specified"], id="policy ports"),
    pytest.param(kinds.NETWORK_POLICY, policy(policyTypes=["Both"]), ['spec.policyTypes[0]: Unsupported value: "Both": supported values: "Egress", "Ingress"'], id="policy types"),
    pytest.param(kinds.IP_ADDRESS, {"metadata": {"name": "10.0.0.1"}, "spec": {"parentRef": {"resource": "services", "name": "a", "namespace": "b"}}}, [], id="address"),
    pytest.param(kinds.IP_ADDRESS, {"metadata": {"name": "2001:0db8::1"}, "spec": {}}, ['metadata.name: Invalid value: "2001:0db8::1": must be in canonical form ("2001:db8::1")', "spec.parentRef: Required value"], id="address form"),
    pytest.param(kinds.IP_ADDRESS, {"metadata": {"name": "web"}, "spec": {"parentRef": {}}}, ['metadata.name: Invalid value: "web": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)', "spec.parentRef.resource: Required value", "spec.parentRef.name: Required value"], id="no address"),
    pytest.param(kinds.SERVICE_CIDR, {"spec": {"cidrs": ["10.0.0.0/16", "fd00::/112"]}}, [], id="service cidr"),
    pytest.param(kinds.SERVICE_CIDR, {}, ["spec.cidrs: Required value: at least one CIDR required"], id="no cidr"),
    pytest.param(kinds.SERVICE_CIDR, {"spec": {"cidrs": ["10.0.0.1/16", "10.1.0.0/16"]}}, ['spec.cidrs[0]: Invalid value: "10.0.0.1/16": must be in canonical form ("10.0.0.0/16")', "spec.cidrs: Invalid value"], id="cidr pair"),
    pytest.param(kinds.STORAGE_CLASS, {"provisioner": "Example.com/P"}, [], id="storage class"),
    pytest.param(kinds.STORAGE_CLASS, {"provisioner": "", "reclaimPolicy": "Recycle", "volumeBindingMode": "Now", "parameters": {"": "a"}}, ["provisioner: Required value", 'parameters: Invalid value: "": field can not be empty.', 'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"', 'volumeBindingMode: Unsupported value: "Now": supported values: "Immediate", "WaitForFirstConsumer"'], id="bad class"),
    pytest.param(kinds.STORAGE_CLASS, {"provisioner": "p", "parameters": {"a": "x" * 262144}}, ["parameters: Too long: may not be more than 262144 bytes"], id="large parameters"),
    pytest.param(kinds.STORAGE_CLASS, {"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": [{"key": "a", "values": ["b", "b"]}, {"key": "a"}]}]}, ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "b"', "allowedTopologies[0].matchLabelExpressions[1].values: Required value", 'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "a"'], id="topologies"),
    pytest.param(kinds.VOLUME_ATTRIBUTES_CLASS, {"driverName": "d"}, ["parameters: Required value: must contain at least one key/value pair"], id="attributes class"),
    pytest.param(kinds.VOLUME_ATTACHMENT, {"spec": {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}, [], id="attachment"),
    pytest.param(kinds.VOLUME_ATTACHMENT, {"spec": {"source": {}}}, ["spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName", 'spec.nodeName: Invalid value: ""', "spec.attacher: Required value"], id="bad attachment"),
    pytest.param(kinds.CSI_DRIVER, {"spec": {}}, [], id="driver"),
    pytest.param(kinds.CSI_DRIVER, {"spec": {"fsGroupPolicy": "All", "volumeLifecycleModes": ["Never"], "tokenRequests": [{"audience": "a", "expirationSeconds": 5}, {"audience": "a"}]}}, ['spec.fsGroupPolicy: Unsupported value: "All": supported values: "File", "None", "ReadWriteOnceWithFSType"', "spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes", 'spec.tokenRequests[1].audience: Duplicate value: "a"', 'spec.volumeLifecycleModes: Unsupported value: "Never": supported values: "Ephemeral", "Persistent"'], id="bad driver"),
    pytest.param(kinds.CSI_NODE, {"spec": {"drivers": [{"name": "d", "nodeID": "n"}, {"name": "d", "nodeID": "", "topologyKeys": ["a", "a"], "allocatable": {"count": -1}}]}}, ["spec.drivers[1].nodeID: Required value", "spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0", 'spec.drivers[1].name: Duplicate value: "d"', 'spec.drivers[1]: Duplicate value: "a"'], id="csi node"),
    pytest.param(kinds.CSI_STORAGE_CAPACITY, {"storageClassName": "A", "capacity": "-1"}, ['storageClassName: Invalid value: "A"', 'capacity: Invalid value: "-1": must be greater than or equal to 0'], id="capacity"),
    pytest.param(kinds.FLOW_SCHEMA, schema(rules=[{"subjects": [USER], "resourceRules": [REACHES]}]), [], id="flow schema"),
    pytest.param(kinds.FLOW_SCHEMA, {"spec": {"matchingPrecedence": 1, "distinguisherMethod": {"type": "X"}}}, ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1", 'spec.distinguisherMethod.type: Unsupported value: "X": supported values: "ByNamespace", "ByUser"', "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"], id="bad schema"),
    pytest.param(kinds.FLOW_SCHEMA, schema(rules=[{"subjects": [{"kind": "User", "group": {"name": "g"}}, {"kind": "Robot"}, {"kind": "ServiceAccount", "serviceAccount": {"name": "*"}}]}]), ["spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'", "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'", 'spec.rules[0].subjects[1].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"', "spec.rules[0].subjects[2].serviceAccount.namespace: Required value: must specify namespace for service account", "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"], id="subjects"),
    pytest.param(kinds.FLOW_SCHEMA, schema(rules=[{"subjects": [USER], "resourceRules": [{**REACHES, "verbs": ["*", "get"], "apiGroups": [], "namespaces": ["A"]}], "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["a", "/a//b", "/a*"]}]}]), ["spec.rules[0].resourceRules[0].verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not specify other verbs", "spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group", "spec.rules[0].resourceRules[0].namespaces[0]: Invalid value: \"A\": each member of this list must be '*' or a DNS-1123 label; a lowercase", 'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "a": must start with slash', 'spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: "/a//b": must not contain double slash', 'spec.rules[0].nonResourceRules[0].nonResourceURLs[2]: Invalid value: "/a*": wildcard can only do suffix matching'], id="flow rules"),
    pytest.param(kinds.PRIORITY_LEVEL_CONFIGURATION, level(), [], id="level"),
    pytest.param(kinds.PRIORITY_LEVEL_CONFIGURATION, {"spec": {"type": "Exempt"}}, ["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"], id="exempt"),
    pytest.param(kinds.PRIORITY_LEVEL_CONFIGURATION, {"spec": {"type": "Limited"}}, ["spec.limited: Required value: must not be empty when type is Limited"], id="no limit"),
    pytest.param(kinds.PRIORITY_LEVEL_CONFIGURATION, level(nominalConcurrencyShares=-1, lendablePercent=101, limitResponse={"type": "Queue", "queuing": {"queues": 64, "handSize": 65}}), ["spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer", "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive", "spec.limited.limitResponse.queuing.handSize: Invalid value: 65: should not be greater than queues (64)"], id="limits"),
    pytest.param(kinds.PRIORITY_LEVEL_CONFIGURATION, level(limitResponse={"type": "Queue", "queuing": {"queues": 512, "handSize": 8}}), ["spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60"], id="entropy"),
    pytest.param(kinds.ENDPOINT_SLICE, {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "hints": {"forZones": [{"name": "a"}, {"name": "a"}], "forNodes": [{"name": "N"}]}}, {"addresses": ["10.0.0.2"], "hints": {"forZones": [{"name": "a"}] * 9}}]}, ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"', 'endpoints[0].hints.forNodes[0].name: Invalid value: "N"', "endpoints[1].hints.forZones: Too many: 9: must have at most 8 items"], id="hints"),
    pytest.param(kinds.EVENT_V1, EVENT, [], id="new event"),
    pytest.param(kinds.EVENT_V1, {"regarding": {"namespace": "default"}, "deprecatedCount": 3, "deprecatedSource": {"host": "a"}, "series": {"count": 1}}, ['series.count: Invalid value: "": should be at least 2', "series.lastObservedTime: Required value", "eventTime: Required value", 'type: Invalid value: "": has invalid value: ', 'count: Invalid value: "": needs to be unset', 'source: Invalid value: "": needs to be unset'], id="old fields"),
    pytest.param(kinds.EVENT_V1, {"metadata": {"name": "A/b"}, **EVENT, "reportingController": "a/b/c"}, ['metadata.name: Invalid value: "A/b": a lowercase RFC 1123 subdomain', 'reportingController: Invalid value: "a/b/c"'], id="event names"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "obj", "expected"), CASES)
def test_rules_of_a_kind(kind: kinds.Kind, obj: Obj, expected: list[str], complaints: Any) -> None:
    found = complaints(kind, obj)
    assert len(found) == len(expected), found
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


CHANGES = [
    pytest.param(kinds.INGRESS, {"metadata": {"annotations": {"kubernetes.io/ingress.class": "a"}}, **ingress(rule(), ingressClassName="b")}, ingress(rule()), [], id="ingress"),
    pytest.param(kinds.INGRESS_CLASS, {"spec": {"controller": "a.b/c"}}, {"spec": {"controller": "a.b/d"}}, ['spec.controller: Invalid value: "a.b/c": field is immutable'], id="controller"),
    pytest.param(kinds.IP_ADDRESS, {"metadata": {"name": "::1"}, "spec": {"parentRef": {"name": "a"}}}, {"metadata": {"name": "::1"}, "spec": {"parentRef": {"name": "b"}}}, ['spec.parentRef: Invalid value: {"name":"a"}: field is immutable'], id="parent"),
    pytest.param(kinds.SERVICE_CIDR, {"spec": {"cidrs": ["10.0.0.0/16", "fd00::/112"]}}, {"spec": {"cidrs": ["10.0.0.0/16"]}}, [], id="second family"),
    pytest.param(kinds.SERVICE_CIDR, {"spec": {"cidrs": ["10.1.0.0/16"]}}, {"spec": {"cidrs": ["10.0.0.0/16"]}}, ['spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable'], id="other range"),
    pytest.param(kinds.STORAGE_CLASS, {"provisioner": "b", "reclaimPolicy": "Retain", "parameters": {"a": "b"}, "volumeBindingMode": "WaitForFirstConsumer"}, {"provisioner": "a"}, ["parameters: Forbidden: updates to parameters are forbidden.", "provisioner: Forbidden: updates to provisioner are forbidden.", "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.", 'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable'], id="storage class"),
    pytest.param(kinds.CSI_DRIVER, {"spec": {"attachRequired": False, "podInfoOnMount": True}}, {"spec": {}}, ["spec.attachedRequired: Invalid value: false: field is immutable"], id="driver"),
    pytest.param(kinds.CSI_NODE, {"spec": {"drivers": [{"name": "a", "nodeID": "2"}]}}, {"spec": {"drivers": [{"name": "a", "nodeID": "1"}]}}, ['CSINodeDriver: Invalid value: {"name":"a","nodeID":"2"}: field is immutable'], id="csi node"),
    pytest.param(kinds.CSI_STORAGE_CAPACITY, {"storageClassName": "a", "capacity": "1Gi"}, {"storageClassName": "b"}, ['storageClassName: Invalid value: "a": field is immutable'], id="capacity"),
    pytest.param(kinds.EVENT_V1, {**EVENT, "series": {"count": 2, "lastObservedTime": "2020-01-01T00:00:00Z"}}, EVENT, [], id="series"),
    pytest.param(kinds.EVENT_V1, {**EVENT, "note": "b"}, EVENT, ['message: Invalid value: "b": field is immutable'], id="note"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "new", "old", "expected"), CHANGES)
def test_rules_of_a_change(kind: kinds.Kind, new: Obj, old: Obj, expected: list[str], change_complaints: Any) -> None:
    assert change_complaints(kind, new, old) == expected


def test_an_ingress_status_names_addresses_and_hosts(status_complaints: Any) -> None:
    entries = [{"ip": "a"}, {"hostname": "10.0.0.1"}, {"ip": "10.0.0.1", "hostname": "a.example.com"}]
    new = {**ingress(rule()), "status": {"loadBalancer": {"ingress": entries}}}
    assert [text.partition(": ")[0] for text in status_complaints(kinds.INGRESS, new, ingress(rule()))] == [
        "status.loadBalancer.ingress[0].ip",
        "status.loadBalancer.ingress[1].hostname",
    ]
