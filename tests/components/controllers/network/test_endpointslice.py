"""EndpointSlices: packing, few writes, and a loop that makes each slice once."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.api import kinds
from hyperpy.components.controllers.network import slice_plan, trigger_time


def service(**spec: Any) -> dict[str, Any]:
    body = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}], **spec}
    return {"metadata": {"name": "web", "namespace": "default", "uid": "s"}, "spec": body}


def pod(number: int, *, port: int = 80, ready: bool = True, leaving: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": f"p{number}", "namespace": "default", "uid": f"u{number}"}
    if leaving:
        metadata["deletionTimestamp"] = "2023-11-14T22:13:20Z"
    containers = [{"name": "c", "ports": [{"name": "http", "containerPort": port}]}]
    ip = f"10.{port % 200}.{number // 250}.{number % 250 + 1}"
    status = {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": metadata, "spec": {"nodeName": "n1", "containers": containers}, "status": status}


class Slices:
    """Applies plans, as the API would."""

    def __init__(self) -> None:
        self.present: dict[str, dict[str, Any]] = {}
        self.names = itertools.count()
        self.writes = 0

    def step(self, svc: dict[str, Any], pods: list[dict[str, Any]]) -> slice_plan.Plan:
        made = slice_plan.plan(svc, pods, list(self.present.values()), zones={"n1": "z1"})
        for obj in made.create:
            name = f"s{next(self.names)}"
            self.present[name] = {**obj, "metadata": {**obj["metadata"], "name": name}}
        for obj in made.update:
            self.present[obj["metadata"]["name"]] = obj
        for obj in made.delete:
            del self.present[obj["metadata"]["name"]]
        self.writes = len(made.create) + len(made.update) + len(made.delete)
        return made

    def endpoints(self) -> list[dict[str, Any]]:
        return [endpoint for each in self.present.values() for endpoint in each.get("endpoints") or ()]


def test_a_hundred_endpoints_make_a_slice_and_the_last_one_stays_as_a_placeholder() -> None:
    slices = Slices()
    slices.step(service(), [pod(n) for n in range(250)])
    assert sorted(len(each["endpoints"]) for each in slices.present.values()) == [50, 100, 100]
    slices.step(service(), [])
    assert len(slices.present) == 1 and not slices.endpoints()
    slices.step(service(), [])
    assert slices.writes == 0


def test_one_more_pod_costs_one_write_and_no_change_none() -> None:
    slices, pods = Slices(), [pod(n) for n in range(150)]
    slices.step(service(), pods)
    slices.step(service(), [*pods, pod(150)])
    assert slices.writes == 1
    slices.step(service(), [*pods, pod(150)])
    assert slices.writes == 0


def test_a_slice_keeps_its_name_while_what_is_behind_the_service_goes_and_comes_back() -> None:
    slices = Slices()
    slices.step(service(), [pod(1)])
    for pods in ([], [pod(1)], [pod(2)], [pod(3, port=8080)]):
        made = slices.step(service(), pods)
        assert (made.create, made.delete) == ((), ())
    (left,) = slices.present.values()
    assert (left["ports"][0]["port"], [each["targetRef"]["uid"] for each in left["endpoints"]]) == (8080, ["u3"])


def test_an_endpoint_tells_its_conditions_its_pod_and_its_zone() -> None:
    slices = Slices()
    slices.step(service(), [pod(1), pod(2, ready=False), pod(3, leaving=True)])
    told = [
        (e["conditions"]["ready"], e["conditions"]["serving"], e["conditions"]["terminating"])
        for e in slices.endpoints()
    ]
    assert told == [(True, True, False), (False, False, False), (False, True, True)]
    first = slices.endpoints()[0]
    assert (first["targetRef"]["name"], first["nodeName"], first["zone"]) == ("p1", "n1", "z1")


def test_ready_endpoints_tell_who_should_come_to_them_first() -> None:
    for near, expected in (
        ("PreferClose", {"forZones": [{"name": "z1"}]}),
        ("PreferSameZone", {"forZones": [{"name": "z1"}]}),
        ("PreferSameNode", {"forZones": [{"name": "z1"}], "forNodes": [{"name": "n1"}]}),
        (None, None),
    ):
        slices = Slices()
        slices.step(service(), [pod(1), pod(2, ready=False)])
        slices.step(service(trafficDistribution=near), [pod(1), pod(2, ready=False)])
        assert [each.get("hints") for each in slices.endpoints()] == [expected, None]


def test_a_written_slice_tells_when_the_change_was() -> None:
    made = slice_plan.plan(service(), [pod(1)], [], zones={}, changed="2023-11-14T22:13:20Z")
    (only,) = made.create
    assert only["metadata"]["annotations"] == {trigger_time.ANNOTATION: "2023-11-14T22:13:20Z"}
    present = {**only, "metadata": {**only["metadata"], "name": "s"}}
    assert slice_plan.plan(service(), [pod(1)], [present], zones={}, changed="later") == slice_plan.Plan((), (), ())
    (updated,) = slice_plan.plan(service(), [pod(2)], [present], zones={}).update
    assert "annotations" not in updated["metadata"]


def test_pods_on_different_ports_are_in_different_slices() -> None:
    slices = Slices()
    slices.step(service(), [pod(1, port=80), pod(2, port=90)])
    assert sorted(each["ports"][0]["port"] for each in slices.present.values()) == [80, 90]


def test_a_changed_label_of_the_service_reaches_its_slices() -> None:
    slices = Slices()
    slices.step(service(), [pod(1)])
    labeled = service()
    labeled["metadata"]["labels"] = {"tier": "front"}
    slices.step(labeled, [pod(1)])
    (only,) = slices.present.values()
    assert only["metadata"]["labels"] == {
        "tier": "front",
        slice_plan.SERVICE_NAME: "web",
        slice_plan.MANAGED_BY: slice_plan.CONTROLLER,
    }


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.integers(0, 220)), min_size=1, max_size=5), st.sampled_from([80, 90]))
def test_whatever_changes_every_pod_is_in_exactly_one_slice(rounds: list[set[int]], port: int) -> None:
    slices = Slices()
    for wanted in rounds:
        pods = [pod(n, port=port if n % 7 == 0 else 80) for n in sorted(wanted)]
        slices.step(service(), pods)
        uids = [each["targetRef"]["uid"] for each in slices.endpoints()]
        assert sorted(uids) == sorted(f"u{n}" for n in wanted)
        assert all(len(each.get("endpoints") or ()) <= slice_plan.MAX_ENDPOINTS for each in slices.present.values())
        slices.step(service(), pods)
        assert slices.writes == 0


async def test_the_loop_makes_each_slice_once_however_late_the_cache_is(world: Any, make: Any) -> None:
    await world.start("endpointslice")
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    for name in "abc":
        made = await world.client.create(kinds.POD, make.pod(name))
        await world.set_pod(made, ip=f"10.0.0.{ord(name)}")
    world.faulty.flowing.clear()
    await world.client.create(kinds.SERVICE, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    world.faulty.flowing.set()

    async def written() -> Any:
        found = [each for each in await world.list(kinds.ENDPOINT_SLICE) if each["metadata"]["name"] != "kubernetes"]
        return found if any(len(each.get("endpoints") or ()) == 3 for each in found) else None

    found = await world.until(written)
    service = await world.client.get(kinds.SERVICE, "web", namespace="default")
    created = service["metadata"]["creationTimestamp"]
    assert [each["metadata"]["annotations"] for each in found] == [{trigger_time.ANNOTATION: created}]
    await world.client.patch(kinds.SERVICE, "web", {"metadata": {"labels": {"a": "b"}}}, namespace="default")
    await world.quiet()
    found = await written()
    assert len(found) == 1
    assert found[0]["metadata"]["ownerReferences"][0]["kind"] == "Service"
