"""Logs are copied exactly once, whatever happens between."""

from __future__ import annotations

import struct
import time
from calendar import timegm

import pytest

from hyperpy.runtime import log_files
from hyperpy.runtime.docker import log_pump


def frame(stream: int, text: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(text)) + text


def seconds(message: bytes) -> float:
    whole, _, rest = message.partition(b"Z")[0].decode().partition(".")
    return timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{rest}")


class Recorded:
    """An engine's log that was recorded: gives what came since the asked time, in small chunks."""

    def __init__(self, *messages: tuple[int, bytes], chunk: int = 7) -> None:
        self.messages = list(messages)
        self.chunk = chunk
        self.asked: list[str] = []

    async def logs(self, container_id, *, since, follow):
        self.asked.append(since)
        wanted = [(stream, text) for stream, text in self.messages if not since or seconds(text) >= float(since)]
        data = b"".join(frame(stream, text) for stream, text in wanted)
        for at in range(0, len(data), self.chunk):
            yield data[at : at + self.chunk]


def stamp(second: int, nano: int = 0) -> bytes:
    return b"2026-01-02T03:04:%02d.%09dZ" % (second, nano)


LOG = (
    (1, stamp(1) + b" one\n"),
    (2, stamp(1, 500) + b" err\n"),
    (1, stamp(1, 300) + b" crossed\n"),
    (1, stamp(2) + b" same\n"),
    (1, stamp(2) + b" same\n"),
    (1, stamp(3) + b" tail"),
)
WHOLE = b"".join(
    [
        stamp(1) + b" stdout F one\n",
        stamp(1, 500) + b" stderr F err\n",
        stamp(1, 300) + b" stdout F crossed\n",
        stamp(2) + b" stdout F same\n" * 1,
        stamp(2) + b" stdout F same\n",
        stamp(3) + b" stdout P tail\n",
    ]
)


async def copy(engine, path, *, follow=False):
    await log_pump.pump(engine, "id", str(path), tty=False, follow=follow)


async def test_a_log_is_copied_into_the_cri_format(tmp_path):
    await copy(Recorded(*LOG), tmp_path / "0.log", follow=True)
    assert (tmp_path / "0.log").read_bytes() == WHOLE


@pytest.mark.parametrize("cut", range(0, len(WHOLE), 5))
async def test_a_copy_that_was_cut_anywhere_goes_on_without_loss_or_doubling(tmp_path, cut):
    path = tmp_path / "0.log"
    path.write_bytes(WHOLE[:cut])
    await copy(Recorded(*LOG), path)
    assert path.read_bytes() == WHOLE


async def test_a_copy_goes_on_shortly_before_its_end(tmp_path):
    path = tmp_path / "0.log"
    path.write_bytes(WHOLE)
    engine = Recorded(*LOG)
    await copy(engine, path)
    assert engine.asked == ["1767323042.000000000"]


async def test_a_terminal_has_lines_without_frames(tmp_path):
    class Plain(Recorded):
        async def logs(self, container_id, *, since, follow):
            yield stamp(1) + b" a\r\n" + stamp(2)
            yield b" b\r\n"

    await log_pump.pump(Plain(), "id", str(tmp_path / "0.log"), tty=True, follow=False)
    assert (tmp_path / "0.log").read_bytes() == stamp(1) + b" stdout F a\r\n" + stamp(2) + b" stdout F b\r\n"


async def test_a_full_file_is_put_aside_and_the_oldest_removed(tmp_path):
    path = tmp_path / "0.log"
    for number in range(6):
        (tmp_path / f"0.log.2025010{number}-000000").touch()
    line = (1, stamp(1) + b" " + b"x" * (log_files.MAX_BYTES // 4) + b"\n")
    await copy(Recorded(*(line,) * 5, chunk=1 << 22), path)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert len(files) == log_files.MAX_FILES
    assert files[0] == "0.log"
    assert path.stat().st_size < log_files.MAX_BYTES


async def test_a_file_that_cannot_be_written_ends_the_copy_quietly(tmp_path, caplog):
    (tmp_path / "file").touch()
    await copy(Recorded(*LOG), tmp_path / "file" / "0.log")
    assert "cannot be written" in caplog.text
