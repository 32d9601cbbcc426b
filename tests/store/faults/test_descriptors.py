"""A process that has no file descriptor left: told so, and gone on with when there are some."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Get, Put, Unavailable
from hyperpy.store.sql.sqlite import open_store

NONE_LEFT = r"store\.db: this process has no file descriptor left; raise its limit \(ulimit -n\)"


@contextmanager
def only(spare: int) -> Iterator[None]:
    """Only so many more descriptors can be opened."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    # Holes below the highest descriptor are filled, so that the limit counts what is still free.
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    while (fd := os.open("/dev/null", os.O_RDONLY)) < highest:
        held.append(fd)
    os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (fd + spare, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in held:
            os.close(fd)


@pytest.mark.parametrize("existing", [False, True], ids=["a new store", "one that is there"])
async def test_opening_without_descriptors_is_refused_and_holds_nothing(tmp_path: Path, existing: bool) -> None:
    path = tmp_path / "store.db"
    if existing:
        store = await open_store(path)
        await store.put(Put(b"/a", b"1"))
        await store.aclose()
    before = len(os.listdir("/proc/self/fd"))
    refused = 0
    for spare in range(8):
        try:
            with only(spare):
                store = await open_store(path)
        except Unavailable as error:
            refused += 1
            assert "no file descriptor left; raise its limit" in str(error)
        else:
            await store.aclose()
        assert len(os.listdir("/proc/self/fd")) == before
    assert 0 < refused < 8
    store = await open_store(path)
    assert (await store.get(Get(b"/a"))).count == existing
    await store.aclose()


async def test_old_history_without_descriptors_is_refused_and_read_later(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "store.db", options=Options(window_events=1))
    for i in range(5):
        await store.put(Put(b"/a", b"%d" % i))
    with only(0):
        with pytest.raises(Unavailable, match=NONE_LEFT):
            await store.get(Get(b"/a", revision=3))
        watch = await store.watch(b"/a", start_revision=2)
        with pytest.raises(Unavailable, match=NONE_LEFT):
            await anext(watch)
        assert (await store.put(Put(b"/a", b"5"))).revision == 7
    assert (await store.get(Get(b"/a", revision=3))).kvs[0].value == b"1"
    assert (await anext(watch)).revision >= 2
    await store.aclose()
