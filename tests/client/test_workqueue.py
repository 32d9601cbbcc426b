"""The work queue: one worker a key, nothing lost, back-off and delays by the clock."""

import asyncio

import pytest

from hyperpy.api import errors
from hyperpy.client.workqueue import WorkQueue
from hyperpy.testing.clock import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def work(clock):
    """Starts a queue over a reconcile function and ends it with the test."""
    tasks = []

    def start(reconcile, *, workers=1):
        queue = WorkQueue("test", clock)
        tasks.append(asyncio.create_task(queue.run(reconcile, workers=workers)))
        return queue

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_key_added_twice_before_it_runs_runs_once(work, clock):
    seen = []

    async def reconcile(key):
        seen.append(key)

    queue = work(reconcile)
    queue.add("a")
    queue.add("a")
    queue.add("b")
    await clock.settle()
    assert seen == ["a", "b"]


async def test_a_key_added_while_it_runs_runs_again_and_never_twice_at_once(work, clock):
    running, most, runs = 0, 0, 0
    gate = asyncio.Event()

    async def reconcile(key):
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    queue = work(reconcile, workers=3)
    queue.add("a")
    await clock.settle()
    queue.add("a")
    queue.add("a")
    await clock.settle()
    assert runs == 1
    gate.set()
    await clock.settle()
    assert (runs, most) == (2, 1)


async def test_a_failure_comes_back_later_and_later_and_success_forgets_it(work, clock, caplog):
    times = []

    async def reconcile(key):
        times.append(clock.monotonic())
        if len(times) < 4:
            raise errors.ServiceUnavailable("not now")

    queue = work(reconcile)
    queue.add("a")
    await clock.advance(1)
    assert times == pytest.approx([0, 0.005, 0.015, 0.035])
    times.clear()
    times.extend([0] * 3)
    queue.add("a")
    await clock.advance(0.001)
    assert len(times) == 4


@pytest.mark.parametrize("error", [errors.Conflict("it has changed"), errors.NotFound("it is gone")])
async def test_what_a_late_cache_explains_is_told_when_it_lasts(work, clock, caplog, error):
    caplog.set_level("WARNING")
    attempts = []

    async def reconcile(key):
        attempts.append(key)
        raise error

    work(reconcile).add("a")
    await clock.advance(0.1)
    assert len(attempts) == 5
    assert not caplog.records
    await clock.advance(0.1)
    assert error.message in caplog.text


async def test_an_unexpected_error_is_logged_and_tried_again(work, clock, caplog):
    runs = 0

    async def reconcile(key):
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("a defect")

    work(reconcile).add("a")
    await clock.advance(1)
    assert runs == 2
    assert "a defect" in caplog.text


async def test_a_requested_delay_and_an_earlier_one_beside_it(work, clock):
    times = []

    async def reconcile(key):
        times.append(clock.monotonic())
        return 10 if len(times) == 1 else None

    queue = work(reconcile)
    queue.add("a")
    await clock.advance(1)
    queue.add_after("a", 5)
    queue.add_after("a", 7)
    await clock.advance(30)
    assert times == pytest.approx([0, 6])
