"""patch: the three kinds of patches, what is refused, and retries."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH

ONE = "/api/v1/namespaces/default/configmaps/one"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def one(cluster, make_config_map):
    return await cluster.client.create(kinds.CONFIG_MAP, make_config_map("one"))


async def test_a_merge_patch_sets_and_removes(cluster, one):
    patched = await cluster.json("PATCH", ONE, {"data": {"a": None, "b": "2"}}, content_type=MERGE_PATCH)
    assert patched["data"] == {"b": "2"}


async def test_a_json_patch_tests_and_replaces(cluster, one):
    ops = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "2"}]
    assert (await cluster.json("PATCH", ONE, ops, content_type=JSON_PATCH))["data"] == {"a": "2"}
    with pytest.raises(errors.Invalid):
        await cluster.send("PATCH", ONE, ops, content_type=JSON_PATCH)


async def test_a_strategic_patch_merges_lists_by_their_key(cluster, make_pod):
    await cluster.send("POST", PODS, make_pod("p"))
    patch = {"spec": {"containers": [{"name": "main", "image": "other"}]}}
    patched = await cluster.json("PATCH", f"{PODS}/p", patch, content_type=STRATEGIC_PATCH)
    (container,) = patched["spec"]["containers"]
    assert container["image"] == "other"
    assert container["volumeMounts"]


async def test_an_unknown_kind_of_patch_is_refused_with_the_known_ones(cluster, one):
    with pytest.raises(errors.UnsupportedMediaType) as caught:
        await cluster.send("PATCH", ONE, b"data: {}", content_type="application/apply-patch+cbor")
    assert caught.value.message == (
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
        "application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
    )


async def test_a_patch_that_changes_nothing_makes_no_revision(cluster, one):
    again = await cluster.json("PATCH", ONE, {"data": {"a": "1"}}, content_type=MERGE_PATCH)
    assert again == one


async def test_a_patch_based_on_an_old_version_is_a_conflict(cluster, one):
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}
    with pytest.raises(errors.Conflict):
        await cluster.send("PATCH", ONE, patch, content_type=MERGE_PATCH)


async def test_patches_at_the_same_time_all_arrive(cluster, one):
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            patch = {"data": {f"k{number}": "x"}}
            group.create_task(cluster.client.patch(kinds.CONFIG_MAP, "one", patch, namespace="default"))
    stored = await cluster.client.get(kinds.CONFIG_MAP, "one", namespace="default")
    assert len(stored["data"]) == 21


async def test_a_strict_patch_names_unknown_fields(cluster, one):
    with pytest.raises(errors.Invalid) as raised:
        await cluster.send("PATCH", f"{ONE}?fieldValidation=Strict", {"extra": 1}, content_type=MERGE_PATCH)
    assert raised.value.message.endswith('strict decoding error: unknown field "extra"')
    assert raised.value.details["causes"][0]["field"] == "patch"


async def test_a_patch_to_a_wrong_type_is_invalid(cluster, one):
    with pytest.raises(errors.Invalid, match=r"data\.a"):
        await cluster.send("PATCH", ONE, {"data": {"a": {"b": 1}}}, content_type=MERGE_PATCH)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"{", MERGE_PATCH, id="broken"),
        pytest.param(b"[]", MERGE_PATCH, id="a list as merge patch"),
        pytest.param(b"{}", JSON_PATCH, id="an object as JSON patch"),
        pytest.param(b'[{"op":"remove","path":""}]', JSON_PATCH, id="the whole document"),
        pytest.param(b'{"kind":"Secret"}', MERGE_PATCH, id="another kind"),
    ],
)
async def test_patches_that_make_no_sense_are_refused(cluster, one, body, content_type):
    with pytest.raises(errors.StatusError) as raised:
        await cluster.send("PATCH", ONE, body, content_type=content_type)
    assert raised.value.code in (400, 422)


async def test_the_status_is_patched_apart(cluster, make_pod):
    await cluster.send("POST", PODS, make_pod("p"))
    patch = {"status": {"phase": "Running"}, "spec": {"nodeName": "n1"}}
    patched = await cluster.json("PATCH", f"{PODS}/p/status", patch, content_type=MERGE_PATCH)
    assert patched["status"]["phase"] == "Running"
    assert "nodeName" not in patched["spec"]
