"""Reads of the newest state wait for a question that begins after them, and share it."""

from __future__ import annotations

import asyncio

import pytest

from hyperpy.store.engine.barrier import Barrier
from hyperpy.store.protocol import Unavailable


class Log:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.reached: list[int] = []
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def newest(self) -> int:
        self.asked += 1
        return await self.answer

    async def reach(self, position: int) -> None:
        self.reached.append(position)

    def say(self, answer: int | Exception) -> None:
        said, self.answer = self.answer, asyncio.get_running_loop().create_future()
        if isinstance(answer, int):
            said.set_result(answer)
        else:
            said.set_exception(answer)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_read_does_not_take_the_answer_to_a_question_from_before_it() -> None:
    log = Log()
    barrier = Barrier(log.newest, log.reach)
    early = [asyncio.create_task(barrier.passed()) for _ in range(2)]
    await turns()
    late = [asyncio.create_task(barrier.passed()) for _ in range(3)]
    await turns()
    assert log.asked == 1
    log.say(7)
    await asyncio.gather(*early)
    assert log.reached == [7, 7] and not any(task.done() for task in late)
    await turns()
    assert log.asked == 2
    log.say(8)
    await asyncio.gather(*late)
    assert log.reached == [7, 7, 8, 8, 8]


async def test_a_question_that_fails_fails_those_who_share_it_and_the_next_is_asked() -> None:
    log = Log()
    barrier = Barrier(log.newest, log.reach)
    first = asyncio.create_task(barrier.passed())
    await turns()
    second = asyncio.create_task(barrier.passed())
    await turns()
    log.say(Unavailable("gone"))
    with pytest.raises(Unavailable, match="gone"):
        await first
    await turns()
    log.say(3)
    await second


async def test_who_waits_when_it_is_closed_is_told() -> None:
    log = Log()
    barrier = Barrier(log.newest, log.reach)
    waiting = [asyncio.create_task(barrier.passed())]
    await turns()
    waiting.append(asyncio.create_task(barrier.passed()))
    await turns()
    await barrier.aclose()
    waiting.append(asyncio.create_task(barrier.passed()))
    for task in waiting:
        with pytest.raises(Unavailable, match="the store was closed"):
            await task
