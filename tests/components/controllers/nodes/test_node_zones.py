"""How fast failing nodes are emptied: by zones, one after the other, and not at all when all of them fail."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import errors, kinds, meta, taints
from hyperpy.components.controllers.nodes import node_health, node_zones
from hyperpy.components.controllers.nodes.node_zones import Evictions, Rates

from ..faults import FAULTS, survive

ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"


@pytest.mark.parametrize(
    ("ready", "unready", "expected"),
    [
        pytest.param(0, 0, node_zones.NORMAL, id="empty"),
        pytest.param(0, 1, node_zones.FULL, id="the-only-one"),
        pytest.param(1, 2, node_zones.NORMAL, id="two-are-few"),
        pytest.param(2, 3, node_zones.PARTIAL, id="three-of-five"),
        pytest.param(3, 3, node_zones.NORMAL, id="half"),
        pytest.param(9, 11, node_zones.PARTIAL, id="just-the-share"),
        pytest.param(0, 50, node_zones.FULL, id="all"),
    ],
)
def test_the_state_of_a_zone(ready: int, unready: int, expected: str) -> None:
    assert node_zones.zone_state(ready, unready, 0.55) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, ""),
        ({ZONE: "a"}, ":a"),
        ({REGION: "r", ZONE: "a"}, "r:a"),
        ({"failure-domain.beta.kubernetes.io/zone": "old"}, ":old"),
    ],
    ids=["none", "zone", "both", "old-label"],
)
def test_the_zone_of_a_node(labels: dict[str, str], expected: str) -> None:
    assert node_zones.zone_of({"metadata": {"name": "n", "labels": labels}}) == expected


def zone(evictions: Evictions, name: str, *, ready: int, unready: int) -> list[str]:
    """Fill a zone; returns the nodes that are not ready."""
    for number in range(ready):
        evictions.observe(f"{name}-up{number}", name, ready=True)
    failing = [f"{name}-down{number}" for number in range(unready)]
    for each in failing:
        evictions.observe(each, name, ready=False)
    return failing


def test_nodes_of_a_healthy_zone_go_one_every_ten_seconds() -> None:
    evictions = Evictions(Rates())
    failing = zone(evictions, "a", ready=10, unready=3)
    assert [evictions.wait_s(each, now=100) for each in failing] == [0, 10, 20]
    assert evictions.wait_s(failing[0], now=101) == 0
    assert [evictions.wait_s(each, now=110) for each in failing[1:]] == [0, 10]


def test_a_large_zone_that_is_partly_down_goes_slowly_and_a_small_one_stays() -> None:
    evictions = Evictions(Rates())
    zone(evictions, "other", ready=1, unready=0)
    small, large = zone(evictions, "s", ready=10, unready=40), zone(evictions, "l", ready=10, unready=41)
    assert [evictions.wait_s(each, now=0) for each in small[:2]] == [None, None]
    assert [evictions.wait_s(each, now=0) for each in large[:2]] == [0, 100]
    told = evictions.observe(small[0], "s", ready=True)
    assert told == set() and evictions.state("s") == node_zones.PARTIAL
    for each in small[2:]:
        told |= evictions.observe(each, "s", ready=True)
    assert small[1] in told and evictions.wait_s(small[1], now=1) == 0


def test_nobody_goes_while_no_zone_has_a_ready_node_and_then_all_are_looked_at() -> None:
    evictions = Evictions(Rates())
    failing = [*zone(evictions, "a", ready=0, unready=2), *zone(evictions, "b", ready=0, unready=1)]
    assert evictions.stopped
    assert [evictions.wait_s(each, now=0) for each in failing] == [None] * 3
    assert evictions.observe("b-down0", "b", ready=True) == set(failing)
    assert evictions.wait_s("a-down0", now=0) == 0
    assert evictions.observe("b-down0", None, ready=True) == {"a-down0", "a-down1"}
    assert evictions.stopped and evictions.wait_s("b-down0", now=0) is None


def test_a_node_that_does_not_count_changes_no_state() -> None:
    evictions = Evictions(Rates())
    zone(evictions, "a", ready=2, unready=2)
    evictions.observe("x", "a", ready=False, counted=False)
    assert evictions.state("a") == node_zones.NORMAL
    evictions.observe("x", "a", ready=False, counted=True)
    assert evictions.state("a") == node_zones.PARTIAL


_STEPS = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(["a", "b", None]), st.booleans(), st.integers(0, 30)), max_size=60
)


@given(_STEPS)
def test_whatever_nodes_do_a_zone_is_never_emptied_faster_than_its_rate(steps: list[Any]) -> None:
    evictions = Evictions(Rates())
    for place in ("a", "b"):
        evictions.observe(f"other-{place}", place, ready=True, counted=False)  # a zone begins anew when it was empty
    where: dict[str, tuple[str, bool]] = {}
    granted: dict[str, list[float]] = {"a": [], "b": []}
    had: set[str] = set()
    now = 0.0
    for number, place, ready, passes_s in steps:
        now += passes_s
        name = f"n{number}"
        told = evictions.observe(name, place, ready=ready)
        if place is None:
            where.pop(name, None)
        else:
            where[name] = place, ready
        if ready or place is None:
            evictions.withdraw(name)
            had.discard(name)
        assert told <= where.keys() | {"other-a", "other-b"}
        for each, (its_zone, is_ready) in where.items():
            if is_ready:
                continue
            wait_s = evictions.wait_s(each, now=now)
            if evictions.stopped:
                assert wait_s != 0
                had.clear()
            elif wait_s == 0 and each not in had:
                had.add(each)
                granted[its_zone].append(now)
    for times in granted.values():
        assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(times))


def node(name: str, zone: str, ready: str = "True") -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": "KubeletReady", "message": ""}
    return {"metadata": {"name": name, "labels": {ZONE: zone}}, "status": {"conditions": [condition]}}


async def set_ready(world: Any, name: str, ready: str) -> None:
    status = {"conditions": node(name, "", ready)["status"]["conditions"]}
    await world.client.patch(kinds.NODE, name, {"status": status}, subresource="status")


async def speak(world: Any, name: str) -> None:
    """A heartbeat."""
    now = meta.micro_timestamp(world.clock.now())
    body = {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": {"renewTime": now}}
    try:
        await world.client.create(kinds.LEASE, body)
    except errors.AlreadyExists:
        await world.client.patch(kinds.LEASE, name, {"spec": body["spec"]}, namespace="kube-node-lease")


async def evicting(world: Any) -> list[str]:
    return sorted(each["metadata"]["name"] for each in await world.list(kinds.NODE) if node_health.is_evicting(each))


async def test_failing_nodes_are_emptied_one_after_the_other(world: Any) -> None:
    await world.start("nodelifecycle", node_monitor_grace_s=10_000.0)
    for number in range(6):
        await world.client.create(kinds.NODE, node(f"n{number}", "a"))
    await world.quiet()
    for number in range(3):
        await set_ready(world, f"n{number}", "False")
    await world.quiet()
    assert len(await evicting(world)) == 1
    await world.clock.advance(10)
    assert len(await evicting(world)) == 2
    await world.clock.advance(10)
    assert await evicting(world) == ["n0", "n1", "n2"]
    await set_ready(world, "n1", "True")
    await world.quiet()
    assert await evicting(world) == ["n0", "n2"]


async def test_when_all_nodes_fail_none_is_emptied_until_one_is_back(world: Any) -> None:
    await world.start("nodelifecycle", node_monitor_grace_s=10_000.0)
    for name, place in (("n1", "a"), ("n2", "b")):
        await world.client.create(kinds.NODE, node(name, place))
    await world.quiet()
    await set_ready(world, "n1", "False")
    await world.quiet()
    assert await evicting(world) == ["n1"]
    await set_ready(world, "n2", "Unknown")
    await world.quiet()
    assert await evicting(world) == []
    found = taints.of_node(await world.client.get(kinds.NODE, "n1"))
    assert [(each["key"], each["effect"]) for each in found] == [(taints.NOT_READY, "NoSchedule")]
    await world.clock.advance(1000)
    assert await evicting(world) == []
    await set_ready(world, "n2", "True")
    await world.quiet()
    assert await evicting(world) == ["n1"]


@pytest.mark.parametrize("alive", [3, 0], ids=["most-of-a-small-zone", "all"])
async def test_nodes_that_fall_silent_at_one_moment_are_counted_before_one_is_emptied(world: Any, alive: int) -> None:
    await world.start("nodelifecycle")
    for number in range(8):
        await world.client.create(kinds.NODE, node(f"n{number}", "a"))
    for _ in range(20):
        await world.clock.advance(5)
        for number in range(alive):
            await speak(world, f"n{number}")
        assert await evicting(world) == []
    lost = [each for each in await world.list(kinds.NODE) if not node_health.is_ready(each)]
    assert len(lost) == 8 - alive and all(taints.of_node(each) for each in lost)


async def test_a_new_node_has_longer_to_tell_its_first_status(world: Any) -> None:
    await world.start("nodelifecycle")
    await world.client.create(kinds.NODE, {"metadata": {"name": "new"}})
    await world.clock.advance(55)
    found = await world.client.get(kinds.NODE, "new")
    assert meta.condition(found, "Ready") is None
    await world.clock.advance(10)
    ready = meta.condition(await world.client.get(kinds.NODE, "new"), "Ready")
    assert ready is not None and (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusNeverUpdated")


class Failing:
    """Two nodes of four fail, one comes back; the other loses its Pod."""

    controllers = ("nodelifecycle", "taint-eviction")
    kinds = (kinds.NODE, kinds.POD)

    async def act(self, world: Any) -> None:
        for number in range(4):
            await world.client.create(kinds.NODE, node(f"n{number}", "a"))
            spec = {
                "nodeName": f"n{number}",
                "containers": [{"name": "c", "image": "x"}],
                "tolerations": [
                    {"key": taints.NOT_READY, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
                ],
            }
            await world.client.create(
                kinds.POD, {"metadata": {"name": f"p{number}", "namespace": "default"}, "spec": spec}
            )
        for number in (0, 1):
            await set_ready(world, f"n{number}", "False")
        await set_ready(world, "n1", "True")

    async def settled(self, world: Any) -> bool:
        for number in range(1, 4):
            await speak(world, f"n{number}")
        leaving = [each for each in await world.list(kinds.POD) if meta.is_deleting(each)]
        return [each["metadata"]["name"] for each in leaving] == ["p0"] and await evicting(world) == ["n0"]

    async def check(self, world: Any) -> None:
        found = taints.of_node(await world.client.get(kinds.NODE, "n0"))
        assert len(found) == 2
        assert not taints.of_node(await world.client.get(kinds.NODE, "n1"))
        assert world.faulty.done.count(("delete", kinds.POD)) <= 2


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failing_node_is_emptied_whatever_happens(fault: str) -> None:
    await survive(Failing(), fault)
