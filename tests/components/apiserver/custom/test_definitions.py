"""CustomResourceDefinitions in the server core: served at once, their status, their names, their end."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.documents.discovery import Discovery

Obj = dict[str, Any]
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
MERGE = {"content_type": "application/merge-patch+json"}


async def gone(cluster: Any, target: str) -> None:
    """Wait until a definition is no more, and what it defined is no longer served."""
    plural, _, group = target.rpartition("/")[2].partition(".")
    async with asyncio.timeout(5):
        while True:
            try:
                await cluster.json("GET", target)
            except errors.NotFound:
                if cluster.handler.core.kinds.resource(group, "v1", plural) is None:
                    return
            await asyncio.sleep(0)


def conditions(crd: Obj) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in crd["status"]["conditions"]}


async def test_a_kind_is_served_when_the_post_of_its_definition_is_answered(cluster: Any, crds: Any) -> None:
    made = await cluster.json("POST", crds.CRDS, crds.definition())
    assert made["status"] == {
        "conditions": [], "acceptedNames": {"kind": "", "plural": ""}, "storedVersions": ["v1"],
    }  # fmt: skip
    created = await cluster.json("POST", WIDGETS, crds.widget())
    assert created["metadata"]["generation"] == 1
    kv = await cluster.handler.core.objects.get(
        cluster.handler.core.kinds.resource("example.com", "v1", "widgets"), "default", "one"
    )
    assert kv.key == b"/registry/example.com/widgets/default/one"
    crd = await cluster.json("GET", f"{crds.CRDS}/widgets.example.com")
    assert conditions(crd) == {
        "NamesAccepted": ("True", "NoConflicts"), "Established": ("True", "InitialNamesAccepted"),
    }  # fmt: skip
    assert crd["status"]["acceptedNames"] == {
        "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wd"],
        "categories": ["all"],
    }  # fmt: skip


async def test_discovery_shows_it_and_forgets_it(cluster: Any, crds: Any) -> None:
    discovery = Discovery(cluster.handler.core.kinds, server_address="")

    def resources_of(path: str) -> list[str]:
        answer = discovery.answer(Request("GET", path))
        assert answer is not None
        return [entry["name"] for entry in crds.loads(answer.body)["resources"]]

    await cluster.json("POST", crds.CRDS, crds.definition())
    assert resources_of("/apis/example.com/v1") == ["widgets", "widgets/scale", "widgets/status"]
    await cluster.json("DELETE", f"{crds.CRDS}/widgets.example.com")
    await gone(cluster, f"{crds.CRDS}/widgets.example.com")
    with pytest.raises(errors.NotFound):
        resources_of("/apis/example.com/v1")
    with pytest.raises(errors.NotFound, match="the server could not find the requested resource"):
        await cluster.json("GET", WIDGETS)


async def test_names_of_another_definition_are_not_accepted_until_they_are_free(cluster: Any, crds: Any) -> None:
    await cluster.json("POST", crds.CRDS, crds.definition())
    taken = crds.definition("gadgets", kind="Gadget", names={"shortNames": ["widget"]})
    await cluster.json("POST", crds.CRDS, taken)
    crd = await cluster.json("GET", f"{crds.CRDS}/gadgets.example.com")
    assert conditions(crd) == {
        "NamesAccepted": ("False", "ShortNamesConflict"), "Established": ("False", "NotAccepted"),
    }  # fmt: skip
    assert crd["status"]["conditions"][0]["message"] == '"widget" is already in use'
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", "/apis/example.com/v1/gadgets")
    await cluster.json("DELETE", f"{crds.CRDS}/widgets.example.com")
    await gone(cluster, f"{crds.CRDS}/widgets.example.com")
    async with asyncio.timeout(5):
        while cluster.handler.core.kinds.resource("example.com", "v1", "gadgets") is None:
            await asyncio.sleep(0)
    assert (await cluster.json("GET", "/apis/example.com/v1/gadgets"))["items"] == []


async def test_a_definition_goes_when_the_last_of_its_objects_has_gone(cluster: Any, crds: Any) -> None:
    await cluster.json("POST", crds.CRDS, crds.definition())
    held = crds.widget("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await cluster.json("POST", WIDGETS, held)
    await cluster.json("POST", WIDGETS, crds.widget("free"))
    crd = await cluster.json("DELETE", f"{crds.CRDS}/widgets.example.com")
    assert crd["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert conditions(crd)["Terminating"] == ("True", "InstanceDeletionPending")
    async with asyncio.timeout(5):
        while len((await cluster.json("GET", WIDGETS))["items"]) > 1:
            await asyncio.sleep(0)
    with pytest.raises(errors.MethodNotAllowed, match="create not allowed while custom resource definition is term"):
        await cluster.json("POST", WIDGETS, crds.widget("late"))
    with pytest.raises(errors.MethodNotAllowed, match="create not allowed while custom resource definition is term"):
        await cluster.json(
            "PATCH", f"{WIDGETS}/late?fieldManager=a", crds.widget("late"), content_type="application/apply-patch+yaml"
        )
    left = await cluster.json("GET", f"{WIDGETS}/held")
    assert left["metadata"]["deletionTimestamp"]
    await cluster.json("PATCH", f"{WIDGETS}/held", {"metadata": {"finalizers": None}}, **MERGE)
    await gone(cluster, f"{crds.CRDS}/widgets.example.com")
    assert not (await cluster.handler.core.objects.everything(kinds.CUSTOM_RESOURCE_DEFINITION)).kvs


async def test_another_server_on_the_same_store_serves_it_too(cluster: Any, crds: Any) -> None:
    other = resources.build(cluster.store, kinds.built_in(), CoreConfig(), cluster.clock, rng=random.Random(2))
    await bootstrap.run(other)
    try:
        await cluster.json("POST", crds.CRDS, crds.definition())
        async with asyncio.timeout(5):
            while other.core.kinds.resource("example.com", "v1", "widgets") is None:
                await asyncio.sleep(0)
    finally:
        await other.aclose()


async def test_a_restarted_server_serves_what_was_defined_before(cluster: Any, crds: Any) -> None:
    await cluster.json("POST", crds.CRDS, crds.definition())
    await cluster.json("POST", WIDGETS, crds.widget())
    other = resources.build(cluster.store, kinds.built_in(), CoreConfig(), cluster.clock, rng=random.Random(2))
    await bootstrap.run(other)
    kind = other.core.kinds.resource("example.com", "v1", "widgets")
    mine = cluster.handler.core.kinds.resource("example.com", "v1", "widgets")
    assert kind is not None
    assert repr(kind) == repr(mine)
    await other.aclose()


async def test_a_version_that_is_no_longer_served_is_not_found(cluster: Any, crds: Any) -> None:
    versions = [crds.version(), crds.version("v2", storage=False)]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions))
    await cluster.json("POST", WIDGETS, crds.widget())
    assert (await cluster.json("GET", "/apis/example.com/v2/widgets"))["items"][0]["apiVersion"] == "example.com/v2"
    versions[1]["served"] = False
    patch = {"spec": {"versions": versions}}
    await cluster.json("PATCH", f"{crds.CRDS}/widgets.example.com", patch, **MERGE)
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", "/apis/example.com/v2/widgets")


async def test_objects_move_to_a_new_storage_version_when_they_are_written(cluster: Any, crds: Any) -> None:
    versions = [crds.version(), crds.version("v2", storage=False)]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions))
    await cluster.json("POST", WIDGETS, crds.widget())
    versions[0]["storage"], versions[1]["storage"] = False, True
    crd = await cluster.json(
        "PATCH", f"{crds.CRDS}/widgets.example.com", {"spec": {"versions": versions}}, **MERGE
    )  # fmt: skip
    assert crd["status"]["storedVersions"] == ["v1", "v2"]
    assert crd["metadata"]["generation"] == 2
    core = cluster.handler.core
    kind = core.kinds.resource("example.com", "v1", "widgets")
    assert (await core.objects.get(kind, "default", "one")).value.startswith(b'{"apiVersion":"example.com/v1"')
    before = await cluster.json("GET", f"{WIDGETS}/one")
    after = await cluster.json("PUT", f"{WIDGETS}/one", before)
    assert (await core.objects.get(kind, "default", "one")).value.startswith(b'{"apiVersion":"example.com/v2"')
    assert after["apiVersion"] == "example.com/v1"
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]
    again = await cluster.json("PUT", f"{WIDGETS}/one", after)
    assert again["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


async def test_watches_end_when_the_schema_changes(cluster: Any, crds: Any) -> None:
    crd = crds.definition()
    await cluster.json("POST", crds.CRDS, crd)
    lines = await cluster.lines("/apis/example.com/v1/widgets?watch=1&resourceVersion=1")
    versions = crd["spec"]["versions"]
    versions[0]["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions[0].pop("selectableFields")
    await cluster.json("PATCH", f"{crds.CRDS}/widgets.example.com", {"spec": {"versions": versions}}, **MERGE)
    with pytest.raises(StopAsyncIteration):
        await lines.next()
    await cluster.json("POST", WIDGETS, {**crds.widget(), "any": "thing"})


async def test_a_built_in_kind_is_not_taken_over(cluster: Any, crds: Any) -> None:
    crd = crds.definition("leases", group="coordination.k8s.io", kind="Lease")
    crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, it is a test"}
    await cluster.json("POST", crds.CRDS, crd)
    kind = cluster.handler.core.kinds.resource("coordination.k8s.io", "v1", "leases")
    assert kind is kinds.LEASE
    found = conditions(await cluster.json("GET", f"{crds.CRDS}/leases.coordination.k8s.io"))
    assert found["KubernetesAPIApprovalPolicyConformant"] == ("False", "UnapprovedAnnotation")


async def test_a_status_that_is_refused_is_written_later_and_other_definitions_go_on(cluster: Any, crds: Any) -> None:
    registration = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
    rule = {
        "apiGroups": ["apiextensions.k8s.io"], "apiVersions": ["v1"], "operations": ["UPDATE"],
        "resources": ["customresourcedefinitions/status"],
    }  # fmt: skip
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.metadata.name != 'gadgets.example.com'"}],
    }
    await cluster.json("POST", f"{registration}ies", {"metadata": {"name": "p"}, "spec": spec})
    binding = {"policyName": "p", "validationActions": ["Deny"]}
    await cluster.json("POST", f"{registration}ybindings", {"metadata": {"name": "b"}, "spec": binding})
    await cluster.json("POST", crds.CRDS, crds.definition("gadgets", kind="Gadget", names={"shortNames": []}))
    await cluster.json("POST", crds.CRDS, crds.definition())
    await cluster.json("POST", WIDGETS, crds.widget())
    assert cluster.handler.core.kinds.resource("example.com", "v1", "gadgets") is None
    await cluster.json("DELETE", f"{registration}ybindings/b")
    async with asyncio.timeout(5):
        while cluster.handler.core.kinds.resource("example.com", "v1", "gadgets") is None:
            await cluster.clock.advance(1.0)


async def test_formats_that_nobody_knows_are_warned_of(cluster: Any, crds: Any) -> None:
    spec = {"type": "array", "items": {"type": "string", "format": "odd"}}
    number = {"type": "integer", "format": "int64"}
    versions = [crds.version(schema={"type": "object", "properties": {"spec": spec, "number": number}})]
    response = await cluster.send("POST", crds.CRDS, crds.definition(versions=versions))
    assert response.headers["Warning"] == '299 - "unrecognized format \\"odd\\""'
