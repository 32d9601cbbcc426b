"""Endpoints of a Service: which Pods, on which ports, ready or not; and the loop that writes them."""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors, kinds
from hyperpy.components.controllers.network import endpoints, trigger_time


def service(**spec: Any) -> dict[str, Any]:
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    return {"metadata": {"name": "web", "namespace": "default", "uid": "s", "labels": {"tier": "front"}}, "spec": body}


def pod(name: str, ip: str, *, ready: bool = True, phase: str = "Running", **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}}
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"phase": phase, "podIP": ip, "conditions": conditions}
    return {"metadata": metadata, "spec": {"nodeName": "n1", **spec}, "status": status}


def subsets(svc: dict[str, Any], *candidates: dict[str, Any]) -> Any:
    made = endpoints.plan(svc, candidates, None)
    assert made is not None
    return made["subsets"]


def addresses(subset: dict[str, Any], part: str = "addresses") -> list[str]:
    return [each["ip"] for each in subset.get(part, ())]


def test_ready_and_unready_pods_are_told_apart_and_ended_or_leaving_ones_left_out() -> None:
    leaving = pod("e", "10.0.0.5")
    leaving["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:20Z"
    found = subsets(
        service(),
        pod("b", "10.0.0.12"),
        pod("a", "10.0.0.3"),
        pod("c", "10.0.0.4", ready=False),
        pod("d", "10.0.0.6", phase="Succeeded"),
        leaving,
        pod("f", ""),
    )
    assert len(found) == 1
    assert addresses(found[0]) == ["10.0.0.3", "10.0.0.12"]
    assert addresses(found[0], "notReadyAddresses") == ["10.0.0.4"]
    assert found[0]["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert found[0]["addresses"][0]["targetRef"]["name"] == "a"
    assert found[0]["addresses"][0]["nodeName"] == "n1"


def test_a_named_port_may_differ_from_pod_to_pod() -> None:
    def named(name: str, ip: str, number: int) -> dict[str, Any]:
        container = {"name": "c", "ports": [{"name": "http", "containerPort": number}]}
        return pod(name, ip, containers=[container])

    svc = service(ports=[{"port": 80, "targetPort": "http"}])
    found = subsets(svc, named("a", "10.0.0.1", 80), named("b", "10.0.0.2", 90), pod("none", "10.0.0.3", containers=[]))
    assert [(addresses(each), each["ports"][0]["port"]) for each in found] == [(["10.0.0.1"], 80), (["10.0.0.2"], 90)]


def test_publishing_not_ready_addresses_publishes_all_of_them() -> None:
    found = subsets(service(publishNotReadyAddresses=True), pod("a", "10.0.0.1", ready=False))
    assert addresses(found[0]) == ["10.0.0.1"]


def test_a_headless_service_without_ports_still_has_addresses_and_hostnames() -> None:
    svc = service(clusterIP="None", ports=[])
    made = endpoints.plan(svc, [pod("a", "10.0.0.1", hostname="a-0", subdomain="web")], None)
    assert made is not None
    assert made["subsets"][0]["addresses"][0]["hostname"] == "a-0"
    assert "ports" not in made["subsets"][0]
    assert made["metadata"]["labels"][endpoints.HEADLESS] == ""


def test_a_thousand_addresses_are_enough_and_ready_ones_come_first() -> None:
    many = [pod(f"p{n}", f"10.0.{n // 250}.{n % 250 + 1}", ready=n >= 500) for n in range(1500)]
    made = endpoints.plan(service(), many, None)
    assert made is not None
    assert len(addresses(made["subsets"][0])) == 1000
    assert made["metadata"]["annotations"][endpoints.OVER_CAPACITY] == "truncated"


def test_what_is_said_already_is_not_written_again() -> None:
    made = endpoints.plan(service(), [pod("a", "10.0.0.1")], None)
    assert endpoints.plan(service(), [pod("a", "10.0.0.1")], made) is None


def test_the_time_of_the_change_is_told_and_is_no_change_itself() -> None:
    made = endpoints.plan(service(), [pod("a", "10.0.0.1")], None, changed="2023-11-14T22:13:20Z")
    assert made is not None
    assert made["metadata"]["annotations"] == {trigger_time.ANNOTATION: "2023-11-14T22:13:20Z"}
    assert endpoints.plan(service(), [pod("a", "10.0.0.1")], made, changed="2024-01-01T00:00:00Z") is None


async def test_endpoints_follow_pods_and_go_with_their_service(world: Any, make: Any) -> None:
    await world.start("endpoint")
    await world.client.create(kinds.SERVICE, {"metadata": {"name": "web", "namespace": "default"}, "spec": {
        "selector": {"app": "web"}, "ports": [{"port": 80}]}})  # fmt: skip
    await world.client.create(kinds.POD, make.pod("a"))

    async def written() -> Any:
        found = [each for each in await world.list(kinds.ENDPOINTS) if each["metadata"]["name"] == "web"]
        return found[0] if found else None

    await world.until(written)
    await world.set_pod(await world.client.get(kinds.POD, "a", namespace="default"), ip="10.0.0.9")

    async def has_address() -> Any:
        found = await written()
        return found.get("subsets") and addresses(found["subsets"][0]) == ["10.0.0.9"]

    await world.until(has_address)
    # The time at which the Pod became ready, as `set_pod` has it.
    assert (await written())["metadata"]["annotations"] == {trigger_time.ANNOTATION: "2023-11-14T22:13:20Z"}
    await world.client.delete(kinds.SERVICE, "web", namespace="default")

    async def gone() -> bool:
        return await written() is None

    await world.until(gone)


async def test_endpoints_made_by_hand_are_left_alone(world: Any) -> None:
    await world.start("endpoint")
    await world.client.create(kinds.SERVICE, {"metadata": {"name": "ext", "namespace": "default"},
                                              "spec": {"ports": [{"port": 80}]}})  # fmt: skip
    mine = {"metadata": {"name": "ext", "namespace": "default"},
            "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]}  # fmt: skip
    await world.client.create(kinds.ENDPOINTS, mine)
    await world.quiet()
    found = await world.client.get(kinds.ENDPOINTS, "ext", namespace="default")
    assert addresses(found["subsets"][0]) == ["192.0.2.1"]
    await world.client.delete(kinds.SERVICE, "ext", namespace="default")
    await world.quiet()
    await world.client.get(kinds.ENDPOINTS, "ext", namespace="default")


async def test_changes_of_many_backends_are_gathered_into_few_writes(world: Any, make: Any) -> None:
    await world.start("endpoint")
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    await world.client.create(kinds.SERVICE, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    for number in range(120):
        pod = await world.client.create(kinds.POD, make.pod(f"web-{number}"))
        await world.set_pod(pod, ip=f"10.0.1.{number + 1}")

    async def addresses() -> Any:
        try:
            found = await world.client.get(kinds.ENDPOINTS, "web", namespace="default")
        except errors.NotFound:
            return None
        return sum(len(subset.get("addresses") or ()) for subset in found.get("subsets") or ())

    async def count_is(count: int) -> bool:
        return await addresses() == count

    await world.until(lambda: count_is(120))
    await world.quiet()
    before = len([verb for verb, kind in world.faulty.done if kind == kinds.ENDPOINTS])
    for pod in (await world.list(kinds.POD))[:15]:
        await world.set_pod(pod, ready=False, ip=pod["status"]["podIP"])
    await world.until(lambda: count_is(105))
    assert len([verb for verb, kind in world.faulty.done if kind == kinds.ENDPOINTS]) - before <= 2
