"""Claims and volumes stay while something uses them, and go when nothing does."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds

CLAIM = {
    "metadata": {"name": "c", "namespace": "default"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
VOLUME = {
    "metadata": {"name": "v"},
    "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
}


async def gone(world, kind, name, namespace=None):
    try:
        await world.client.get(kind, name, namespace=namespace)
    except errors.NotFound:
        return True
    return False


@pytest.fixture
async def running(world):
    await world.start("persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller")
    return world


async def test_an_unused_claim_goes(running):
    await running.client.create(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    await running.client.delete(kinds.PERSISTENT_VOLUME_CLAIM, "c", namespace="default")
    await running.until(lambda: gone(running, kinds.PERSISTENT_VOLUME_CLAIM, "c", "default"))


async def test_a_used_claim_stays_until_its_pod_has_gone(running, make):
    await running.client.create(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    await running.client.create(kinds.POD, make.pod("p", nodeName="n1", volumes=volumes))
    await running.client.delete(kinds.PERSISTENT_VOLUME_CLAIM, "c", namespace="default")
    await running.quiet()
    assert not await gone(running, kinds.PERSISTENT_VOLUME_CLAIM, "c", "default")
    pod = await running.client.get(kinds.POD, "p", namespace="default")
    await running.set_pod(pod, phase="Succeeded")
    await running.quiet()
    assert not await gone(running, kinds.PERSISTENT_VOLUME_CLAIM, "c", "default")
    await running.client.delete(kinds.POD, "p", namespace="default")
    await running.until(lambda: gone(running, kinds.PERSISTENT_VOLUME_CLAIM, "c", "default"))


async def test_a_bound_volume_stays_until_it_is_released(running):
    await running.client.create(kinds.PERSISTENT_VOLUME, VOLUME)
    bound = {"status": {"phase": "Bound"}}
    await running.client.patch(kinds.PERSISTENT_VOLUME, "v", bound, subresource="status")
    await running.client.delete(kinds.PERSISTENT_VOLUME, "v")
    await running.quiet()
    assert not await gone(running, kinds.PERSISTENT_VOLUME, "v")
    released = {"status": {"phase": "Released"}}
    await running.client.patch(kinds.PERSISTENT_VOLUME, "v", released, subresource="status")
    await running.until(lambda: gone(running, kinds.PERSISTENT_VOLUME, "v"))


async def test_what_lacks_the_finalizer_gets_it(running):
    await running.client.create(kinds.PERSISTENT_VOLUME, VOLUME)
    await running.client.patch(kinds.PERSISTENT_VOLUME, "v", {"metadata": {"finalizers": None}})
    await running.client.create(kinds.PERSISTENT_VOLUME_CLAIM, CLAIM)
    without = {"metadata": {"finalizers": None}}
    await running.client.patch(kinds.PERSISTENT_VOLUME_CLAIM, "c", without, namespace="default")

    async def protected():
        volume = await running.client.get(kinds.PERSISTENT_VOLUME, "v")
        claim = await running.client.get(kinds.PERSISTENT_VOLUME_CLAIM, "c", namespace="default")
        return volume["metadata"].get("finalizers") and claim["metadata"].get("finalizers")

    assert await running.until(protected) == ["kubernetes.io/pvc-protection"]
