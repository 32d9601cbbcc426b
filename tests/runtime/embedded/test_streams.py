"""A container's output: to the log and to attached readers, whose slowness holds it back but not for ever."""

import os

import pytest

from hyperpy.runtime.embedded.shim.logs import LogFile
from hyperpy.runtime.embedded.shim.streams import Pump


class ManualLoop:
    """Descriptors and timers that fire when the test says so."""

    def __init__(self) -> None:
        self.readers = {}
        self.writers = {}
        self.timers = []

    def add_reader(self, handle, callback):
        self.readers[handle] = callback

    def remove_reader(self, handle):
        self.readers.pop(handle, None)

    def add_writer(self, handle, callback):
        self.writers[handle] = callback

    def remove_writer(self, handle):
        self.writers.pop(handle, None)

    def call_later(self, delay_s, callback):
        self.timers.append(callback)

    def read(self):
        for callback in list(self.readers.values()):
            callback()

    def time_passes(self):
        due, self.timers = self.timers, []
        for callback in due:
            callback()


class Rig:
    def __init__(self, path) -> None:
        self.loop = ManualLoop()
        self.output, self.source = os.pipe()
        os.set_blocking(self.source, False)
        self.log = LogFile(str(path))
        self.path = path
        self.pump = Pump(self.loop, self.output, stream=1, log=self.log)

    def produce(self, data: bytes) -> None:
        os.write(self.source, data)
        self.loop.read()

    def attach(self) -> int:
        """The reader's end of a new attached pipe."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self.pump.attach(writer)
        return reader


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path / "log")
    yield made
    made.pump.close()
    made.log.close()


def test_output_goes_to_the_log_and_to_every_reader(rig):
    readers = [rig.attach(), rig.attach()]
    rig.produce(b"line\n")
    assert [os.read(reader, 100) for reader in readers] == [b"line\n"] * 2
    assert rig.path.read_bytes().endswith(b" stdout F line\n")


def test_a_reader_that_went_away_does_not_matter(rig):
    os.close(rig.attach())
    rig.produce(b"one\n")
    rig.produce(b"two\n")
    assert rig.path.read_bytes().count(b"\n") == 2


def test_a_slow_reader_holds_the_output_back_until_it_reads(rig):
    reader = rig.attach()
    while rig.loop.readers:
        rig.produce(b"x" * 60_000)
    waiting = 0
    while rig.loop.writers or not rig.loop.readers:
        waiting += len(os.read(reader, 1_000_000))
        for callback in list(rig.loop.writers.values()):
            callback()
    assert waiting > 256 * 1024
    assert rig.loop.readers


def test_a_reader_that_takes_nothing_is_cut_off_and_the_output_goes_on(rig):
    rig.attach()
    while rig.loop.readers:
        rig.produce(b"x" * 60_000)
    # At the first look it had taken what its pipe holds since the wait began, at the next one nothing more.
    rig.loop.time_passes()
    rig.loop.time_passes()
    assert rig.loop.readers
    assert not rig.loop.writers


def test_at_the_end_readers_get_what_is_left_and_then_the_end(rig):
    reader = rig.attach()
    os.write(rig.source, b"last words")
    rig.pump.drain()
    assert os.read(reader, 100) == b"last words"
    assert os.read(reader, 100) == b""
    assert rig.path.read_bytes().endswith(b" stdout P last words\n")
    late = rig.attach()
    assert os.read(late, 100) == b""


def test_the_end_of_the_pipe_ends_the_pump(rig):
    os.close(rig.source)
    rig.loop.read()
    assert not rig.loop.readers
