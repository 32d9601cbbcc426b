"""Server-side apply and managedFields of custom kinds: their schema says how they merge."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hyperpy.api import errors

WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
async def served(cluster: Any, crds: Any) -> Any:
    """A cluster that serves widgets."""
    await cluster.json("POST", crds.CRDS, crds.definition())
    return cluster


async def apply(cluster: Any, target: str, obj: Any, manager: str = "me", **query: str) -> Any:
    options = "".join(f"&{name}={value}" for name, value in query.items())
    return await cluster.json("PATCH", f"{target}?fieldManager={manager}{options}", obj, content_type=APPLY)


def shown(obj: Any) -> dict[tuple[str, str], Any]:
    return {(one["manager"], one.get("subresource", "")): one["fieldsV1"] for one in obj["metadata"]["managedFields"]}


async def test_a_new_object_is_owned_from_the_spec_on(served: Any, crds: Any) -> None:
    made = await served.json(
        "POST", f"{WIDGETS}?fieldManager=one", crds.widget(parts=[{"name": "a"}], labels={"x": "1"})
    )
    assert shown(made) == {
        ("one", ""): {
            "f:spec": {
                ".": {},
                "f:size": {},
                "f:color": {},
                "f:replicas": {},
                "f:labels": {".": {}, "f:x": {}},
                "f:parts": {".": {}, 'k:{"name":"a"}': {".": {}, "f:name": {}, "f:count": {}}},
            }
        }
    }


async def test_applying_again_changes_nothing_and_less_takes_out(served: Any, crds: Any) -> None:
    config = crds.widget(parts=[{"name": "a"}], tags=["x", "y"], free={"a": {"b": [1]}}, labels={"k": "v"})
    made = await apply(served, f"{WIDGETS}/one", config)
    assert shown(made)["me", ""]["f:spec"]["f:free"] == {"f:a": {".": {}, "f:b": {}}}
    await served.clock.advance(60)
    again = await apply(served, f"{WIDGETS}/one", config)
    assert again == made
    less = await apply(served, f"{WIDGETS}/one", crds.widget(tags=["y"]))
    assert less["spec"] == {"size": 3, "color": "red", "replicas": 1, "tags": ["y"]}


async def test_a_field_that_the_version_does_not_have_is_refused(served: Any, crds: Any) -> None:
    with pytest.raises(errors.BadRequest) as refused:
        await apply(served, f"{WIDGETS}/one", crds.widget(extra=1))
    assert str(refused.value) == (
        "failed to create typed patch object (default/one; example.com/v1, Kind=Widget): "
        ".spec.extra: field not declared in schema"
    )


async def test_status_and_scale_have_entries_of_their_own(served: Any, crds: Any) -> None:
    await apply(served, f"{WIDGETS}/one", crds.widget(replicas=2))
    status = {**crds.widget(), "status": {"phase": "Up"}}
    applied = await apply(served, f"{WIDGETS}/one/status", status, "two")
    assert shown(applied)["two", "status"] == {"f:status": {"f:phase": {}}}
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "one"}, "spec": {"replicas": 5}}
    with pytest.raises(errors.Conflict, match='conflict with "me": .spec.replicas'):
        await apply(served, f"{WIDGETS}/one/scale", scale, "three")
    await apply(served, f"{WIDGETS}/one/scale", scale, "three", force="true")
    after = await served.json("GET", f"{WIDGETS}/one")
    assert after["spec"]["replicas"] == 5
    assert shown(after)["three", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in shown(after)["me", ""]["f:spec"]


async def test_a_scale_owns_the_path_that_the_definition_names(cluster: Any, crds: Any) -> None:
    definition = crds.definition()
    scale = definition["spec"]["versions"][0]["subresources"]["scale"]
    scale["specReplicasPath"] = ".spec.size"
    await cluster.json("POST", crds.CRDS, definition)
    await cluster.json("POST", f"{WIDGETS}?fieldManager=one", crds.widget())
    config = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "one"}, "spec": {"replicas": 5}}
    await apply(cluster, f"{WIDGETS}/one/scale", config, "two", force="true")
    after = shown(await cluster.json("GET", f"{WIDGETS}/one"))
    assert after["two", "scale"] == {"f:spec": {"f:size": {}}}
    assert "f:size" not in after["one", ""]["f:spec"]


async def test_versions_share_their_managers(cluster: Any, crds: Any) -> None:
    versions = [crds.version("v1"), crds.version("v2", storage=False)]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions))
    await apply(cluster, f"{WIDGETS}/one", crds.widget(color="green", name="abc"), "one")
    newer = WIDGETS.replace("/v1/", "/v2/")
    second = crds.widget(api_version="example.com/v2", color="red")
    with pytest.raises(errors.Conflict, match='conflict with "one": .spec.color'):
        await apply(cluster, f"{newer}/one", second, "two")
    forced = await apply(cluster, f"{newer}/one", second, "two", force="true")
    entries = {one["manager"]: one for one in forced["metadata"]["managedFields"]}
    assert (entries["one"]["apiVersion"], entries["two"]["apiVersion"]) == ("example.com/v1", "example.com/v2")
    assert "f:color" not in entries["one"]["fieldsV1"]["f:spec"]
    less = await apply(cluster, f"{newer}/one", crds.widget(api_version="example.com/v2"), "one")
    assert "name" not in less["spec"], "what was applied in the other version is taken out"
    assert {one["apiVersion"] for one in less["metadata"]["managedFields"]} == {"example.com/v2"}


async def test_lists_that_became_one_value_are_owned_as_such(served: Any, crds: Any) -> None:
    await apply(served, f"{WIDGETS}/one", crds.widget(tags=["x"]))
    definition = await served.json("GET", f"{crds.CRDS}/widgets.example.com")
    schema = copy.deepcopy(definition)
    tags = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["tags"]
    tags["x-kubernetes-list-type"] = "atomic"
    await served.json("PUT", f"{crds.CRDS}/widgets.example.com", schema)
    with pytest.raises(errors.Conflict, match='conflict with "me": .spec.tags'):
        await apply(served, f"{WIDGETS}/one", crds.widget(tags=["y"]), "other")
