"""Failpoints: what may be asked for, what happens at the place, and that the page about them is true."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperpy.store import failpoints
from hyperpy.store.protocol import Get, Put, Unavailable
from hyperpy.store.sql.sqlite import open_store

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("commit", "no failpoint 'commit'; there are open/locked", id="unknown-name"),
        pytest.param("commit/commit:0", "the count '0' is no number from 1 on", id="zero"),
        pytest.param("commit/commit:x=kill", "the count 'x'", id="no-number"),
        pytest.param("commit/commit=explode", "not one of kill, error, full, pause:FIFO", id="unknown-action"),
        pytest.param("commit/commit=pause", "not one of", id="pause-without-a-pipe"),
        pytest.param("commit/commit=pause:/etc/hostname", "/etc/hostname is not a named pipe", id="pause-at-a-file"),
        pytest.param("commit/shown=error", "nothing can fail at commit/shown", id="error-where-nothing-fails"),
    ],
)
async def test_what_is_not_in_the_table_is_refused_at_opening(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, text)
    with pytest.raises(Unavailable, match=told):
        await open_store(tmp_path / "store.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("action", "told"), [("error", "failed to read or write"), ("full", "the disk is full")])
async def test_the_disk_fails_once_at_the_count_asked_for(
    action: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, f"commit/rows:2={action}")
    store = await open_store(tmp_path / "store.db")
    await store.put(Put(b"/a", b"1"))
    with pytest.raises(Unavailable, match=told):
        await store.put(Put(b"/a", b"2"))
    assert (await store.put(Put(b"/a", b"3"))).revision == 3
    await store.aclose()


async def test_a_pause_lasts_until_the_pipe_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    monkeypatch.setenv(failpoints.VARIABLE, f"commit/commit=pause:{fifo}")
    store = await open_store(tmp_path / "store.db")
    writer = asyncio.create_task(store.put(Put(b"/a", b"1")))
    pipe = await asyncio.to_thread(fifo.open, "wb")
    assert not writer.done() and (await store.get(Get(b"/a"))).count == 0
    pipe.close()
    assert (await writer).revision == 2
    await store.aclose()


def test_the_page_has_every_failpoint() -> None:
    rows = re.findall(r"^\| `(\S+)` \| (.+) \| (yes|no) \|$", (ROOT / "docs/failpoints.md").read_text(), re.M)
    assert {name: (meaning, fails == "yes") for name, meaning, fails in rows} == {
        name: (point.meaning, point.disk) for name, point in failpoints.POINTS.items()
    }


def test_every_failpoint_is_reached_somewhere() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "hyperpy/store").rglob("*.py"))
    assert {*re.findall(r'failpoints\.reach\("(.+?)"\)', sources)} == {*failpoints.POINTS}
