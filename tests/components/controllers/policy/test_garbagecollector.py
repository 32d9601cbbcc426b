"""Garbage collection: background, foreground and orphaning, over kinds it knows nothing of."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import DeleteOptions
from hyperpy.components.controllers.policy import collection_plan as gc
from hyperpy.components.controllers.policy.collection_plan import Owner


def obj(*finalizers: str, leaving: bool = False) -> dict[str, Any]:
    times = {"deletionTimestamp": "t"} if leaving else {}
    return {"metadata": {"uid": "me", "finalizers": list(finalizers), **times}}


BLOCKING = {"metadata": {"uid": "d", "ownerReferences": [{"uid": "me", "blockOwnerDeletion": True}]}}
FREE = {"metadata": {"uid": "d", "ownerReferences": [{"uid": "me"}]}}
WAITING = obj("foregroundDeletion", leaving=True)
HOLDING = {"metadata": {"uid": "me", "ownerReferences": [{"uid": "a", "blockOwnerDeletion": True}]}}


@pytest.mark.parametrize(
    ("subject", "owners", "dependents", "expected"),
    [
        pytest.param(obj(), {}, [], gc.Keep(), id="nobody-owns-it"),
        pytest.param(obj(), {"a": Owner.HOLDS}, [], gc.Keep(), id="held"),
        pytest.param(obj(), {"a": Owner.GONE}, [], gc.Delete("Background"), id="abandoned"),
        pytest.param(
            obj(), {"a": Owner.HOLDS, "b": Owner.GONE}, [], gc.DropOwners(frozenset("b")), id="half-abandoned"
        ),
        pytest.param(obj(), {"a": Owner.WAITS}, [], gc.Delete("Background"), id="owner-waits"),
        pytest.param(obj(), {"a": Owner.WAITS}, [FREE], gc.Delete("Foreground"), id="owner-waits-for-a-whole-branch"),
        pytest.param(HOLDING, {"a": Owner.WAITS}, [WAITING], gc.Unblock(), id="waits-for-what-waits-for-it"),
        pytest.param(obj(), {"a": Owner.WAITS}, [WAITING], gc.Delete("Foreground"), id="holds-nobody-up"),
        pytest.param(obj("orphan"), {"a": Owner.GONE}, [FREE], gc.Delete("Orphan"), id="wants-orphans"),
        pytest.param(obj("foregroundDeletion"), {"a": Owner.GONE}, [FREE], gc.Delete("Foreground"), id="wants-to-wait"),
        pytest.param(obj("orphan", leaving=True), {}, [FREE], gc.Orphan(), id="orphaning"),
        pytest.param(obj("foregroundDeletion", leaving=True), {}, [BLOCKING], gc.Wait(), id="blocked"),
        pytest.param(obj("foregroundDeletion", leaving=True), {}, [FREE], gc.Release(), id="not-blocked"),
        pytest.param(obj("other", leaving=True), {}, [BLOCKING], gc.Keep(), id="others-finalizer"),
    ],
)
def test_plan(subject: Any, owners: Any, dependents: Any, expected: Any) -> None:
    assert gc.plan(subject, owners, dependents=dependents) == expected


async def owned(world: Any, name: str, owner: Any, kind: Kind = kinds.CONFIG_MAP, *, block: bool = True) -> Any:
    """A ConfigMap that belongs to `owner`."""
    reference = meta.owner_reference(kind, owner, controller=False, block=block)
    metadata = {"name": name, "namespace": "default", "ownerReferences": [reference]}
    return await world.client.create(kinds.CONFIG_MAP, {"metadata": metadata})


async def tree(world: Any) -> Any:
    """root ─▶ branch ─▶ leaf."""
    root = await world.client.create(kinds.SECRET, {"metadata": {"name": "root", "namespace": "default"}})
    branch = await owned(world, "branch", root, kinds.SECRET)
    await owned(world, "leaf", branch)
    return root


async def names(world: Any) -> set[str]:
    found = [*await world.list(kinds.CONFIG_MAP), *await world.list(kinds.SECRET)]
    return {each["metadata"]["name"] for each in found} - {"kube-root-ca.crt"}


def left(world: Any, *expected: str) -> Any:
    async def holds() -> bool:
        return await names(world) == set(expected)

    return holds


async def test_in_the_background_dependents_follow_their_owner(world: Any) -> None:
    await tree(world)
    await world.start("garbagecollector")
    await world.client.delete(kinds.SECRET, "root", namespace="default")
    await world.until(left(world))


async def test_in_the_foreground_the_owner_waits_for_its_dependents(world: Any) -> None:
    await tree(world)
    held = {"metadata": {"finalizers": ["test.io/held"]}}
    await world.client.patch(kinds.CONFIG_MAP, "leaf", held, namespace="default")
    await world.start("garbagecollector")
    options = DeleteOptions(propagation="Foreground")
    await world.client.delete(kinds.SECRET, "root", namespace="default", options=options)

    async def all_leaving() -> bool:
        found = [*await world.list(kinds.CONFIG_MAP), *await world.list(kinds.SECRET)]
        return len(found) == 3 and all(map(meta.is_deleting, found))

    await world.until(all_leaving)
    await world.quiet()
    assert await names(world) == {"root", "branch", "leaf"}
    await world.client.patch(kinds.CONFIG_MAP, "leaf", {"metadata": {"finalizers": None}}, namespace="default")
    await world.until(left(world))


async def test_orphans_stay_and_forget_their_owner(world: Any) -> None:
    await tree(world)
    await world.start("garbagecollector")
    options = DeleteOptions(propagation="Orphan")
    await world.client.delete(kinds.SECRET, "root", namespace="default", options=options)
    await world.until(left(world, "branch", "leaf"))
    branch = await world.client.get(kinds.CONFIG_MAP, "branch", namespace="default")
    assert "ownerReferences" not in branch["metadata"]


async def test_an_object_of_an_owner_that_never_was_goes_and_one_of_an_unknown_kind_stays(world: Any) -> None:
    await world.start("garbagecollector")
    ghost = {"metadata": {"name": "ghost", "uid": "0-0-0"}}
    await owned(world, "abandoned", ghost)
    unknown = Kind("example.com", "v1", "Widget", "widgets")
    await owned(world, "stranger", ghost, unknown)
    await world.until(left(world, "stranger"))


async def test_one_of_two_owners_is_enough(world: Any) -> None:
    await world.start("garbagecollector")
    one = await world.client.create(kinds.SECRET, {"metadata": {"name": "one", "namespace": "default"}})
    two = await world.client.create(kinds.SECRET, {"metadata": {"name": "two", "namespace": "default"}})
    references = [meta.owner_reference(kinds.SECRET, each, controller=False) for each in (one, two)]
    shared = {"metadata": {"name": "shared", "namespace": "default", "ownerReferences": references}}
    await world.client.create(kinds.CONFIG_MAP, shared)
    await world.client.delete(kinds.SECRET, "one", namespace="default")

    async def one_left() -> bool:
        found = await world.client.get(kinds.CONFIG_MAP, "shared", namespace="default")
        return [each["name"] for each in found["metadata"]["ownerReferences"]] == ["two"]

    await world.until(one_left)


async def test_a_cache_that_is_behind_costs_no_object(world: Any) -> None:
    """The owner is new and not in the cache yet; its dependent is. Only the API itself may say that it is gone."""
    await world.start("garbagecollector")
    await world.quiet()
    world.faulty.flowing.clear()
    root = await world.client.create(kinds.SECRET, {"metadata": {"name": "root", "namespace": "default"}})
    await owned(world, "young", root, kinds.SECRET)
    world.faulty.cut.add("secrets")
    world.faulty.flowing.set()
    await world.quiet()
    assert await names(world) == {"root", "young"}


async def test_a_crash_and_events_missed_meanwhile_are_made_good_at_the_next_start(world: Any) -> None:
    await tree(world)
    await world.start("garbagecollector")

    def crash(verb: str, kind: Kind) -> None:
        raise errors.ServiceUnavailable("the connection broke")

    world.faulty.before = crash
    await world.client.delete(kinds.SECRET, "root", namespace="default")
    await world.quiet()
    await world.stop()
    world.faulty.before = lambda verb, kind: None
    await world.start("garbagecollector")
    await world.until(left(world))


async def test_two_that_own_each_other_go_in_the_foreground_too(world: Any) -> None:
    await world.start("garbagecollector")
    one = await world.client.create(kinds.SECRET, {"metadata": {"name": "one", "namespace": "default"}})
    two = await owned(world, "two", one, kinds.SECRET)
    back = {"metadata": {"ownerReferences": [meta.owner_reference(kinds.CONFIG_MAP, two)]}}
    await world.client.patch(kinds.SECRET, "one", back, namespace="default")
    options = DeleteOptions(propagation="Foreground")
    await world.client.delete(kinds.SECRET, "one", namespace="default", options=options)
    await world.until(left(world))


async def test_an_owner_in_another_namespace_is_none_is_told_and_loses_none_of_its_own(world: Any) -> None:
    await world.start("garbagecollector")
    await world.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})
    owner = await world.client.create(kinds.SECRET, {"metadata": {"name": "there", "namespace": "team"}})
    await world.quiet()
    await owned(world, "stray", owner, kinds.SECRET)
    await world.until(left(world))
    reference = meta.owner_reference(kinds.SECRET, owner, controller=False)
    own = {"metadata": {"name": "own", "namespace": "team", "ownerReferences": [reference]}}
    await world.client.create(kinds.CONFIG_MAP, own)
    await world.quiet()
    assert [each["metadata"]["name"] for each in await world.list(kinds.CONFIG_MAP, "team")] == ["own"]
    uid = owner["metadata"]["uid"]
    assert await world.events("OwnerRefInvalidNamespace") == [
        f'ownerRef [v1/Secret, namespace: default, name: there, uid: {uid}] does not exist in namespace "default"'
    ]


async def test_a_cluster_wide_object_with_an_owner_in_a_namespace_stays_and_is_told(world: Any) -> None:
    await world.start("garbagecollector")
    owner = await world.client.create(kinds.SECRET, {"metadata": {"name": "there", "namespace": "default"}})
    await world.quiet()
    reference = meta.owner_reference(kinds.SECRET, owner, controller=False)
    role = {"metadata": {"name": "wide", "ownerReferences": [reference]}, "rules": []}
    await world.client.create(kinds.CLUSTER_ROLE, role)
    await world.client.delete(kinds.SECRET, "there", namespace="default")
    await world.quiet()
    await world.client.get(kinds.CLUSTER_ROLE, "wide")
    (told,) = await world.events("OwnerRefInvalidNamespace")
    assert told.endswith('does not exist in namespace ""')
