"""Clients that do random operations on a store and record them, and a watcher that records what it is told."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from itertools import count

from store.histories.operations import Answer, Call, Cell, Operation, Read, Remove, Swap, Write

from hyperpy.store.protocol import (
    Compare,
    DeleteRange,
    Get,
    KeyValue,
    Op,
    Put,
    Range,
    Store,
    Target,
    Txn,
    Unavailable,
    WatchBatch,
    prefix_end,
)

PREFIX = b"/h/"
KEYS = [PREFIX + name for name in (b"a", b"b", b"c", b"d", b"e")]


class Client:
    """One client: one call after another, each recorded.

    Args:
        name: goes into every value it writes, which makes them unique.
    """

    def __init__(self, name: str, store: Store, rng: random.Random) -> None:
        self.calls: list[Call] = []
        self._name = name
        self._store = store
        self._rng = rng
        self._numbers: Iterator[int] = count()
        self._seen: dict[bytes, bytes | None] = {}

    async def call(self) -> bool:
        """Do one operation. False: its answer got lost."""
        operation = self._choose()
        began = time.monotonic()
        try:
            answer = await perform(self._store, operation)
        except Unavailable:
            if not isinstance(operation, Read):  # a read without an answer says nothing
                self.calls.append(Call(self._name, operation, began))
            return False
        self.calls.append(Call(self._name, operation, began, time.monotonic(), answer))
        self._learn(operation, answer)
        return True

    def _choose(self) -> Operation:
        key, other = self._rng.sample(KEYS[:2] if self._rng.random() < 0.3 else KEYS[2:], 2)
        value = f"{self._name}-{next(self._numbers)}".encode()
        kind = self._rng.choices("rwxsm", (30, 25, 10, 25, 10))[0]
        if kind == "r":
            return Read((key,))
        if kind == "w":
            return Write(key, value)
        if kind == "x":
            return Remove(key)
        if kind == "m":  # the first two keys are sometimes written together
            key, other = KEYS[:2]
            return Swap(key, self._seen.get(key), ((key, value), (other, value)))
        return Swap(key, self._seen.get(key), ((key, value),))

    def _learn(self, operation: Operation, answer: Answer) -> None:
        if isinstance(operation, Swap) and answer.done:
            self._seen.update(operation.pairs)
        elif isinstance(operation, Write):
            self._seen[operation.key] = operation.value
        elif isinstance(operation, Remove):
            self._seen[operation.key] = None
        else:
            key = operation.key if isinstance(operation, Swap) else operation.keys[0]
            self._seen[key] = answer.cells[0][0] if answer.cells[0] else None


async def perform(store: Store, operation: Operation) -> Answer:
    """Do one operation on a store."""
    if isinstance(operation, Read):
        found = await store.get(Get(operation.keys[0]))
        return Answer((_only(found),), revision=found.revision)
    if isinstance(operation, Write):
        put = await store.put(Put(operation.key, operation.value, prev_kv=True))
        return Answer((_cell(put.prev),), revision=put.revision)
    if isinstance(operation, Remove):
        deletion = await store.delete(DeleteRange(operation.key, prev_kv=True))
        return Answer((_cell(deletion.prevs[0] if deletion.prevs else None),), revision=deletion.revision)
    if operation.expected is None:
        compare = Compare(operation.key, Target.VERSION, Op.EQUAL, 0)
    else:
        compare = Compare(operation.key, Target.VALUE, Op.EQUAL, operation.expected)
    result = await store.txn(Txn([compare], [Put(*pair) for pair in operation.pairs], [Get(operation.key)]))
    if result.succeeded:
        return Answer((), revision=result.revision)
    (found,) = result.responses  # type: ignore[assignment]
    assert isinstance(found, Range)
    return Answer((_only(found),), done=False, revision=result.revision)


async def watch_all(store: Store, *, start: int, heard: Callable[[WatchBatch], None]) -> None:
    """Tell every batch of all keys of the history, until cancelled."""
    watch = await store.watch(PREFIX, prefix_end(PREFIX), start_revision=start)
    try:
        async for batch in watch:
            heard(batch)
    finally:
        async with asyncio.timeout(10):
            await watch.aclose()


def _only(found: Range) -> Cell:
    return _cell(found.kvs[0]) if found.kvs else None


def _cell(pair: KeyValue | None) -> Cell:
    return (pair.value, pair.version) if pair is not None else None
