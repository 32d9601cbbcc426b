"""The scheduling queue: priority, back-off, and the events that bring pods back."""

import asyncio

import pytest

from hyperpy.components.scheduler.pod_info import read
from hyperpy.components.scheduler.queue import SchedulingQueue
from hyperpy.testing.clock import ManualClock


def pod(uid, priority=0):
    return read({"metadata": {"name": uid, "namespace": "d", "uid": uid}, "spec": {"priority": priority}})


@pytest.fixture
async def queue():
    clock = ManualClock()
    made = SchedulingQueue(clock)
    task = asyncio.create_task(made.run())
    yield made, clock
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def popped(queue):
    async with asyncio.timeout(1):
        return (await queue.pop()).uid


async def test_higher_priority_first_then_the_one_that_waits_longest(queue):
    made, _ = queue
    for uid, priority in (("a", 0), ("b", 0), ("c", 5)):
        made.add(pod(uid, priority))
    assert [await popped(made) for _ in range(3)] == ["c", "a", "b"]


async def test_a_pod_that_did_not_fit_waits_for_an_event_and_then_for_its_back_off(queue):
    made, clock = queue
    made.add(pod("a"))
    await popped(made)
    made.failed("a")
    waiting = asyncio.create_task(made.pop())
    await clock.advance(100)
    assert not waiting.done()
    made.move_all()
    await clock.advance(0.9)
    assert not waiting.done()
    await clock.advance(0.2)
    assert (await waiting).uid == "a"


async def test_an_event_during_the_decision_is_not_missed(queue):
    made, clock = queue
    made.add(pod("a"))
    await popped(made)
    made.move_all()
    made.failed("a")
    waiting = asyncio.create_task(made.pop())
    await clock.advance(1.1)
    assert (await waiting).uid == "a"


async def test_back_off_grows_to_its_limit(queue):
    made, clock = queue
    made.add(pod("a"))
    await popped(made)
    pauses = []
    for _ in range(6):
        before = clock.monotonic()
        made.failed("a", retry=True)
        waiting = asyncio.create_task(made.pop())
        while not waiting.done():
            await clock.advance(0.5)
        pauses.append(clock.monotonic() - before)
    assert pauses == pytest.approx([1, 2, 4, 8, 10, 10])


async def test_a_gated_pod_waits_and_a_removed_one_is_never_popped(queue):
    made, _ = queue
    made.add(pod("gated"), gated=True)
    made.add(pod("gone"))
    made.remove("gone")
    made.add(pod("b"))
    assert await popped(made) == "b"
    made.add(pod("gated"))
    assert await popped(made) == "gated"
