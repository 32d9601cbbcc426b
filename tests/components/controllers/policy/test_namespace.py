"""Namespaces that are deleted: emptied of everything, Pods first, and told about while something holds them."""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.components.controllers.policy.namespace import Remains, plan


async def fill(world: Any, make: Any) -> None:
    await world.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})
    await world.client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "team"}})
    for kind, obj in (
        (kinds.POD, make.pod("p")),
        (kinds.CONFIG_MAP, {"metadata": {"name": "c"}}),
        (kinds.SECRET, {"metadata": {"name": "s"}}),
        (kinds.EVENT, {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "namespace": "team", "name": "p"}}),
        (kinds.REPLICA_SET, make.replica_set("rs", 0)),
    ):
        obj["metadata"]["namespace"] = "team"
        await world.client.create(kind, obj)


async def is_gone(world: Any) -> bool:
    try:
        await world.client.get(kinds.NAMESPACE, "team")
    except errors.NotFound:
        return True
    return False


async def test_a_deleted_namespace_is_emptied_and_goes(world: Any, make: Any) -> None:
    await fill(world, make)
    await world.start("namespace")
    await world.client.delete(kinds.NAMESPACE, "team")
    await world.until(lambda: is_gone(world))
    for kind in (kinds.POD, kinds.CONFIG_MAP, kinds.EVENT, kinds.SERVICE_ACCOUNT):
        assert not await world.list(kind, "team")


async def test_pods_go_first_and_what_holds_the_namespace_is_told(world: Any, make: Any) -> None:
    await fill(world, make)
    held = {"metadata": {"finalizers": ["test.io/held"]}}
    await world.client.patch(kinds.POD, "p", held, namespace="team")
    await world.start("namespace")
    await world.client.delete(kinds.NAMESPACE, "team")

    async def told() -> Any:
        found = await world.client.get(kinds.NAMESPACE, "team")
        return meta.condition(found, "NamespaceFinalizersRemaining")

    condition = await world.until(told)
    assert condition["status"] == "True"
    assert condition["message"] == (
        "Some content in the namespace has finalizers remaining: test.io/held in 1 resource instances"
    )
    assert await world.list(kinds.CONFIG_MAP, "team")
    await world.client.patch(kinds.POD, "p", {"metadata": {"finalizers": None}}, namespace="team")
    await world.until(lambda: is_gone(world))


async def test_a_crash_in_the_middle_of_emptying_is_made_good(world: Any, make: Any) -> None:
    await fill(world, make)

    def crash(verb: str, kind: Kind) -> None:
        raise errors.ServiceUnavailable("the connection broke")

    world.faulty.before = crash
    await world.start("namespace")
    await world.client.delete(kinds.NAMESPACE, "team")
    await world.quiet()
    assert not await is_gone(world)
    await world.stop()
    world.faulty.before = lambda verb, kind: None
    await world.start("namespace")
    await world.until(lambda: is_gone(world))


def test_the_status_counts_what_remains() -> None:
    remains = Remains({"pods": [{"metadata": {}}] * 2, "secrets": [{"metadata": {"finalizers": ["x"]}}]}, ["jobs: no"])
    status = plan({"spec": {}, "status": {}}, remains, now="t")
    assert status["phase"] == "Terminating"
    told = {entry["type"]: entry["message"] for entry in status["conditions"] if entry["status"] == "True"}
    assert told == {
        "NamespaceDeletionContentFailure": "Failed to delete all resource types, 1 remaining: jobs: no",
        "NamespaceContentRemaining": (
            "Some resources are remaining: pods. has 2 resource instances, secrets. has 1 resource instances"
        ),
        "NamespaceFinalizersRemaining": (
            "Some content in the namespace has finalizers remaining: x in 1 resource instances"
        ),
    }


async def test_a_server_that_does_not_tell_what_it_has_holds_the_namespace(world: Any, make: Any) -> None:
    await fill(world, make)
    service = {"name": "gone", "namespace": "default"}
    spec = {
        "group": "gone.example",
        "version": "v1",
        "groupPriorityMinimum": 1,
        "versionPriority": 1,
        "service": service,
    }
    await world.client.create(kinds.API_SERVICE, {"metadata": {"name": "v1.gone.example"}, "spec": spec})
    await world.start("namespace")
    await world.client.delete(kinds.NAMESPACE, "team")

    async def told() -> Any:
        found = meta.condition(await world.client.get(kinds.NAMESPACE, "team"), "NamespaceDeletionDiscoveryFailure")
        return found if found and found["status"] == "True" else None

    condition = await world.until(told)
    assert condition["reason"] == "DiscoveryFailed"
    assert condition["message"] == (
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        "gone.example/v1: stale GroupVersion discovery: gone.example/v1"
    )
    assert not await world.list(kinds.CONFIG_MAP, "team")
    await world.client.delete(kinds.API_SERVICE, "v1.gone.example")
    await world.until(lambda: is_gone(world))
