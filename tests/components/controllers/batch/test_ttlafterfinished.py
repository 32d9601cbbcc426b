"""Finished Jobs go when their time is over, and not before."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import kinds, meta

from ..faults import FAULTS, survive


def job(name: str, **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": {"spec": pod}, **spec}}


async def finish(world: Any, name: str) -> None:
    now = meta.timestamp(world.clock.now())
    conditions = [{"type": each, "status": "True", "lastTransitionTime": now} for each in ("FailureTarget", "Failed")]
    body = {"status": {"startTime": now, "conditions": conditions}}
    await world.client.patch(kinds.JOB, name, body, namespace="default", subresource="status")


async def names(world: Any) -> set[str]:
    return {each["metadata"]["name"] for each in await world.list(kinds.JOB) if not meta.is_deleting(each)}


async def test_a_job_goes_so_long_after_its_end_as_it_asks_for(world: Any) -> None:
    await world.start("ttl-after-finished")
    for name, spec in {
        "soon": {"ttlSecondsAfterFinished": 100},
        "never": {},
        "at-once": {"ttlSecondsAfterFinished": 0},
    }.items():
        await world.client.create(kinds.JOB, job(name, **spec))
    await world.clock.advance(1000)
    assert await names(world) == {"soon", "never", "at-once"}
    for name in ("soon", "never", "at-once"):
        await finish(world, name)
    await world.clock.advance(50)
    assert await names(world) == {"soon", "never"}
    await world.client.patch(kinds.JOB, "soon", {"spec": {"ttlSecondsAfterFinished": 500}}, namespace="default")
    await world.clock.advance(100)
    assert await names(world) == {"soon", "never"}
    await world.clock.advance(400)
    assert await names(world) == {"never"}


class Going:
    """Two Jobs end; one of them is to go."""

    controllers = ("ttl-after-finished",)
    kinds = (kinds.JOB,)

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.JOB, job("goes", ttlSecondsAfterFinished=5))
        await world.client.create(kinds.JOB, job("stays"))
        await finish(world, "goes")
        await finish(world, "stays")

    async def settled(self, world: Any) -> bool:
        return await names(world) == {"stays"}

    async def check(self, world: Any) -> None:
        assert await names(world) == {"stays"}


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_goes_whatever_happens(fault: str) -> None:
    await survive(Going(), fault)
