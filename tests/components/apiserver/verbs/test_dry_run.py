"""A dry run of every verb answers as the verb does, and leaves the store as it is."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds

NS = "/api/v1/namespaces/default"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2"}}
MERGE, JSON, APPLY = "application/merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml"
SCALE = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "rc"}, "spec": {"replicas": 5}}
BINDING = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "default"}}
POD_SPEC = {"containers": [{"name": "c", "image": "i"}]}
CONTROLLER = {
    "metadata": {"name": "rc", "namespace": "default"},
    "spec": {
        "replicas": 1, "selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC},
    },
}  # fmt: skip


@pytest.fixture
async def filled(cluster, make_config_map, make_pod):
    """A ConfigMap, a Pod and a ReplicationController."""
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("a"))
    await cluster.client.create(kinds.POD, make_pod("p"))
    await cluster.client.create(kinds.REPLICATION_CONTROLLER, CONTROLLER)
    return cluster


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type"),
    [
        pytest.param("POST", f"{NS}/configmaps", {**MAP, "metadata": {"name": "b"}}, "application/json", id="create"),
        pytest.param(
            "POST", f"{NS}/configmaps", {**MAP, "metadata": {"generateName": "b-"}}, "application/json", id="generate"
        ),
        pytest.param("POST", f"{NS}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}},
                     "application/json", id="service"),
        pytest.param("PUT", f"{NS}/configmaps/a", MAP, "application/json", id="update"),
        pytest.param("PATCH", f"{NS}/configmaps/a", {"data": {"x": "2"}}, MERGE, id="merge patch"),
        pytest.param("PATCH", f"{NS}/configmaps/a", [{"op": "remove", "path": "/data"}], JSON, id="json patch"),
        pytest.param("PATCH", f"{NS}/configmaps/a?fieldManager=m", MAP, APPLY, id="apply"),
        pytest.param("PATCH", f"{NS}/configmaps/new?fieldManager=m", {**MAP, "metadata": {"name": "new"}}, APPLY,
                     id="apply anew"),
        pytest.param("DELETE", f"{NS}/configmaps/a", None, "application/json", id="delete"),
        pytest.param("DELETE", f"{NS}/configmaps", None, "application/json", id="delete collection"),
        pytest.param("PATCH", f"{NS}/pods/p/status", {"status": {"phase": "Running"}}, MERGE, id="status"),
        pytest.param("PUT", f"{NS}/replicationcontrollers/rc/scale", SCALE, "application/json", id="scale"),
        pytest.param("POST", f"{NS}/pods/p/binding", BINDING, "application/json", id="binding"),
        pytest.param("POST", f"{NS}/pods/p/eviction", EVICTION, "application/json", id="eviction"),
    ],
)  # fmt: skip
async def test_a_dry_run_changes_nothing(filled, method, path, body, content_type):
    before = await filled.store.revision()
    separator = "&" if "?" in path else "?"
    answer = await filled.send(method, f"{path}{separator}dryRun=All", body, content_type=content_type)
    assert answer.status in (200, 201)
    assert await filled.store.revision() == before


async def test_a_dry_run_is_refused_as_the_verb_is(filled):
    with pytest.raises(errors.AlreadyExists):
        await filled.send("POST", f"{NS}/configmaps?dryRun=All", MAP)
    with pytest.raises(errors.Invalid, match='dryRun: Unsupported value: "Some": supported values: "All"'):
        await filled.send("POST", f"{NS}/configmaps?dryRun=Some", MAP)
