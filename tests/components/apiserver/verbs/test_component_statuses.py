"""ComponentStatuses, and the warnings that come with resources clients are told to leave."""

from __future__ import annotations

import pytest

from hyperpy.api import errors

CS = "/api/v1/componentstatuses"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


async def test_the_store_is_healthy(cluster):
    table = await cluster.json("GET", CS, accept=TABLE)
    assert [row["cells"] for row in table["rows"]] == [["etcd-0", "Healthy", "ok", ""]]
    assert (await cluster.json("GET", f"{CS}/etcd-0"))["conditions"][0]["status"] == "True"
    listed = await cluster.json("GET", CS)
    assert (listed["kind"], len(listed["items"])) == ("ComponentStatusList", 1)
    assert (await cluster.json("GET", f"{CS}?labelSelector=a=b"))["items"] == []


async def test_they_are_only_read(cluster):
    with pytest.raises(errors.NotFound, match='componentstatuses "scheduler" not found'):
        await cluster.json("GET", f"{CS}/scheduler")
    with pytest.raises(errors.MethodNotAllowed):
        await cluster.json("POST", CS, {"metadata": {"name": "a"}})
    with pytest.raises(errors.MethodNotAllowed):
        await cluster.json("DELETE", f"{CS}/etcd-0")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(CS, "v1 ComponentStatus is deprecated in v1.19+", id="component statuses"),
        pytest.param(
            "/api/v1/endpoints",
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
            id="endpoints",
        ),
    ],
)
async def test_who_asks_for_a_deprecated_resource_is_warned(cluster, path, text):
    assert (await cluster.send("GET", path)).headers["Warning"] == f'299 - "{text}"'
    assert "Warning" not in (await cluster.send("GET", "/api/v1/services")).headers
