"""Reading CRI logs: tails, times, following."""

from __future__ import annotations

import asyncio
import io

import pytest

from hyperpy.components.kubelet import log_reader
from hyperpy.components.kubelet.file_watch import FileWatch
from hyperpy.components.kubelet.log_reader import LogOptions, tail_offset

LINES = [b"2026-01-02T03:04:0%d.000000000Z std%s F line %d\n" % (n, b"err" if n == 3 else b"out", n) for n in range(6)]


@pytest.fixture
async def watch():
    found = FileWatch()
    yield found
    found.close()


async def read(path, options, watch, *, alive=lambda: False, changed=None):
    chunks = log_reader.read(path, options, watch=watch, alive=alive, changed=changed or asyncio.Event())
    return b"".join([chunk async for chunk in chunks])


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "0.log"
    found.write_bytes(b"".join(LINES))
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(LogOptions(), b"".join(b"line %d\n" % n for n in range(6)), id="all"),
        pytest.param(LogOptions(tail_lines=2), b"line 4\nline 5\n", id="tail"),
        pytest.param(LogOptions(tail_lines=0), b"", id="tail of nothing"),
        pytest.param(LogOptions(tail_lines=99), b"".join(b"line %d\n" % n for n in range(6)), id="long tail"),
        pytest.param(LogOptions(since=1767323044.0), b"line 4\nline 5\n", id="since"),
        pytest.param(LogOptions(stream=2), b"line 3\n", id="stderr only"),
        pytest.param(LogOptions(limit_bytes=9), b"line 0\nli", id="limited"),
        pytest.param(LogOptions(tail_lines=1, timestamps=True), b"2026-01-02T03:04:05.000000000Z line 5\n", id="times"),
    ],
)
async def test_a_log_is_read_as_asked(path, watch, options, expected):
    assert await read(path, options, watch) == expected


async def test_pieces_of_a_line_are_joined_and_stamped_once(tmp_path, watch):
    path = tmp_path / "0.log"
    path.write_bytes(b"T1 stdout P one \nT2 stdout P two\nT3 stdout F  three\n")
    assert await read(path, LogOptions(timestamps=True), watch) == b"T1 one two three\n"


@pytest.mark.parametrize("count", [1, 1000, 30_000])
def test_the_tail_of_a_long_file_is_found(count):
    file = io.BytesIO(b"".join(b"%06d some text\n" % n for n in range(30_000)))
    offset = tail_offset(file, count)
    assert file.getvalue()[offset:].count(b"\n") == count


async def test_following_sees_what_is_written_until_the_end(path, watch):
    state = {"alive": True}
    changed = asyncio.Event()
    chunks = log_reader.read(
        path, LogOptions(follow=True, tail_lines=1), watch=watch, alive=lambda: state["alive"], changed=changed
    )
    async with asyncio.timeout(5):
        assert await anext(chunks) == b"line 5\n"
        with path.open("ab") as file:
            file.write(b"T stdout F more\n")
        assert await anext(chunks) == b"more\n"
        state["alive"] = False
        changed.set()
        assert [chunk async for chunk in chunks] == []


async def test_following_goes_on_in_the_next_file_after_a_rotation(path, watch):
    state = {"alive": True}
    changed = asyncio.Event()
    chunks = log_reader.read(
        path, LogOptions(follow=True, tail_lines=1), watch=watch, alive=lambda: state["alive"], changed=changed
    )
    async with asyncio.timeout(5):
        assert await anext(chunks) == b"line 5\n"
        following = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(0)
        path.rename(path.with_suffix(".old"))
        path.write_bytes(b"T stdout F fresh\n")
        assert await following == b"fresh\n"
    state["alive"] = False
    changed.set()
    assert [chunk async for chunk in chunks] == []
