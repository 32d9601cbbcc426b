"""Defaulting of the built-in kinds, as Kubernetes does it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hyperpy.api import defaults, kinds, schema

Obj = dict[str, Any]


def defaulted(kind: kinds.Kind, obj: Obj) -> Obj:
    defaults.apply(kind, obj)
    return obj


def test_a_bare_pod_gets_what_kubernetes_gives_it() -> None:
    pod = defaulted(kinds.POD, {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}})
    assert pod["spec"] == {
        "containers": [
            {
                "name": "c",
                "image": "nginx",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.29", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
        ("nginx:latest@sha256:" + "0" * 64, "Always"),
        ("", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    pod = defaulted(kinds.POD, {"spec": {"containers": [{"image": image}]}})
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_probes_and_hooks_are_completed() -> None:
    probe = {"httpGet": {"port": 80}, "failureThreshold": 0, "periodSeconds": 5}
    container = {"livenessProbe": probe, "lifecycle": {"preStop": {"httpGet": {"port": 1}}, "stopSignal": "SIGINT"}}
    defaults.apply(kinds.POD, {"spec": {"containers": [container]}})
    assert probe == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "failureThreshold": 3,
        "periodSeconds": 5,
        "timeoutSeconds": 1,
        "successThreshold": 1,
    }
    assert container["lifecycle"]["preStop"] == {"httpGet": {"port": 1, "path": "/", "scheme": "HTTP"}}


def test_a_limit_without_a_request_requests_as_much_in_pods_but_not_in_templates() -> None:
    limits = {"cpu": "1", "memory": "64Mi"}
    spec = {"containers": [{"resources": {"limits": dict(limits), "requests": {"cpu": "500m"}}}]}
    pod = defaulted(kinds.POD, {"spec": copy.deepcopy(spec)})
    assert pod["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "500m", "memory": "64Mi"}
    deployment = defaulted(kinds.DEPLOYMENT, {"spec": {"template": {"spec": copy.deepcopy(spec)}}})
    template = deployment["spec"]["template"]["spec"]
    assert template["containers"][0]["resources"]["requests"] == {"cpu": "500m"}
    assert "enableServiceLinks" not in template


def test_amounts_below_a_thousandth_are_rounded_up() -> None:
    pod = defaulted(kinds.POD, {"spec": {"containers": [{"resources": {"limits": {"cpu": "1500u"}}}]}})
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "2m"}


def test_ports_of_a_host_network_pod_are_host_ports() -> None:
    pod = defaulted(kinds.POD, {"spec": {"hostNetwork": True, "containers": [{"ports": [{"containerPort": 80}]}]}})
    assert pod["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]


def test_volumes_are_completed_by_source() -> None:
    volumes: list[Obj] = [
        {"name": "nothing"},
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "h", "hostPath": {"path": "/"}},
        {
            "name": "p",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "token"}},
                    {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                ]
            },
        },
    ]
    defaults.apply(kinds.POD, {"spec": {"volumes": volumes}})
    assert volumes[0] == {"name": "nothing", "emptyDir": {}}
    assert volumes[1]["secret"]["defaultMode"] == 420
    assert volumes[2]["hostPath"] == {"path": "/", "type": ""}
    token, downward = volumes[3]["projected"]["sources"]
    assert token["serviceAccountToken"]["expirationSeconds"] == 3600
    assert downward["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"
    assert volumes[3]["projected"]["defaultMode"] == 420


def test_a_deployment_rolls_by_quarters() -> None:
    spec = defaulted(kinds.DEPLOYMENT, {"spec": {}})["spec"]
    assert spec == {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert (
        "rollingUpdate"
        not in defaulted(kinds.DEPLOYMENT, {"spec": {"strategy": {"type": "Recreate"}}})["spec"]["strategy"]
    )
    assert defaulted(kinds.DEPLOYMENT, {"spec": {"replicas": 0}})["spec"]["replicas"] == 0


def test_a_replication_controller_takes_selector_and_labels_from_its_template() -> None:
    rc = defaulted(kinds.REPLICATION_CONTROLLER, {"spec": {"template": {"metadata": {"labels": {"app": "a"}}}}})
    assert rc["spec"]["selector"] == rc["metadata"]["labels"] == {"app": "a"}
    assert rc["spec"]["selector"] is not rc["spec"]["template"]["metadata"]["labels"]
    assert rc["spec"]["replicas"] == 1


def test_a_service_is_a_cluster_ip_without_affinity() -> None:
    spec = defaulted(
        kinds.SERVICE, {"spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}]}}
    )["spec"]
    assert spec == {
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 80},
            {"port": 53, "protocol": "UDP", "targetPort": "dns"},
        ],
        "sessionAffinity": "None",
        "type": "ClusterIP",
        "internalTrafficPolicy": "Cluster",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"type": "NodePort"}, {"externalTrafficPolicy": "Cluster"}, id="node port"),
        pytest.param({"type": "LoadBalancer"}, {"allocateLoadBalancerNodePorts": True}, id="load balancer"),
        pytest.param({"externalIPs": ["1.2.3.4"]}, {"externalTrafficPolicy": "Cluster"}, id="external addresses"),
        pytest.param(
            {"sessionAffinity": "ClientIP"},
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}},
            id="affinity",
        ),
    ],
)
def test_a_service_gets_what_its_type_needs(given: Obj, expected: Obj) -> None:
    spec = defaulted(kinds.SERVICE, {"spec": given})["spec"]
    assert {name: spec[name] for name in expected} == expected


def test_an_external_name_has_no_traffic_policies() -> None:
    spec = defaulted(kinds.SERVICE, {"spec": {"type": "ExternalName", "externalName": "a.b"}})["spec"]
    assert not {"internalTrafficPolicy", "externalTrafficPolicy"} & set(spec)


def test_a_namespace_carries_its_name_as_a_label() -> None:
    namespace = defaulted(kinds.NAMESPACE, {"metadata": {"name": "a", "labels": {"kubernetes.io/metadata.name": "b"}}})
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "a"}
    assert namespace["status"]["phase"] == "Active"


def test_string_data_of_a_secret_becomes_data() -> None:
    secret = defaulted(kinds.SECRET, {"stringData": {"a": "new", "b": "é"}, "data": {"a": "b2xk"}})
    assert secret == {"type": "Opaque", "data": {"a": "bmV3", "b": "w6k="}}


def test_a_node_can_allocate_all_it_has() -> None:
    node = defaulted(kinds.NODE, {"status": {"capacity": {"cpu": "2"}}})
    assert node["status"]["allocatable"] == {"cpu": "2"}


def test_bindings_name_the_group_of_roles_users_and_groups() -> None:
    binding = {"roleRef": {"kind": "Role", "name": "a"}, "subjects": [{"kind": "User"}, {"kind": "ServiceAccount"}]}
    defaults.apply(kinds.ROLE_BINDING, binding)
    group = "rbac.authorization.k8s.io"
    assert binding == {
        "roleRef": {"kind": "Role", "name": "a", "apiGroup": group},
        "subjects": [{"kind": "User", "apiGroup": group}, {"kind": "ServiceAccount"}],
    }


@pytest.mark.parametrize("kind", kinds.BUILT_IN, ids=lambda kind: kind.kind)
@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_defaults_fit_the_schema_and_change_nothing_the_second_time(
    kind: kinds.Kind, objects_of: Callable[[kinds.Kind], st.SearchStrategy[Obj]], data: st.DataObject
) -> None:
    obj = data.draw(objects_of(kind))
    of_kind = schema.of(kind)
    assume(not of_kind.decode(obj).causes)
    defaults.apply(kind, obj)
    assert of_kind.decode(obj) == schema.engine.decoding.CLEAN
    once = copy.deepcopy(obj)
    defaults.apply(kind, obj)
    assert obj == once
