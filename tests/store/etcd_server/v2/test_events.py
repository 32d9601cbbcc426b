"""Which change concerns which client that waits, the length of the history, and what ends a waiter."""

from __future__ import annotations

import pytest

from hyperpy.store.etcd_server.v2.errors import Code, Refused
from hyperpy.store.etcd_server.v2.events import KEPT_EVENTS, Events, concerns
from hyperpy.store.etcd_server.v2.layout import Record


def change(index: int, path: str = "/a", *, gone: bool = False, silent: bool = False) -> Record:
    return Record(index, path, gone=gone, silent=silent, expires=0, body=b"%d" % index)


@pytest.mark.parametrize(
    ("waits_at", "recursive", "told"),
    [
        ("/a/b", False, True),
        ("/a", False, False),
        ("/a", True, True),
        ("/", True, True),
        ("/", False, False),
        ("/a/b/c", True, False),
        ("/a/bc", True, False),
        ("/b", True, False),
    ],
)
def test_a_change_of_a_file_is_told_at_its_path_and_above(waits_at: str, recursive: bool, told: bool) -> None:
    assert concerns(change(2, "/a/b"), waits_at, recursive=recursive) is told


def test_a_directory_that_goes_is_told_below_it() -> None:
    assert concerns(change(2, "/a", gone=True), "/a/b/c", recursive=False)
    assert not concerns(change(2, "/a", gone=True), "/ab", recursive=False)


def test_hidden_names_are_not_told_above_but_at_their_own_path() -> None:
    for path in ("/a/_b", "/a/_b/c"):
        assert not concerns(change(2, path), "/a", recursive=True)
        assert not concerns(change(2, path), "/", recursive=True)
        assert concerns(change(2, path), "/a/_b", recursive=True)


async def test_waiters_get_what_comes_where_they_wait() -> None:
    events = Events(1)
    here = events.wait("/a", since=0, recursive=False, stream=False)
    above = events.wait("/", since=0, recursive=True, stream=True)
    elsewhere = events.wait("/b", since=0, recursive=True, stream=False)
    later = events.wait("/a", since=4, recursive=False, stream=False)
    assert events.waiting == 4
    for index in (2, 3, 4):
        events.tell(change(index))
    assert [record.index async for record in here] == [2]
    assert [record.index async for record in later] == [4]
    assert [(await anext(above)).index for _ in range(3)] == [2, 3, 4]
    assert events.waiting == 2
    events.close()
    assert [record async for record in elsewhere] == []
    assert events.waiting == 0


async def test_a_waiter_from_the_past_gets_what_it_missed_and_then_what_comes() -> None:
    events = Events(1)
    for index in (2, 3, 4):
        events.tell(change(index, "/b" if index == 3 else "/a"))
    stream = events.wait("/a", since=2, recursive=False, stream=True)
    events.tell(change(5))
    events.close()
    assert [record.index async for record in stream] == [2, 4, 5]
    assert stream.index == 4


async def test_the_history_is_a_thousand_events_exactly() -> None:
    events = Events(1)
    for index in range(2, KEPT_EVENTS + 3):
        events.tell(change(index))
    assert [record.index async for record in events.wait("/a", since=3, recursive=False, stream=False)] == [3]
    with pytest.raises(Refused) as refused:
        events.wait("/a", since=2, recursive=False, stream=False)
    assert (refused.value.code, refused.value.index) == (Code.EVENT_INDEX_CLEARED, KEPT_EVENTS + 2)
    assert refused.value.cause == "the requested history has been cleared [3/2]"


async def test_refreshes_are_told_to_nobody() -> None:
    events = Events(1)
    waiting = events.wait("/", since=0, recursive=True, stream=False)
    events.tell(change(2, silent=True))
    events.tell(change(3))
    assert [record.index async for record in waiting] == [3]
    assert [record.index async for record in events.wait("/a", since=2, recursive=False, stream=False)] == [3]


async def test_a_stream_that_nobody_reads_is_ended() -> None:
    events = Events(1)
    stream = events.wait("/a", since=0, recursive=False, stream=True)
    for index in range(2, 2 * KEPT_EVENTS + 10):
        events.tell(change(index))
    assert events.waiting == 0
    assert [record.index async for record in stream] == list(range(2, 2 * KEPT_EVENTS + 2))


async def test_nobody_waits_once_the_server_stops() -> None:
    events = Events(1)
    events.close()
    assert [record async for record in events.wait("/a", since=0, recursive=False, stream=False)] == []
    await events.reach(7)
