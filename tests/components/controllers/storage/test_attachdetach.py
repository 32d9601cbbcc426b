"""Volumes of CSI drivers are attached to the nodes of their Pods, to one at a time, and detached when none is left."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.controllers.storage import attachdetach_plan
from hyperpy.components.controllers.storage.attachdetach_plan import Need

from ..faults import FAULTS, survive

Obj = dict[str, Any]
PV, PVC, VA = kinds.PERSISTENT_VOLUME, kinds.PERSISTENT_VOLUME_CLAIM, kinds.VOLUME_ATTACHMENT
DRIVER = "disk.example.com"


def volume(name: str, *modes: str) -> Obj:
    csi = {"driver": DRIVER, "volumeHandle": f"h-{name}"}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": list(modes or ("ReadWriteOnce",)), "csi": csi}
    return {"metadata": {"name": name}, "spec": spec}


def attachment(name: str, *, attached: bool = True, leaving: bool = False) -> Obj:
    source = {"persistentVolumeName": name}
    about = {"name": attachdetach_plan.attachment_name(volume(name), "n")}
    return {
        "metadata": about | ({"deletionTimestamp": "x"} if leaving else {}),
        "spec": {"attacher": DRIVER, "nodeName": "n", "source": source},
        "status": {"attached": attached},
    }


def unique(name: str) -> str:
    return f"kubernetes.io/csi/{DRIVER}^h-{name}"


def node(*, told: tuple[str, ...] = (), uses: tuple[str, ...] = (), ready: str = "True", taint: str = "") -> Obj:
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": "1970-01-01T00:01:40Z"}
    status = {
        "conditions": [condition], "volumesInUse": [unique(each) for each in uses],
        "volumesAttached": [{"name": unique(each), "devicePath": ""} for each in told],
    }  # fmt: skip
    return {"metadata": {"name": "n"}, "spec": {"taints": [{"key": taint}] if taint else []}, "status": status}


NEED = Need(volume("v"), ({},))
TAKEN = Need(volume("v"), ({},), ("other",))
SHARED = Need(volume("v", "ReadWriteMany"), ({},), ("other",))


@pytest.mark.parametrize(
    ("there", "needs", "made", "told", "attach", "detach", "recheck_s"),
    [
        pytest.param(node(), [NEED], [], None, 1, 0, None, id="attach"),
        pytest.param(node(), [TAKEN], [], None, 0, 0, None, id="is-on-another-node"),
        pytest.param(node(), [SHARED], [], None, 1, 0, None, id="may-be-on-several"),
        pytest.param(node(), [NEED], [attachment("v", attached=False)], None, 0, 0, None, id="its-driver-is-at-it"),
        pytest.param(node(), [NEED], [attachment("v")], ["v"], 0, 0, None, id="tell"),
        pytest.param(node(told=("v",)), [NEED], [attachment("v")], None, 0, 0, None, id="all-is-well"),
        pytest.param(
            node(told=("v",)), [NEED], [attachment("v", leaving=True)], [], 0, 0, None, id="needed-again-too-late"
        ),
        pytest.param(node(told=("v",), uses=("v",)), [], [attachment("v")], None, 0, 0, None, id="still-mounted"),
        pytest.param(node(told=("v",)), [], [attachment("v")], [], 0, 1, None, id="detach"),
        pytest.param(None, [], [attachment("v")], None, 0, 1, None, id="node-gone"),
        pytest.param(
            node(told=("v",), uses=("v",), taint="node.kubernetes.io/out-of-service"), [], [attachment("v")], [], 0, 1,
            None, id="node-out-of-service",
        ),
        pytest.param(
            node(told=("v",), uses=("v",), ready="Unknown"), [], [attachment("v")], None, 0, 0, 160.0, id="node-silent"
        ),
        pytest.param(
            node(told=("v",), uses=("v",), ready="Unknown") | {"late": True}, [], [attachment("v")], [], 0, 1, None,
            id="node-silent-for-long",
        ),
    ],
)  # fmt: skip
def test_what_a_node_needs(
    there: Any, needs: Any, made: Any, told: Any, attach: int, detach: int, recheck_s: Any
) -> None:
    now = 1000.0 if there and there.pop("late", False) else 300.0
    plan = attachdetach_plan.plan("n", there, needs, made, {"v": volume("v")}, now=now)
    assert (plan.attached and [each["name"] for each in plan.attached]) == (told and [unique(each) for each in told])
    assert (plan.attached is None) == (told is None)
    assert (len(plan.attach), len(plan.detach), plan.recheck_s) == (attach, detach, recheck_s)
    assert bool(plan.taken) == (needs == [TAKEN])


async def bound(world: Any, name: str) -> None:
    """A claim with its volume, as the binder leaves them."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": f"v{name}"}
    made = await world.client.create(PVC, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    reference = {"namespace": "default", "name": name, "uid": made["metadata"]["uid"]}
    there = volume(f"v{name}")
    await world.client.create(PV, {**there, "spec": {**there["spec"], "claimRef": reference}})


def using(make: Any, name: str, claim: str, on: str) -> Obj:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
    pod: Obj = make.pod(name, nodeName=on, volumes=volumes, terminationGracePeriodSeconds=0)
    return pod


async def attached(world: Any, name: str) -> list[str]:
    try:
        found = await world.client.get(kinds.NODE, name)
    except errors.NotFound:
        return []
    return sorted(each["name"] for each in found["status"].get("volumesAttached") or ())


async def attach_all(world: Any) -> list[str]:
    """Speaks for the driver; returns which volumes are asked for where."""
    found = await world.list(VA, None)
    for each in found:
        if not (each.get("status") or {}).get("attached"):
            body = {"status": {"attached": True}}
            await world.client.patch(VA, each["metadata"]["name"], body, subresource="status")
    return sorted(f"{each['spec']['nodeName']}/{each['spec']['source']['persistentVolumeName']}" for each in found)


async def test_a_volume_moves_from_node_to_node_with_its_pod(world: Any, make: Any) -> None:
    for name in ("n1", "n2"):
        await world.client.create(kinds.NODE, make.node(name))
    await bound(world, "data")
    await world.start("attachdetach")
    await world.client.create(kinds.POD, using(make, "first", "data", "n1"))

    async def on(name: str) -> bool:
        return await attach_all(world) == [f"{name}/vdata"] and await attached(world, name) == [unique("vdata")]

    await world.until(lambda: on("n1"))
    in_use = {"status": {"volumesInUse": [unique("vdata")]}}
    await world.client.patch(kinds.NODE, "n1", in_use, subresource="status")
    await world.client.create(kinds.POD, using(make, "second", "data", "n2"))
    await world.quiet()
    used = 'Multi-Attach error for volume "vdata" Volume is already used by pod(s) first'
    assert await world.events("FailedAttachVolume") == [used]

    await world.client.delete(kinds.POD, "first", namespace="default")
    await world.quiet()
    assert await attach_all(world) == ["n1/vdata"]
    await world.client.patch(kinds.NODE, "n1", {"status": {"volumesInUse": None}}, subresource="status")
    await world.until(lambda: on("n2"))
    assert await attached(world, "n1") == []
    await world.quiet()
    assert set(await world.events("SuccessfulAttachVolume")) == {'AttachVolume.Attach succeeded for volume "vdata"'}


async def test_a_driver_that_fails_is_told_and_one_that_never_attaches_is_not_asked(world: Any, make: Any) -> None:
    await world.client.create(kinds.NODE, make.node("n1"))
    await bound(world, "data")
    await world.start("attachdetach")
    await world.client.create(kinds.POD, using(make, "first", "data", "n1"))
    (asked,) = await world.until(lambda: world.list(VA, None))
    error = {"status": {"attached": False, "attachError": {"message": "no such disk"}}}
    await world.client.patch(VA, asked["metadata"]["name"], error, subresource="status")
    await world.quiet()
    assert await world.events("FailedAttachVolume") == ['AttachVolume.Attach failed for volume "vdata" : no such disk']
    await world.client.delete(kinds.POD, "first", namespace="default")
    await world.quiet()
    assert await world.list(VA, None) == []
    await world.client.create(kinds.CSI_DRIVER, {"metadata": {"name": DRIVER}, "spec": {"attachRequired": False}})
    await world.client.create(kinds.POD, using(make, "second", "data", "n1"))
    await world.quiet()
    assert await world.list(VA, None) == []


class Moving:
    """Two volumes on a node; one Pod goes, and comes again on another node."""

    controllers = ("attachdetach",)
    kinds = (kinds.POD, VA, kinds.NODE)

    def __init__(self, make: Any) -> None:
        self._make = make

    async def act(self, world: Any) -> None:
        for name in ("n1", "n2"):
            await world.client.create(kinds.NODE, self._make.node(name))
        for name in ("a", "b"):
            await bound(world, name)
            await world.client.create(kinds.POD, using(self._make, name, name, "n1"))
        await world.until(lambda: self._are(world, "n1/va", "n1/vb"))
        await world.client.delete(kinds.POD, "b", namespace="default")
        await world.client.create(kinds.POD, using(self._make, "b", "b", "n2"))

    async def settled(self, world: Any) -> bool:
        return await self._are(world, "n1/va", "n2/vb")

    async def check(self, world: Any) -> None:
        assert await attached(world, "n1") == [unique("va")] and await attached(world, "n2") == [unique("vb")]
        assert world.faulty.done.count(("create", VA)) <= 3
        assert world.faulty.done.count(("delete", VA)) <= 1

    @staticmethod
    async def _are(world: Any, *wanted: str) -> bool:
        if await attach_all(world) != list(wanted):
            return False
        told = [f"{name}/{each}" for name in ("n1", "n2") for each in await attached(world, name)]
        return sorted(told) == sorted(f"{each.partition('/')[0]}/{unique(each.partition('/')[2])}" for each in wanted)


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_ends_as_without_the_fault(make: Any, fault: str) -> None:
    await survive(Moving(make), fault)
