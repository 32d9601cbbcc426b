"""The supervisor: order of start and stop, failures, signals."""

import asyncio
import os
import signal

import pytest

from hyperpy.components import supervisor


class Part:
    def __init__(self, name, diary, *, fails=None, fails_at_start=None):
        self.name, self.diary, self.fails, self.fails_at_start = name, diary, fails, fails_at_start

    async def run(self, *, ready):
        self.diary.append(f"{self.name} starts")
        if self.fails_at_start:
            raise self.fails_at_start
        await asyncio.sleep(0)
        ready()
        try:
            if self.fails:
                await self.fails.wait()
                raise RuntimeError("it broke")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.diary.append(f"{self.name} ends")


async def test_parts_start_in_order_and_end_in_reverse_on_a_signal():
    diary = []
    await supervisor.run([Part(name, diary) for name in "abc"], all_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert diary == ["a starts", "b starts", "c starts", "c ends", "b ends", "a ends"]


async def test_a_part_that_fails_ends_the_others_and_its_error_comes_out():
    diary, broken = [], asyncio.Event()
    with pytest.raises(RuntimeError, match="it broke"):
        await supervisor.run([Part("a", diary), Part("b", diary, fails=broken), Part("c", diary)], all_ready=broken.set)
    assert diary[-3:] == ["b ends", "c ends", "a ends"]


async def test_a_part_that_cannot_start_keeps_later_ones_from_starting():
    diary = []
    failure = supervisor.StartFailure("the port is taken")
    with pytest.raises(supervisor.StartFailure, match="the port is taken"):
        await supervisor.run([Part("a", diary), Part("b", diary, fails_at_start=failure), Part("c", diary)])
    assert diary == ["a starts", "b starts", "a ends"]


async def test_a_part_that_returns_is_a_defect():
    class Returns:
        name = "returns"

        async def run(self, *, ready):
            ready()

    with pytest.raises(RuntimeError, match="component returns returned"):
        await supervisor.run([Returns()])
