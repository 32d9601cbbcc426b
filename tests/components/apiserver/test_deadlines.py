"""Time limits of requests."""

import asyncio

import pytest

from hyperpy.api import errors
from hyperpy.components.apiserver import deadlines
from hyperpy.components.apiserver.deadlines import Deadlines


async def limited(limits, work):
    task = limits.enter()
    try:
        return await work
    finally:
        if task is not None and limits.leave(task):
            raise deadlines.over()


async def test_a_request_whose_time_is_over_is_cancelled_and_its_task_lives_on():
    limits = Deadlines(0.01)
    with pytest.raises(errors.Timeout, match="request did not complete within the allotted timeout") as over:
        await limited(limits, asyncio.Event().wait())
    assert over.value.code == 504
    assert asyncio.current_task().cancelling() == 0
    assert await limited(limits, asyncio.sleep(0, "well")) == "well"
    limits.aclose()


async def test_the_timer_goes_on_to_the_next_request_and_rests_when_there_is_none():
    limits = Deadlines(0.02)

    async def stuck():
        with pytest.raises(errors.Timeout):
            await limited(limits, asyncio.Event().wait())

    async def quick():
        return await limited(limits, asyncio.sleep(0, "quick"))

    first = asyncio.create_task(stuck())
    await asyncio.sleep(0)
    second = asyncio.create_task(stuck())
    assert await asyncio.create_task(quick()) == "quick"
    await asyncio.gather(first, second)
    assert limits._timer is None


async def test_cancelling_from_outside_is_not_a_timeout():
    limits = Deadlines(10)
    task = asyncio.create_task(limited(limits, asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    limits.aclose()


async def test_no_limit():
    assert Deadlines(0).enter() is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("10s", 10),
        ("0m30s", 30),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("0s", None),
        ("0", None),
        ("-1s", None),
        ("60s", None),
        ("2h", None),
    ],
)
def test_a_request_may_ask_for_less(text, seconds):
    assert deadlines.asked({"timeout": (text,)}, 60) == seconds


@pytest.mark.parametrize("text", ["10", "s", "abc", "1 s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(errors.BadRequest) as refused:
        deadlines.asked({"timeout": (text,)}, 60)
    assert str(refused.value) == f'invalid timeout specified in the request URL - time: invalid duration "{text}"'


async def test_a_shorter_limit():
    with pytest.raises(errors.Timeout):
        async with deadlines.within(0.01):
            await asyncio.Event().wait()
    with pytest.raises(TimeoutError):  # somebody else's is left alone
        async with deadlines.within(5):
            raise TimeoutError
