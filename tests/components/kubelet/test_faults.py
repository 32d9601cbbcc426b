"""The kubelet dies in the middle of every step of a Pod's life; the next one brings the Pod to its end, with nothing

double and nothing left over.
"""

from __future__ import annotations

import asyncio
import functools

import pytest

from hyperpy.api import kinds
from hyperpy.client.protocol import DeleteOptions
from hyperpy.runtime.hollow import Behaviour, HollowRuntime
from hyperpy.runtime.protocol import State

from .conftest import Node
from .objects import container, pod

STEPS = ("run_sandbox", "create_container", "start_container", "stop_container", "stop_sandbox", "remove_container",
         "remove_sandbox")  # fmt: skip


class Halting(HollowRuntime):
    """A runtime whose caller never comes back from one call: it was killed before or after that took effect."""

    def __init__(self) -> None:
        super().__init__(profile=lambda image: Behaviour(run_s=0.01) if image == "init:1" else Behaviour())
        self.halted = asyncio.Event()
        self.step = ""
        self.after = False
        self.skip = 0

    async def _halt(self, name, call):
        here = name == self.step and not self.halted.is_set()
        if here and self.skip:
            self.skip -= 1
            here = False
        if here and not self.after:
            await self._for_ever()
        result = await call()
        if here:
            await self._for_ever()
        return result

    async def _for_ever(self):
        self.halted.set()
        await asyncio.Event().wait()


def _wrapped(name):
    original = getattr(HollowRuntime, name)

    async def call(self, *arguments, **more):
        return await self._halt(name, functools.partial(original, self, *arguments, **more))

    return call


for _name in STEPS:
    setattr(Halting, _name, _wrapped(_name))


@pytest.fixture
def runtime():
    return Halting()


def settled(status):
    main = status.get("containerStatuses") or ()
    return status.get("phase") == "Running" and all(c["ready"] for c in main)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("skip", [0, 1, 2], ids=["first", "second", "third"])
@pytest.mark.parametrize("step", STEPS[:3])
async def test_a_pod_starts_once_although_the_kubelet_died(node: Node, runtime: Halting, step, skip, after):
    if step == "run_sandbox" and skip:
        skip = 0
    runtime.step, runtime.skip, runtime.after = step, skip, after
    await node.create(pod(container("a"), container("b"), init=(container("i", "init:1"),)))
    async with asyncio.timeout(10):
        await runtime.halted.wait()
    await node.stop()
    await node.start()
    status = await node.until("p", settled)
    assert [c["restartCount"] for c in status["containerStatuses"]] == [0, 0]
    alive = [c.name for c in await runtime.containers() if c.state is State.RUNNING]
    assert sorted(alive) == ["a", "b"]
    assert sum(sandbox.ready for sandbox in await runtime.sandboxes()) == 1
    assert not [c for c in await runtime.containers() if c.state is State.CREATED]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS[3:])
async def test_a_pod_goes_whole_although_the_kubelet_died(node: Node, runtime: Halting, step, after):
    await node.create(pod(container("a"), container("b"), init=(container("i", "init:1"),)))
    await node.until("p", settled)
    runtime.step, runtime.after = step, after
    await node.admin.delete(kinds.POD, "p", namespace="default", options=DeleteOptions(grace_s=1))
    async with asyncio.timeout(10):
        await runtime.halted.wait()
    await node.stop()
    await node.start()
    await node.gone("p")
    await node.containers(0)
    async with asyncio.timeout(5):
        while await runtime.sandboxes():
            await asyncio.sleep(0.01)
    assert not list((node.options.root_dir / "pods").glob("*"))
    assert not list(node.options.logs_dir.glob("*"))
