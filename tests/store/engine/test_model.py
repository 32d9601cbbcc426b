"""Random operations on the store and on a model of it, side by side, restarts included."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import (
    Compacted,
    Compare,
    DeleteRange,
    EventType,
    Get,
    KeyValue,
    Op,
    Order,
    Put,
    Target,
    Txn,
)
from hyperpy.store.sql.sqlite import open_store

# Small windows, so that most reads of the past come from the file.
OPTIONS = Options(window_events=5)


@dataclass(frozen=True)
class Compact:
    back: int


@dataclass(frozen=True)
class Restart:
    pass


@dataclass
class Model:
    """The plainest watch-store: a snapshot of everything at every revision, and the list of events."""

    states: dict[int, dict[bytes, KeyValue]] = field(default_factory=lambda: {1: {}})
    events: list[tuple[str, bytes, bytes, int]] = field(default_factory=list)
    revision: int = 1
    floor: int = 0

    def apply(self, operations: list[Put | DeleteRange]) -> None:
        state = dict(self.states[self.revision])
        revision = self.revision + 1
        changes = []
        for operation in operations:
            if isinstance(operation, Put):
                old = state.get(operation.key)
                pair = KeyValue(
                    operation.key,
                    operation.value,
                    old.create_revision if old else revision,
                    revision,
                    old.version + 1 if old else 1,
                )
                state[operation.key] = pair
                changes.append(("PUT", pair.key, pair.value, revision))
            else:
                for key in sorted(state):
                    if self.within(key, operation.key, operation.end):
                        del state[key]
                        changes.append(("DELETE", key, b"", revision))
        if changes:
            self.revision = revision
            self.states[revision] = state
            self.events += changes

    def read(self, request: Get) -> list[KeyValue]:
        state = self.states[request.revision or self.revision]
        pairs = [state[key] for key in sorted(state) if self.within(key, request.key, request.end)]
        return pairs[::-1] if request.order is Order.DESCENDING else pairs

    @staticmethod
    def within(name: bytes, key: bytes, end: bytes | None) -> bool:
        return name == key if end is None else key <= name and (end == b"\0" or name < end)


keys = st.sampled_from([b"/a", b"/a/1", b"/a/2", b"/b", b"/c\xff", b"\xff"])
ends = st.sampled_from([None, b"\0", b"/a0", b"/b", b"/c\xff", b"a"])
values = st.binary(max_size=3)
puts = st.builds(Put, keys, values)
deletes = st.builds(DeleteRange, keys, ends)
reads = st.builds(
    Get,
    keys,
    ends,
    limit=st.integers(0, 4),
    revision=st.integers(0, 12),
    order=st.sampled_from(Order),
)
swaps = st.tuples(keys, st.integers(0, 3), values)
steps = st.lists(
    st.one_of(puts, puts, deletes, reads, swaps, st.builds(Compact, st.integers(0, 6)), st.builds(Restart)),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_the_store_does_what_the_model_does(steps: list[object]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(steps, Path(directory) / "store.db"))


async def _run(steps: list[object], path: Path) -> None:
    model = Model()
    store = await open_store(path, options=OPTIONS)
    for step in steps:
        if isinstance(step, Restart):
            await store.aclose()
            store = await open_store(path, options=OPTIONS)
        else:
            await _step(store, model, step)
        assert await store.revision() == model.revision
    await _check_events(store, model)
    await store.aclose()


async def _step(store: Engine, model: Model, step: object) -> None:
    if isinstance(step, Put):
        await store.put(step)
        model.apply([step])
    elif isinstance(step, DeleteRange):
        await store.delete(step)
        model.apply([step])
    elif isinstance(step, Compact):
        target = model.revision - step.back
        if target > model.floor:
            await store.compact(target)
            model.floor = target
    elif isinstance(step, tuple):
        await _swap(store, model, *step)
    elif isinstance(step, Get):
        await _read(store, model, step)


async def _swap(store: Engine, model: Model, key: bytes, version: int, value: bytes) -> None:
    put = Put(key, value)
    result = await store.txn(Txn([Compare(key, Target.VERSION, Op.EQUAL, version)], [put]))
    have = model.states[model.revision].get(key)
    assert result.succeeded == ((have.version if have else 0) == version)
    if result.succeeded:
        model.apply([put])


async def _read(store: Engine, model: Model, request: Get) -> None:
    if request.revision > model.revision:
        return
    if 0 < request.revision < max(model.floor, 1):
        try:
            await store.get(request)
        except Compacted as refused:
            assert refused.revision == model.floor
            return
        raise AssertionError("a compacted revision was read")
    found = await store.get(request)
    expected = model.read(request)
    shown = expected[: request.limit] if request.limit else expected
    assert (list(found.kvs), found.count, found.more) == (shown, len(expected), len(shown) < len(expected))


async def _check_events(store: Engine, model: Model) -> None:
    start = max(model.floor, 1)
    expected = [event for event in model.events if event[3] >= start]
    watch = await store.watch(b"/", b"\0", start_revision=start)
    got: list[tuple[str, bytes, bytes, int]] = []
    await watch.request_progress()
    async for batch in watch:
        if not batch.events:
            break
        got += [(event.type.value, event.kv.key, event.kv.value, event.kv.mod_revision) for event in batch.events]
    assert [event for event in got if event[0] == EventType.PUT.value or event[3] >= start] == expected
