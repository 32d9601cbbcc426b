"""Server-side apply of every sort of kind: what is applied again changes nothing; what is no object is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperpy.api import errors, kinds

APPLY = "application/apply-patch+yaml"

_POD = {
    "containers": [
        {
            "name": "c",
            "image": "i",
            "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
            "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }
    ],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": _POD}
_SELECTED = {"selector": {"matchLabels": {"a": "b"}}, "template": _TEMPLATE}
_TARGET = {"scaleTargetRef": {"kind": "Deployment", "name": "x", "apiVersion": "apps/v1"}, "maxReplicas": 3}
_CPU = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
_RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
_BACKEND = {"service": {"name": "x", "port": {"number": 80}}}
_PATHS = {"paths": [{"path": "/", "pathType": "Prefix", "backend": _BACKEND}]}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}
_CASES: list[tuple[kinds.Kind, dict[str, Any]]] = [
    (kinds.SERVICE, {"spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}}),
    (kinds.SECRET, {"stringData": {"a": "x"}}),
    (kinds.POD, {"spec": _POD}),
    (kinds.NODE, {"spec": {"podCIDR": "10.0.0.0/24"}}),
    (kinds.PERSISTENT_VOLUME_CLAIM, {"spec": _CLAIM}),
    (kinds.REPLICATION_CONTROLLER, {"spec": {"selector": {"a": "b"}, "template": _TEMPLATE}}),
    (kinds.LIMIT_RANGE, {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}}),
    (kinds.ENDPOINTS, {"subsets": [{"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 80}]}]}),
    (kinds.STATEFUL_SET, {"spec": {"serviceName": "s", **_SELECTED}}),
    (kinds.DAEMON_SET, {"spec": _SELECTED}),
    (
        kinds.HORIZONTAL_POD_AUTOSCALER_V1,
        {"spec": {**_TARGET, "targetCPUUtilizationPercentage": 50}},
    ),
    (kinds.HORIZONTAL_POD_AUTOSCALER, {"spec": {**_TARGET, "metrics": [{"type": "Resource", "resource": _CPU}]}}),
    (kinds.INGRESS, {"spec": {"rules": [{"host": "a.b", "http": _PATHS}]}}),
    (kinds.ROLE, {"rules": _RULES}),
    (kinds.LEASE, {"spec": {"holderIdentity": "a", "renewTime": "2024-01-01T00:00:00.000000Z"}}),
    (
        kinds.ENDPOINT_SLICE,
        {"addressType": "IPv4", "endpoints": [{"addresses": ["1.2.3.4"]}], "ports": [{"port": 80}]},
    ),
    (kinds.STORAGE_CLASS, {"provisioner": "x/y"}),
    (kinds.PRIORITY_CLASS, {"value": 5}),
]


@pytest.mark.parametrize(
    ("kind", "parts"), [pytest.param(*case, id=f"{case[0].kind} {case[0].version}") for case in _CASES]
)
async def test_what_is_applied_again_changes_nothing(cluster, kind, parts):
    config = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}, **copy.deepcopy(parts)}
    target = f"{kind.path(namespace='default', name='x')}?fieldManager=me"
    made = await cluster.json("PATCH", target, config, content_type=APPLY)
    await cluster.clock.advance(60)
    assert await cluster.json("PATCH", target, config, content_type=APPLY) == made
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["apiVersion"]) == ("me", kind.api_version)


_SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)
)
_NAMES = st.sampled_from(
    ["apiVersion", "kind", "metadata", "name", "labels", "spec", "ports", "port", "selector", "managedFields", "a"]
)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=12
)


_PATHS_OF_BODIES = ("services/x", "services/x/status", "replicationcontrollers/x/scale")
_TYPES = ({"apiVersion": "v1", "kind": "Service"}, {"apiVersion": "autoscaling/v1", "kind": "Scale"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(body=st.binary(max_size=20) | st.dictionaries(_NAMES, _JSON, max_size=5))
async def test_no_body_breaks_the_server(cluster, body):
    bodies = [body] if isinstance(body, bytes) else [body, *({**body, **types} for types in _TYPES)]
    for each in bodies:
        for path in _PATHS_OF_BODIES:
            target = f"/api/v1/namespaces/default/{path}?fieldManager=me&force=true"
            try:
                raw = each if isinstance(each, bytes) else json.dumps(each).encode()
                await cluster.send("PATCH", target, raw, content_type=APPLY)
            except errors.StatusError as error:
                assert error.code < 500, error


@pytest.mark.parametrize("depth", [100, 240, 400, 5000])
@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_deep_bodies_are_refused_or_kept(cluster, depth, form):
    head = b'{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"x"},"revision":1,"data":'
    if form == "yaml":
        head = head.replace(b'"revision":1', b"revision: 1")
    body = head + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    target = "/apis/apps/v1/namespaces/default/controllerrevisions/x?fieldManager=me"
    try:
        await cluster.send("PATCH", target, body, content_type=APPLY)
    except errors.StatusError as error:
        assert error.code < 500 and depth > 100, error
