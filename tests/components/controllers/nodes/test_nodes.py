"""Nodes that fall silent, their taints, the Pods that leave them, and the networks they are given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import errors, kinds, meta, pods, taints
from hyperpy.components.controllers.nodes import node_health, subnets, tainteviction
from hyperpy.components.controllers.nodes.podgc import QUARANTINE_S

from ..faults import FAULTS, survive

NOW = 1_700_000_000.0


def node(ready: str | None = "True", **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    return {"metadata": {"name": "n1", "uid": "n"}, "spec": spec, "status": {"conditions": conditions}}


def keys(found: list[dict[str, Any]]) -> list[str]:
    return sorted(f"{each['key'].rpartition('/')[2]}:{each['effect']}" for each in found)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param(node(), [], id="ready"),
        pytest.param(node(None), ["not-ready:NoSchedule"], id="never-reported"),
        pytest.param(node("False"), ["not-ready:NoExecute", "not-ready:NoSchedule"], id="not-ready"),
        pytest.param(node("Unknown"), ["unreachable:NoExecute", "unreachable:NoSchedule"], id="unknown"),
        pytest.param(node(unschedulable=True), ["unschedulable:NoSchedule"], id="cordoned"),
    ],
)
def test_taints_follow_conditions(subject: dict[str, Any], expected: list[str]) -> None:
    assert keys(node_health.wanted_taints(subject, now="t")) == expected


def test_taints_of_others_stay_and_ours_keep_their_time() -> None:
    mine = {"key": "gpu", "effect": "NoSchedule"}
    old = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "before"}
    gone = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
    found = node_health.wanted_taints(node("Unknown", taints=[mine, old, gone]), now="now")
    assert found[:2] == [mine, old]
    assert keys(found[2:]) == ["unreachable:NoSchedule"]


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        pytest.param([], 0.0, id="none"),
        pytest.param([{"operator": "Exists"}], None, id="everything-for-ever"),
        pytest.param([{"key": "k", "operator": "Exists", "tolerationSeconds": 300}], 290.0, id="for-a-time"),
        pytest.param(
            [
                {"operator": "Exists", "tolerationSeconds": 300},
                {"key": "k", "operator": "Exists", "tolerationSeconds": 60},
            ],
            50.0, id="the-shortest-counts",
        ),
        pytest.param([{"key": "k", "value": "other"}], 0.0, id="another-value"),
    ],
)  # fmt: skip
def test_how_long_a_pod_bears_a_taint(tolerations: list[dict[str, Any]], expected: float | None) -> None:
    taint = {"key": "k", "value": "v", "effect": "NoExecute", "timeAdded": meta.timestamp(NOW - 10)}
    pod = {"metadata": {}, "spec": {"tolerations": tolerations}, "status": {"phase": "Running"}}
    assert tainteviction.plan(pod, [taint], seen=NOW, now=NOW) == expected


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_no_subnet_is_given_twice_and_none_is_lost(steps: list[tuple[bool, int]]) -> None:
    (pool,) = subnets.of_cluster("10.0.0.0/20", "10.0.4.0/23", ipv4_prefix=24, ipv6_prefix=64)
    held: list[str] = []
    for take, number in steps:
        if take:
            try:
                network = pool.take()
            except subnets.Full:
                assert len(held) == 14
                continue
            assert network not in held and network not in ("10.0.4.0/24", "10.0.5.0/24")
            held.append(network)
        elif held:
            pool.release(held.pop(number % len(held)))


@pytest.mark.parametrize(
    ("cluster", "service", "mask", "told"),
    [
        pytest.param("10.244.0.0/16", "", 8, "mask-size-ipv4 between 16 and 32", id="mask"),
        pytest.param("fd00::/40", "", 24, "mask-size-ipv6 between 40 and 56", id="too-many-networks"),
        pytest.param("10.1.0.0/16,10.2.0.0/16", "", 24, "one of IPv4 and one of IPv6", id="one-family-twice"),
        pytest.param("nonsense", "", 24, "--cluster-cidr", id="cluster"),
        pytest.param("10.244.0.1/16", "", 24, "host bits", id="host-bits"),
    ],
)
def test_networks_that_cannot_be_are_refused(cluster: str, service: str, mask: int, told: str) -> None:
    with pytest.raises(subnets.BadNetwork, match=told):
        subnets.of_cluster(cluster, service, ipv4_prefix=mask, ipv6_prefix=64)


async def lease(world: Any, name: str) -> None:
    """A heartbeat."""
    now = meta.micro_timestamp(world.clock.now())
    body = {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": {"renewTime": now}}
    try:
        await world.client.create(kinds.LEASE, body)
    except errors.AlreadyExists:
        await world.client.patch(kinds.LEASE, name, {"spec": body["spec"]}, namespace="kube-node-lease")


async def ready_node(world: Any, make: Any, name: str = "n1") -> None:
    await world.client.create(kinds.NODE, make.node(name))
    await lease(world, name)

    async def untainted() -> bool:
        found = await world.client.get(kinds.NODE, name)
        return not taints.of_node(found)

    await world.until(untainted)


async def alive(world: Any, *names: str, for_s: int) -> None:
    """Time passes, in which only these nodes give signs of life."""
    for _ in range(for_s // 10):
        await world.clock.advance(10)
        for name in names:
            await lease(world, name)


async def bound(world: Any, make: Any, name: str, to: str = "n1", **spec: Any) -> dict[str, Any]:
    made = await world.client.create(kinds.POD, make.pod(name, nodeName=to, **spec))
    await world.set_pod(made)
    return made


async def test_a_silent_node_is_unknown_its_pods_unready_and_later_evicted(world: Any, make: Any) -> None:
    await world.start("nodelifecycle", "taint-eviction")
    await ready_node(world, make)
    await ready_node(world, make, "healthy")
    await bound(world, make, "web")
    await alive(world, "n1", "healthy", for_s=60)
    await world.quiet()
    found = await world.client.get(kinds.NODE, "n1")
    assert node_health.is_ready(found) and not taints.of_node(found)
    await alive(world, "healthy", for_s=50)

    async def lost() -> bool:
        found = await world.client.get(kinds.NODE, "n1")
        pod = await world.client.get(kinds.POD, "web", namespace="default")
        tainted = keys(taints.of_node(found))
        return tainted == ["unreachable:NoExecute", "unreachable:NoSchedule"] and not pods.is_ready(pod)

    await world.until(lost)
    ready = meta.condition(await world.client.get(kinds.NODE, "n1"), "Ready")
    assert ready is not None and (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    await alive(world, "healthy", for_s=200)
    assert not meta.is_deleting(await world.client.get(kinds.POD, "web", namespace="default"))
    await alive(world, "healthy", for_s=120)

    async def evicted() -> bool:
        return meta.is_deleting(await world.client.get(kinds.POD, "web", namespace="default"))

    await world.until(evicted)
    target = meta.condition(await world.client.get(kinds.POD, "web", namespace="default"), "DisruptionTarget")
    assert target is not None and target["reason"] == "DeletionByTaintManager"


async def test_a_node_that_speaks_again_is_untainted_and_keeps_its_pods(world: Any, make: Any) -> None:
    await world.start("nodelifecycle", "taint-eviction")
    await ready_node(world, make)
    await ready_node(world, make, "healthy")
    await bound(world, make, "web")
    await alive(world, "healthy", for_s=50)

    async def tainted() -> Any:
        return node_health.is_evicting(await world.client.get(kinds.NODE, "n1"))

    await world.until(tainted)
    await lease(world, "n1")
    status = {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}]}
    await world.client.patch(kinds.NODE, "n1", {"status": status}, subresource="status")

    async def healed() -> bool:
        return not await tainted()

    await world.until(healed)
    await alive(world, "n1", "healthy", for_s=400)
    assert not meta.is_deleting(await world.client.get(kinds.POD, "web", namespace="default"))
    assert await world.events("TaintManagerEviction") == ["Cancelling deletion of Pod default/web"]


async def test_a_new_process_gives_a_silent_node_its_grace_period_anew(world: Any, make: Any) -> None:
    await world.start("nodelifecycle")
    await ready_node(world, make)
    await world.clock.advance(30)
    await world.stop()
    await world.start("nodelifecycle")
    await world.clock.advance(30)
    assert node_health.is_ready(await world.client.get(kinds.NODE, "n1"))
    await world.clock.advance(15)

    async def lost() -> bool:
        return not node_health.is_ready(await world.client.get(kinds.NODE, "n1"))

    await world.until(lost)


async def test_a_pod_that_does_not_bear_a_taint_leaves_at_once(world: Any, make: Any) -> None:
    await world.start("taint-eviction")
    await world.client.create(kinds.NODE, make.node("n1"))
    await bound(world, make, "web")
    await bound(world, make, "tough", tolerations=[{"operator": "Exists"}])
    taint = {"key": "maintenance", "effect": "NoExecute"}
    await world.client.patch(kinds.NODE, "n1", {"spec": {"taints": [taint]}})

    async def left() -> bool:
        found = {pod["metadata"]["name"]: meta.is_deleting(pod) for pod in await world.list(kinds.POD)}
        return found == {"web": True, "tough": False}

    await world.until(left)
    assert await world.events("TaintManagerEviction") == ["Marking for deletion Pod default/web"]


async def test_the_time_of_a_taint_without_one_runs_from_when_it_is_seen(world: Any, make: Any) -> None:
    await world.start("taint-eviction")
    await world.client.create(kinds.NODE, make.node("n1"))
    bears = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]
    await bound(world, make, "p", tolerations=bears)
    await world.client.patch(kinds.NODE, "n1", {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}})
    await world.clock.advance(20)
    await world.client.patch(kinds.NODE, "n1", {"metadata": {"labels": {"a": "b"}}})
    await world.clock.advance(9)
    assert not meta.is_deleting(await world.client.get(kinds.POD, "p", namespace="default"))
    await world.clock.advance(2)
    assert meta.is_deleting(await world.client.get(kinds.POD, "p", namespace="default"))


async def test_every_node_gets_a_network_of_its_own_and_a_freed_one_is_used_again(world: Any, make: Any) -> None:
    await world.client.create(kinds.NODE, make.node("old", podCIDR="10.1.1.0/24", podCIDRs=["10.1.1.0/24"]))
    await world.start("nodeipam", cluster_cidr="10.1.0.0/22", service_cidr="10.1.2.0/24")
    for name in ("a", "b", "c"):
        await world.client.create(kinds.NODE, make.node(name))

    async def held() -> dict[str, str]:
        found = await world.list(kinds.NODE)
        return {each["metadata"]["name"]: each.get("spec", {}).get("podCIDR", "") for each in found}

    async def given() -> bool:
        return sorted((await held()).values()) == ["", "10.1.0.0/24", "10.1.1.0/24", "10.1.3.0/24"]

    await world.until(given)
    await world.quiet()
    assert any("CIDRNotAvailable" in message for message in await world.events("CIDRNotAvailable"))
    await world.client.delete(kinds.NODE, "old")

    async def all_given() -> bool:
        return sorted((await held()).values()) == ["10.1.0.0/24", "10.1.1.0/24", "10.1.3.0/24"]

    await world.until(all_given)


async def test_a_network_stays_with_its_node_when_the_answer_is_lost(world: Any, make: Any) -> None:
    lost = [True]

    def lose_one(verb: str, kind: Any) -> None:
        if lost:
            lost.pop()
            raise errors.ServiceUnavailable("the connection broke")

    world.faulty.after = lose_one
    await world.start("nodeipam", cluster_cidr="10.0.0.0/22")
    for name in ("n1", "n2"):
        await world.client.create(kinds.NODE, make.node(name))
    await world.quiet()
    given_out = [each["spec"]["podCIDR"] for each in await world.list(kinds.NODE)]
    assert sorted(given_out) == ["10.0.0.0/24", "10.0.1.0/24"]


async def test_a_node_gets_a_network_of_each_family_or_none(world: Any, make: Any) -> None:
    options = {"cluster_cidr": "10.1.0.0/22,fd00:1::/63", "service_cidr": "10.96.0.0/16"}
    await world.start("nodeipam", **options)
    for name in ("a", "b", "c"):
        await world.client.create(kinds.NODE, make.node(name))

    async def held() -> list[Any]:
        found = await world.list(kinds.NODE)
        return sorted((each.get("spec", {}).get("podCIDRs") or [] for each in found), reverse=True)

    async def two_given() -> bool:
        return await held() == [["10.1.1.0/24", "fd00:1:0:1::/64"], ["10.1.0.0/24", "fd00:1::/64"], []]

    await world.until(two_given)
    await world.quiet()
    assert len(await world.events("CIDRNotAvailable")) == 1
    given = next(each for each in await world.list(kinds.NODE) if each.get("spec", {}).get("podCIDR") == "10.1.0.0/24")
    await world.client.delete(kinds.NODE, given["metadata"]["name"])

    async def all_given() -> bool:
        return sorted(await held()) == [["10.1.0.0/24", "fd00:1::/64"], ["10.1.1.0/24", "fd00:1:0:1::/64"]]

    await world.until(all_given)


async def test_a_network_stays_taken_when_nobody_knows_whether_it_was_written(world: Any, make: Any) -> None:
    await world.start("nodeipam", cluster_cidr="10.1.0.0/22", service_cidr="")
    lost = []

    def lose_one(verb: str, kind: Any) -> None:
        if kind is kinds.NODE and not lost:
            lost.append(verb)
            raise errors.ServiceUnavailable("the connection broke")

    world.faulty.after = lose_one
    await world.client.create(kinds.NODE, make.node("a"))
    await world.client.create(kinds.NODE, make.node("b"))

    async def networks() -> list[Any]:
        return sorted(each.get("spec", {}).get("podCIDR", "") for each in await world.list(kinds.NODE))

    async def given() -> bool:
        return await networks() == ["10.1.0.0/24", "10.1.1.0/24"]

    await world.until(given)
    await world.quiet()
    assert lost and await given()


class Addressed:
    """Nodes come at once, and one makes room for another."""

    controllers = ("nodeipam",)
    kinds = (kinds.NODE,)

    def __init__(self, make: Any) -> None:
        self._make = make
        self.options = {"cluster_cidr": "10.1.0.0/22", "service_cidr": "10.1.0.0/24"}

    async def act(self, world: Any) -> None:
        for number in range(4):
            await world.client.create(kinds.NODE, self._make.node(f"n{number}"))
        await world.until(lambda: self._given(world, 3))
        found = next(each for each in await world.list(kinds.NODE) if each.get("spec", {}).get("podCIDR"))
        await world.client.delete(kinds.NODE, found["metadata"]["name"])

    async def settled(self, world: Any) -> bool:
        return bool(await self._given(world, 3)) and len(await world.list(kinds.NODE)) == 3

    async def check(self, world: Any) -> None:
        assert await self._networks(world) == ["10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"]

    async def _given(self, world: Any, count: int) -> bool:
        found = await self._networks(world)
        assert len(set(found)) == len(found), "two nodes have one network"
        return len(found) == count

    async def _networks(self, world: Any) -> list[str]:
        found = (each.get("spec", {}).get("podCIDR") for each in await world.list(kinds.NODE))
        return sorted(network for network in found if network)


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_two_nodes_share_a_network_whatever_happens(fault: str, make: Any) -> None:
    await survive(Addressed(make), fault)


async def test_pods_of_a_node_that_is_gone_for_good_are_removed(world: Any, make: Any) -> None:
    await world.start("podgc")
    for name in ("n1", "n2"):
        await world.client.create(kinds.NODE, make.node(name))
    await bound(world, make, "web")
    await bound(world, make, "back", to="n2")
    await world.client.delete(kinds.NODE, "n1")
    await world.client.delete(kinds.NODE, "n2")
    await world.client.create(kinds.NODE, make.node("n2"))
    await world.clock.advance(QUARANTINE_S - 5)
    assert len(await world.list(kinds.POD)) == 2
    await world.clock.advance(10)

    async def removed() -> bool:
        return [pod["metadata"]["name"] for pod in await world.list(kinds.POD)] == ["back"]

    await world.until(removed)


async def test_too_many_finished_pods_are_thinned_out(world: Any, make: Any) -> None:
    await world.start("podgc", terminated_pod_threshold=2)
    await world.client.create(kinds.NODE, make.node("n1"))
    for number in range(5):
        made = await bound(world, make, f"job{number}")
        await world.set_pod(made, phase="Succeeded", ready=False)

    async def thin() -> bool:
        return sorted(pod["metadata"]["name"] for pod in await world.list(kinds.POD)) == ["job3", "job4"]

    await world.until(thin)
