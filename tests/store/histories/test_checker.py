"""The judges of recorded histories can say no: histories that break a promise, each made by hand, are rejected."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.histories.linearizability import unexplained
from store.histories.operations import Answer, Call, Cell, Operation, Read, Remove, Swap, Write, changes, step
from store.histories.revisions import Broken, check_revisions, check_watch

from hyperpy.store.protocol import Event, EventType, KeyValue, WatchBatch

A, B = b"/a", b"/b"


def call(began: float, ended: float, operation: Operation, *cells: Cell, done: bool = True, revision: int = 0) -> Call:
    return Call("one", operation, began, ended, Answer(cells, done, revision))


def lost(began: float, operation: Operation) -> Call:
    return Call("lost", operation, began)


RIGHT = {
    "a read beside a write sees the old": [call(1, 4, Write(A, b"1"), None), call(2, 3, Read((A,)), None)],
    "a read beside a write sees the new": [call(1, 4, Write(A, b"1"), None), call(2, 3, Read((A,)), (b"1", 1))],
    "a lost write that happened late": [
        lost(1, Write(A, b"1")),
        call(2, 3, Read((A,)), None),
        call(4, 5, Read((A,)), (b"1", 1)),
    ],
    "a lost write that never happened": [lost(1, Write(A, b"1")), call(2, 3, Read((A,)), None)],
    "a swap of two keys": [
        call(1, 2, Write(A, b"1"), None),
        call(3, 4, Swap(A, b"1", ((A, b"2"), (B, b"2")))),
        call(5, 6, Read((A, B)), (b"2", 2), (b"2", 1)),
    ],
}

WRONG = {
    "a stale read": [call(1, 2, Write(A, b"1"), None), call(3, 4, Read((A,)), None)],
    "a read that goes back": [
        call(1, 9, Write(A, b"1"), None),
        call(2, 3, Read((A,)), (b"1", 1)),
        call(4, 5, Read((A,)), None),
    ],
    "a lost update": [
        call(1, 2, Write(A, b"0"), None),
        call(3, 4, Swap(A, b"0", ((A, b"1"),))),
        call(3, 4, Swap(A, b"0", ((A, b"2"),))),
    ],
    "an acknowledged write that is gone": [
        call(1, 2, Write(A, b"1"), None),
        call(3, 4, Write(A, b"2"), (b"1", 1)),
        call(5, 6, Read((A,)), (b"1", 1)),
    ],
    "a write that was applied twice": [
        call(1, 2, Write(A, b"1"), None),
        call(3, 4, Read((A,)), (b"1", 2)),
    ],
    "a lost write that was applied twice": [
        lost(1, Write(A, b"1")),
        call(2, 3, Write(A, b"2"), (b"1", 1)),
        call(4, 5, Write(A, b"3"), (b"1", 3)),
    ],
    "a deletion that did not delete": [
        call(1, 2, Write(A, b"1"), None),
        call(3, 4, Remove(A), (b"1", 1)),
        call(5, 6, Read((A,)), (b"1", 1)),
    ],
    "half a swap": [
        call(1, 2, Swap(A, None, ((A, b"1"), (B, b"1")))),
        call(3, 4, Read((A, B)), (b"1", 1), None),
    ],
    "a swap that was refused without reason": [
        call(1, 2, Write(A, b"1"), None),
        call(3, 4, Swap(A, b"1", ((A, b"2"),)), (b"1", 1), done=False),
    ],
    "a value from nowhere": [call(1, 2, Read((A,)), (b"9", 1))],
}


@pytest.mark.parametrize("history", RIGHT.values(), ids=RIGHT)
def test_a_history_that_an_order_explains_is_accepted(history: list[Call]) -> None:
    assert unexplained(history) is None


@pytest.mark.parametrize("history", WRONG.values(), ids=WRONG)
def test_a_history_that_no_order_explains_is_rejected(history: list[Call]) -> None:
    assert A in (unexplained(history) or ())


@given(seed=st.integers(0, 1 << 32), count=st.integers(1, 40))
def test_what_one_copy_answered_is_accepted_and_a_changed_answer_is_mostly_not(seed: int, count: int) -> None:
    """Calls take effect at a random instant of their time; then one read is told something that never was."""
    rng = random.Random(seed)
    history = _performed(rng, count)
    assert unexplained(history) is None
    reads = [i for i, made in enumerate(history) if isinstance(made.operation, Read) and made.answer is not None]
    if reads:
        i = rng.choice(reads)
        history[i] = replace(history[i], answer=Answer(((b"never written", 1),)))
        assert unexplained(history) is not None


def _performed(rng: random.Random, count: int) -> list[Call]:
    history: list[Call] = []
    state = ((A, None),)
    for i in range(count):
        operation: Operation = rng.choice([Read((A,)), Write(A, b"%d" % i), Remove(A)])
        gone = rng.random() < 0.15
        if not (gone and rng.random() < 0.5):
            told = (dict(state)[A],)
            after = step(state, operation, None)
            assert after is not None
            state = after
        began, ended = i - rng.random() * 4, i + rng.random() * 4
        history.append(Call("one", operation, began, math.inf if gone else ended, None if gone else Answer(told)))
    return history


def put(revision: int, value: bytes, version: int, key: bytes = A) -> Event:
    return Event(EventType.PUT, KeyValue(key, value, revision, revision, version))


def batch(*events: Event, revision: int = 0) -> WatchBatch:
    return WatchBatch(events, revision or events[-1].kv.mod_revision)


WATCHES = {
    "an event twice": [batch(put(2, b"1", 1)), batch(put(2, b"1", 1))],
    "a gap": [batch(put(2, b"1", 1)), batch(put(4, b"3", 3))],
    "out of order": [batch(put(3, b"2", 2), put(2, b"1", 1))],
    "a revision split over two batches": [batch(put(2, b"1", 1)), batch(put(2, b"1", 1, B))],
    "a progress mark ahead of the stream": [batch(put(2, b"1", 1)), batch(revision=3), batch(put(3, b"2", 2))],
    "a progress mark that goes back": [batch(put(2, b"1", 1), put(3, b"2", 2)), batch(revision=2)],
}


@pytest.mark.parametrize("batches", WATCHES.values(), ids=WATCHES)
def test_a_watch_that_breaks_a_promise_is_rejected(batches: list[WatchBatch]) -> None:
    with pytest.raises(Broken):
        check_watch(batches, after=1)


def test_a_watch_that_keeps_all_promises_is_accepted() -> None:
    batches = [batch(put(2, b"1", 1), put(2, b"1", 1, B)), batch(revision=2), batch(put(3, b"2", 2))]
    assert len(check_watch(batches, after=1)) == 3


EVENTS = [put(2, b"1", 1), put(3, b"2", 2)]
FIRST = call(1, 2, Write(A, b"1"), None, revision=2)
SECOND = call(3, 4, Write(A, b"2"), (b"1", 1), revision=3)
REVISIONS = {
    "a revision that goes back": [FIRST, SECOND, call(5, 6, Read((A,)), (b"1", 1), revision=2)],
    "a change without a revision of its own": [FIRST, replace(SECOND, answer=Answer(((b"1", 1),), revision=2))],
    "revisions against real time": [replace(FIRST, began=5, ended=6), SECOND],
    "an acknowledged change that the watch did not tell": [
        FIRST,
        SECOND,
        call(5, 6, Write(A, b"3"), (b"2", 2), revision=4),
    ],
    "a change that nobody made": [FIRST],
    "a lost change that was applied twice": [lost(0, Write(A, b"1")), lost(0, Write(A, b"9"))],
    "an answer that is not what was there": [FIRST, replace(SECOND, answer=Answer((None,), revision=3))],
    "a read of a revision that never was": [FIRST, SECOND, call(5, 6, Read((A,)), (b"2", 2), revision=7)],
}


@pytest.mark.parametrize("name", REVISIONS)
def test_revisions_that_break_a_promise_are_rejected(name: str) -> None:
    events = [put(2, b"1", 1), put(3, b"1", 2)] if name == "a lost change that was applied twice" else EVENTS
    with pytest.raises(Broken):
        check_revisions(REVISIONS[name], events)


def test_revisions_that_agree_with_time_and_with_the_watch_are_accepted() -> None:
    check_revisions([FIRST, SECOND, call(5, 6, Read((A,)), (b"2", 2), revision=3)], EVENTS)
    check_revisions([lost(0, Write(A, b"1")), SECOND], EVENTS)
    assert changes(Answer(()), Swap(A, None, ()))
