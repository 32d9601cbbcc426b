"""Reads at a resourceVersion: every row of the tables in "API concepts", "Resource versions"."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def twice(cluster, make_config_map):
    """A cluster with a ConfigMap `a`, and one `b` made after; the version in between."""
    made = await cluster.client.create(kinds.CONFIG_MAP, make_config_map("a"))
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("b"))
    return cluster, made["metadata"]["resourceVersion"]


async def names(cluster, query):
    found = await cluster.json("GET", f"{MAPS}{query}")
    return [item["metadata"]["name"] for item in found["items"] if item["metadata"]["name"] in "ab"]


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        pytest.param("", ["a", "b"], id="most recent"),
        pytest.param("?resourceVersion=", ["a", "b"], id="empty"),
        pytest.param("?resourceVersion=0", ["a", "b"], id="any"),
        pytest.param("?resourceVersion=RV", ["a", "b"], id="not older than"),
        pytest.param("?resourceVersion=RV&resourceVersionMatch=NotOlderThan", ["a", "b"], id="told not older than"),
        pytest.param("?resourceVersion=0&resourceVersionMatch=NotOlderThan", ["a", "b"], id="told any"),
        pytest.param("?resourceVersion=RV&resourceVersionMatch=Exact", ["a"], id="exact"),
        pytest.param("?limit=5", ["a", "b"], id="page"),
        pytest.param("?limit=5&resourceVersion=0", ["a", "b"], id="page of any"),
        pytest.param("?limit=5&resourceVersion=RV", ["a"], id="page at a version is exact"),
        pytest.param("?limit=5&resourceVersion=RV&resourceVersionMatch=NotOlderThan", ["a", "b"], id="page not older"),
        pytest.param("?limit=5&resourceVersion=RV&resourceVersionMatch=Exact", ["a"], id="page exact"),
    ],
)
async def test_a_list_is_of_the_version_that_is_asked_for(twice, query, seen):
    cluster, version = twice
    assert await names(cluster, query.replace("RV", version)) == seen


@pytest.mark.parametrize(
    ("query", "why"),
    [
        pytest.param(
            "?resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion", id="none"
        ),
        pytest.param(
            "?resourceVersion=0&resourceVersionMatch=Exact", 'forbidden for resourceVersion "0"', id="exact any"
        ),
        pytest.param("?resourceVersion=1&resourceVersionMatch=Newest", 'Unsupported value: "Newest"', id="other word"),
        pytest.param("?sendInitialEvents=true", "sendInitialEvents is forbidden for list", id="initial events"),
        pytest.param("?watch=1&resourceVersionMatch=NotOlderThan", "is forbidden for watch unless", id="watch"),
        pytest.param("?watch=1&sendInitialEvents=true", "requires setting resourceVersionMatch", id="watch unmatched"),
    ],
)
async def test_words_that_do_not_go_together_are_refused(cluster, query, why):
    with pytest.raises(errors.Invalid, match=why):
        await cluster.send("GET", f"{MAPS}{query}")


async def test_a_get_is_not_older_than_its_version(twice):
    cluster, version = twice
    for asked in ("", "0", version):
        assert (await cluster.json("GET", f"{MAPS}/a?resourceVersion={asked}"))["metadata"]["name"] == "a"
    with pytest.raises(errors.Timeout, match="Too large resource version"):
        await cluster.json("GET", f"{MAPS}/a?resourceVersion=999999")


async def test_a_watch_by_field_sees_objects_come_and_go(cluster, make_pod):
    made = await cluster.client.create(kinds.POD, make_pod("p"))
    version = made["metadata"]["resourceVersion"]
    path = f"/api/v1/pods?watch=1&resourceVersion={version}&fieldSelector=status.phase=Running"
    lines = await cluster.lines(path)
    for phase in ("Running", "Succeeded"):
        made["status"]["phase"] = phase
        made = await cluster.client.update(kinds.POD, made, subresource="status")
    assert await lines.take(2) == [("ADDED", "p"), ("DELETED", "p")]
    await lines.aclose()
