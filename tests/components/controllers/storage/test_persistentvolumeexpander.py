"""A claim that grows says once for whom it waits."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds
from hyperpy.components.controllers.storage import persistentvolumeexpander

PV, PVC = kinds.PERSISTENT_VOLUME, kinds.PERSISTENT_VOLUME_CLAIM
TEXT = "waiting for an external controller to expand this PVC"


def claim(size: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": "disk"}
    return {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}


@pytest.mark.parametrize(
    ("size", "phase", "grows"),
    [
        pytest.param("2Gi", "Bound", True, id="more"),
        pytest.param("1Gi", "Bound", False, id="what-it-has"),
        pytest.param("2Gi", "Pending", False, id="not-bound"),
        pytest.param("2Gi", "Lost", False, id="lost"),
    ],
)
def test_a_bound_claim_grows_when_it_asks_for_more(size: str, phase: str, grows: bool) -> None:
    made = claim(size)
    made["metadata"]["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    made["spec"]["volumeName"] = "v"
    made["status"] = {"phase": phase, "capacity": {"storage": "1Gi"}}
    assert persistentvolumeexpander.grows(made) is grows


async def test_a_claim_that_grows_waits_for_its_driver(world: Any) -> None:
    await world.start("persistentvolume-binder", "persistentvolume-expander")
    storage_class = {"metadata": {"name": "disk"}, "provisioner": "example.com/disk", "allowVolumeExpansion": True}
    await world.client.create(kinds.STORAGE_CLASS, storage_class)
    csi = {"driver": "disk.example.com", "volumeHandle": "1"}
    spec = {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "csi": csi,
    }  # fmt: skip
    await world.client.create(PV, {"metadata": {"name": "v"}, "spec": spec})
    await world.client.create(PVC, claim("1Gi"))

    async def bound() -> bool:
        return (await world.client.get(PVC, "c", namespace="default"))["status"]["phase"] == "Bound"

    await world.until(bound)
    await world.quiet()
    assert await world.events("ExternalExpanding") == []
    more = {"spec": {"resources": {"requests": {"storage": "3Gi"}}}}
    await world.client.patch(PVC, "c", more, namespace="default")
    await world.quiet()
    await world.client.patch(PVC, "c", {"metadata": {"labels": {"a": "b"}}}, namespace="default")
    await world.quiet()
    assert await world.events("ExternalExpanding") == [TEXT]
    assert (await world.client.get(PVC, "c", namespace="default"))["status"]["capacity"] == {"storage": "1Gi"}
