"""Lists: consistent pages, versions, selectors."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def five(cluster, make_config_map):
    for number in range(5):
        labels = {"parity": "even" if number % 2 == 0 else "odd"}
        await cluster.client.create(kinds.CONFIG_MAP, make_config_map(f"c{number}", labels=labels))
    await cluster.client.create(kinds.CONFIG_MAP, make_config_map("elsewhere", "kube-system"))
    return cluster


def names(listed):
    return [item["metadata"]["name"] for item in listed["items"]]


async def test_a_list_holds_one_namespace_in_order_of_names(five):
    listed = await five.json("GET", CONFIG_MAPS)
    assert names(listed) == ["c0", "c1", "c2", "c3", "c4"]
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert listed["metadata"] == {"resourceVersion": str(await five.store.revision())}


async def test_each_item_carries_its_own_version(five):
    item = (await five.json("GET", CONFIG_MAPS))["items"][1]
    single = await five.json("GET", f"{CONFIG_MAPS}/c1")
    assert item == single


async def test_all_namespaces_are_listed_together(five):
    assert "elsewhere" in names(await five.json("GET", "/api/v1/configmaps"))


async def test_pages_come_from_one_snapshot(five, make_config_map):
    first = await five.json("GET", f"{CONFIG_MAPS}?limit=2")
    assert names(first) == ["c0", "c1"]
    assert first["metadata"]["remainingItemCount"] == 3
    await five.client.create(kinds.CONFIG_MAP, make_config_map("c11"))
    await five.client.delete(kinds.CONFIG_MAP, "c3", namespace="default")
    second = await five.json("GET", f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
    third = await five.json("GET", f"{CONFIG_MAPS}?limit=2&continue={second['metadata']['continue']}")
    assert names(second) + names(third) == ["c2", "c3", "c4"]
    assert "continue" not in third["metadata"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_pages_of_a_selection_are_filled_with_matches(five):
    first = await five.json("GET", f"{CONFIG_MAPS}?limit=2&labelSelector=parity=even")
    assert names(first) == ["c0", "c2"]
    assert "remainingItemCount" not in first["metadata"]
    token = first["metadata"]["continue"]
    second = await five.json("GET", f"{CONFIG_MAPS}?limit=2&labelSelector=parity=even&continue={token}")
    assert names(second) == ["c4"]
    assert "continue" not in second["metadata"]


async def test_a_field_selector_names_one_object(five):
    assert names(await five.json("GET", f"{CONFIG_MAPS}?fieldSelector=metadata.name=c3")) == ["c3"]
    assert names(await five.json("GET", f"{CONFIG_MAPS}?fieldSelector=metadata.name=none")) == []
    assert names(await five.json("GET", "/api/v1/configmaps?fieldSelector=metadata.name=c3")) == ["c3"]


async def test_an_unknown_field_label_is_a_bad_request(five):
    with pytest.raises(errors.BadRequest, match='"spec.x" is not a known field selector'):
        await five.send("GET", f"{CONFIG_MAPS}?fieldSelector=spec.x=1")


async def test_an_exact_version_shows_the_past(five):
    version = (await five.json("GET", f"{CONFIG_MAPS}/c1"))["metadata"]["resourceVersion"]
    listed = await five.json("GET", f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert names(listed) == ["c0", "c1"]
    assert listed["metadata"]["resourceVersion"] == version


async def test_not_older_than_gives_the_newest(five):
    listed = await five.json("GET", f"{CONFIG_MAPS}?resourceVersion=1&resourceVersionMatch=NotOlderThan")
    assert len(listed["items"]) == 5


async def test_a_compacted_version_is_expired(five):
    await five.store.compact(await five.store.revision())
    with pytest.raises(errors.Expired, match="The resourceVersion for the provided list is too old"):
        await five.send("GET", f"{CONFIG_MAPS}?resourceVersion=2&resourceVersionMatch=Exact")


async def test_an_expired_continue_token_comes_with_one_for_the_rest(five, make_config_map):
    first = await five.json("GET", f"{CONFIG_MAPS}?limit=2")
    await five.client.create(kinds.CONFIG_MAP, make_config_map("c22"))
    await five.store.compact(await five.store.revision())
    with pytest.raises(errors.Expired) as raised:
        await five.send("GET", f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
    token = raised.value.status()["metadata"]["continue"]
    assert names(await five.json("GET", f"{CONFIG_MAPS}?continue={token}")) == ["c2", "c22", "c3", "c4"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("continue=bm90IGEgdG9rZW4", "continue key is not valid", id="broken token"),
        pytest.param("limit=many", "limit must be a whole number", id="limit is no number"),
        pytest.param("resourceVersion=x", "must be a number", id="version is no number"),
        pytest.param("resourceVersionMatch=Exact", "forbidden unless resourceVersion", id="match alone"),
        pytest.param("resourceVersion=0&resourceVersionMatch=Exact", 'forbidden for resourceVersion "0"', id="exact 0"),
        pytest.param("resourceVersion=1&resourceVersionMatch=Odd", "Unsupported value", id="unknown match"),
        pytest.param("labelSelector=a==b==c", "found .==., expected", id="label selector"),
        pytest.param("resourceVersion=99999", "Too large resource version: 99999", id="future version"),
    ],
)
async def test_options_that_make_no_sense_are_refused(cluster, query, message):
    with pytest.raises(errors.StatusError, match=message) as raised:
        await cluster.send("GET", f"{CONFIG_MAPS}?{query}")
    assert raised.value.code in (400, 422, 504)


async def test_a_table_has_the_metadata_of_the_list(five):
    listed = await five.json(
        "GET", f"{CONFIG_MAPS}?limit=2", accept="application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    )
    assert listed["kind"] == "Table"
    assert listed["metadata"]["remainingItemCount"] == 3
    assert [row["cells"][0] for row in listed["rows"]] == ["c0", "c1"]
    assert listed["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_partial_metadata_lists_hold_no_data(five):
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = await five.json("GET", CONFIG_MAPS, accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}
