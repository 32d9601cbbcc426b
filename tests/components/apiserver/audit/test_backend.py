"""Events on their way to the log."""

import asyncio
import contextlib
import threading

import orjson
import pytest

from hyperpy.components.apiserver.audit.backend import Backend
from hyperpy.components.apiserver.audit.event import Pending
from hyperpy.components.apiserver.audit.policy import Decision, Level
from hyperpy.components.instruments import Instruments


class Sink:
    def __init__(self):
        self.lines = []
        self.threads = set()
        self.open = threading.Event()
        self.open.set()
        self.fails = False
        self.closed = False

    def write(self, lines):
        self.open.wait(5)
        if self.fails:
            raise OSError("no space left")
        self.threads.add(threading.current_thread())
        self.lines += [orjson.loads(line)["n"] for line in lines]

    def close(self):
        self.closed = True


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def instruments():
    return Instruments()


def pending(number):
    return Pending({"n": number, "verb": "get"}, Decision(Level.METADATA))


@contextlib.asynccontextmanager
async def running(backend):
    task = asyncio.create_task(backend.run())
    await asyncio.sleep(0)  # a task that never began cannot end properly
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def counted(instruments, name):
    return sum(value for snapshot in instruments.snapshot([name]) for _, value in snapshot.samples)


async def test_events_are_written_in_order_and_in_another_thread(sink, instruments):
    backend = Backend(sink, instruments, blocking=True)
    async with running(backend):
        for number in range(3):
            await backend.written(pending(number))
            assert sink.lines[-1] == number
    assert sink.threads.isdisjoint({threading.main_thread()})
    assert counted(instruments, "apiserver_audit_event_total") == 3
    assert sink.closed


async def test_in_batch_mode_nobody_waits_and_a_stop_writes_what_waits(sink, instruments):
    backend = Backend(sink, instruments, blocking=False)
    sink.open.clear()
    async with running(backend):
        for number in range(1000):
            await backend.written(pending(number))
        assert sink.lines == []
        sink.open.set()
    assert sink.lines == list(range(1000))


async def test_beyond_the_buffer_events_are_lost_and_counted(sink, instruments, caplog):
    backend = Backend(sink, instruments, blocking=False, buffer=3)
    for number in range(5):
        backend.put(pending(number))
    assert counted(instruments, "apiserver_audit_error_total") == 2
    assert caplog.text.count("cannot keep up") == 1
    async with running(backend):
        pass
    assert sink.lines == [0, 1, 2]


async def test_a_log_that_cannot_be_written_is_told_and_stops_nobody(sink, instruments, caplog):
    sink.fails = True
    backend = Backend(sink, instruments, blocking=True)
    async with running(backend):
        await backend.written(pending(1))
        sink.fails = False
        await backend.written(pending(2))
    assert sink.lines == [2]
    assert counted(instruments, "apiserver_audit_error_total") == 1
    assert "no space left" in caplog.text
