"""Endpoints that people write become EndpointSlices, and nothing else does."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperpy.api import kinds
from hyperpy.components.controllers.network import slice_mirror_plan

from ..faults import FAULTS, survive

LABEL = {"kubernetes.io/service-name": "db", "endpointslice.kubernetes.io/managed-by": slice_mirror_plan.CONTROLLER}
PORT = {"name": "sql", "port": 5432, "protocol": "TCP"}


def endpoints(*subsets: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "db", "namespace": "default", "uid": "e", **metadata}, "subsets": list(subsets)}


def subset(*ips: str, unready: tuple[str, ...] = (), ports: tuple[Any, ...] = (PORT,)) -> dict[str, Any]:
    found: dict[str, Any] = {"addresses": [{"ip": ip} for ip in ips]}
    if unready:
        found["notReadyAddresses"] = [{"ip": ip} for ip in unready]
    return {**found, "ports": list(ports)}


def service(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "db", "namespace": "default"}, "spec": {"ports": [{"port": 5432}], **spec}}


@pytest.mark.parametrize(
    ("metadata", "of", "expected"),
    [
        pytest.param({}, service(), True, id="by-hand"),
        pytest.param({}, None, False, id="no-service"),
        pytest.param({}, service(selector={"app": "db"}), False, id="selector"),
        pytest.param({"labels": {slice_mirror_plan.SKIP: "true"}}, service(), False, id="kept-out"),
        pytest.param(
            {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}, service(), False, id="leader"
        ),
    ],
)
def test_what_is_mirrored(metadata: dict[str, Any], of: Any, expected: bool) -> None:
    assert slice_mirror_plan.is_mirrored(endpoints(**metadata), of) is expected


def test_a_slice_says_what_the_endpoints_say_one_a_family() -> None:
    target = {"kind": "Pod", "name": "p", "uid": "u"}
    told = endpoints(
        {"addresses": [{"ip": "10.0.0.1", "hostname": "a", "nodeName": "n", "targetRef": target}],
         "notReadyAddresses": [{"ip": "fd00::1"}], "ports": [PORT]},
        labels={"team": "x", "endpointslice.kubernetes.io/managed-by": "me"},
        annotations={"note": "y", "endpoints.kubernetes.io/last-change-trigger-time": "t"},
    )  # fmt: skip
    first, second = slice_mirror_plan.plan(told, []).plan.create
    assert (first["addressType"], second["addressType"]) == ("IPv4", "IPv6")
    assert first["endpoints"] == [
        {
            "addresses": ["10.0.0.1"],
            "conditions": {"ready": True},
            "hostname": "a",
            "nodeName": "n",
            "targetRef": target,
        }
    ]
    assert second["endpoints"] == [{"addresses": ["fd00::1"], "conditions": {"ready": False}}]
    assert first["ports"] == [PORT] and first["metadata"]["annotations"] == {"note": "y"}
    assert first["metadata"]["labels"] == {"team": "x", **LABEL}
    assert first["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"


def test_a_thousand_addresses_of_a_subset_are_taken_and_the_rest_is_told() -> None:
    many = [f"10.0.{number // 250}.{number % 250}" for number in range(1003)]
    found = slice_mirror_plan.plan(endpoints(subset("nonsense", *many)), [])
    assert len(found.plan.create[0]["endpoints"]) == 1000
    assert (found.invalid, found.skipped) == (1, 3)


_IPS = st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1", "x"]), unique=True)
_SUBSETS = st.lists(
    st.builds(
        lambda ready, unready, ports: subset(*ready, unready=tuple(unready), ports=ports),
        _IPS, _IPS, st.sampled_from([(PORT,), ({"port": 1},), (), ({"port": 1}, PORT)]),
    ),
    max_size=4,
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(_SUBSETS, min_size=1, max_size=4))
def test_any_change_is_followed_and_then_nothing_is_left_to_write(steps: list[list[dict[str, Any]]]) -> None:
    present: dict[str, dict[str, Any]] = {}
    numbers = itertools.count()
    for subsets in steps:
        told = endpoints(*subsets)
        plan = slice_mirror_plan.plan(told, list(present.values())).plan
        for obj in plan.create:
            name = f"db-{next(numbers)}"
            present[name] = {**obj, "metadata": {**obj["metadata"], "name": name}}
        for obj in plan.update:
            present[obj["metadata"]["name"]] = obj
        for obj in plan.delete:
            del present[obj["metadata"]["name"]]
        again = slice_mirror_plan.plan(told, list(present.values())).plan
        assert again == slice_mirror_plan.Plan((), (), ())
        said = {
            (endpoint["addresses"][0], port.get("port"))
            for each in present.values()
            for endpoint in each["endpoints"]
            for port in each["ports"] or [{}]
        }
        assert said == {
            (address["ip"], port.get("port"))
            for each in subsets
            for address in [*each["addresses"], *each.get("notReadyAddresses", ())]
            for port in each["ports"] or [{}]
            if address["ip"] != "x"
        }


async def make(world: Any, **spec: Any) -> None:
    await world.client.create(kinds.SERVICE, service(**spec))


async def mirrored(world: Any) -> list[str]:
    found = [
        each for each in await world.list(kinds.ENDPOINT_SLICE) if each["metadata"]["labels"].items() >= LABEL.items()
    ]
    return sorted(endpoint["addresses"][0] for each in found for endpoint in each["endpoints"])


async def test_hand_made_endpoints_are_followed_until_the_service_has_a_selector(world: Any) -> None:
    await world.start("endpointslicemirroring")
    await make(world)
    await world.client.create(kinds.ENDPOINTS, endpoints(subset("10.0.0.1")))

    async def one() -> bool:
        return await mirrored(world) == ["10.0.0.1"]

    await world.until(one)
    body = {"subsets": [subset("10.0.0.1", "10.0.0.2")]}
    await world.client.patch(kinds.ENDPOINTS, "db", body, namespace="default")

    async def two() -> bool:
        return await mirrored(world) == ["10.0.0.1", "10.0.0.2"]

    await world.until(two)
    assert len(await world.list(kinds.ENDPOINT_SLICE)) == 2  # with the one of the API server itself
    await world.client.patch(kinds.SERVICE, "db", {"spec": {"selector": {"app": "db"}}}, namespace="default")

    async def none() -> bool:
        return await mirrored(world) == []

    await world.until(none)
    await world.client.patch(kinds.SERVICE, "db", {"spec": {"selector": None}}, namespace="default")
    await world.until(two)
    await world.client.delete(kinds.ENDPOINTS, "db", namespace="default")
    await world.until(none)


async def test_both_controllers_of_slices_leave_each_other_alone(world: Any) -> None:
    await world.start("endpointslice", "endpointslicemirroring", "endpoint")
    await make(world)
    await world.client.create(kinds.ENDPOINTS, endpoints(subset("10.0.0.1")))
    other = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    await world.client.create(kinds.SERVICE, other)
    await world.quiet()
    made = [each["metadata"]["labels"] for each in await world.list(kinds.ENDPOINT_SLICE)]
    managers = sorted(
        (each["kubernetes.io/service-name"], each.get("endpointslice.kubernetes.io/managed-by", "")) for each in made
    )
    assert [pair for pair in managers if pair[0] != "kubernetes"] == [
        ("db", slice_mirror_plan.CONTROLLER),
        ("web", "endpointslice-controller.k8s.io"),
    ]


class Moving:
    """Endpoints of two families come, and change their ports and addresses."""

    controllers = ("endpointslicemirroring",)
    kinds = (kinds.ENDPOINTS, kinds.ENDPOINT_SLICE, kinds.SERVICE)

    async def act(self, world: Any) -> None:
        await make(world)
        await world.client.create(kinds.ENDPOINTS, endpoints(subset("10.0.0.1", "fd00::1")))

        async def there() -> bool:
            return len(await mirrored(world)) == 2

        await world.until(there)
        body = {"subsets": [subset("10.0.0.2", ports=({"port": 1},)), subset("10.0.0.3")]}
        await world.client.patch(kinds.ENDPOINTS, "db", body, namespace="default")

    async def settled(self, world: Any) -> bool:
        return await mirrored(world) == ["10.0.0.2", "10.0.0.3"]

    async def check(self, world: Any) -> None:
        found = await world.list(kinds.ENDPOINT_SLICE)
        assert len([each for each in found if each["metadata"]["labels"].items() >= LABEL.items()]) == 2
        assert world.faulty.done.count(("create", kinds.ENDPOINT_SLICE)) <= 3


@pytest.mark.parametrize("fault", FAULTS)
async def test_endpoints_are_mirrored_once_whatever_happens(fault: str) -> None:
    await survive(Moving(), fault)
