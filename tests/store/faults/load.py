"""A load on any store: several writers, a compactor and a watch, which keep a journal of all they do and are told.

Every writer has keys of its own and one request under way, so that what a request leaves is known before it is made.
A value begins with the id of the step that wrote it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from store.faults.journal import Diary, Journal, Step

from hyperpy.store.protocol import (
    Compacted,
    Compare,
    DeleteRange,
    EventType,
    KeyValue,
    Op,
    Put,
    Store,
    StoreError,
    Target,
    Txn,
    Unavailable,
    prefix_end,
)

_Request = tuple[Step, Callable[[], Awaitable[int]]]  # what is asked for, and asking; 0: the revision is not told

ROOT = b"/load/"
_KEPT = 40  # revisions that the compactor leaves, more than are under way at any time


@dataclass(frozen=True, slots=True)
class Shape:
    """How a load looks. `value_bytes`: at most; `steps`: a writer's, after which it ends by itself."""

    writers: int = 5
    value_bytes: int = 3000
    steps: int = 5000
    compact_every: int = 15


def id_of(pair: KeyValue) -> str:
    """The step that wrote a value."""
    return pair.value.split(b" ", 1)[0].decode()


async def run(store: Store, journal: Journal, diary: Diary, *, shape: Shape, seed: int) -> None:
    """Go on from where a diary ends, until all writers are through or one is told that the store is Unavailable."""
    revision = await store.revision()
    journal.at(revision)
    chance = random.Random(seed)
    writers = [Writer(store, journal, number, chance, shape) for number in range(shape.writers)]
    for writer in writers:
        writer.go_on_from(diary)
    turn = len(diary.steps)  # makes ids of this run unlike those of the runs before it
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(store, journal, diary), name="watch")
        compactor = group.create_task(_compact(store, journal, f"{turn}.c", shape), name="compactor")
        await asyncio.gather(*(writer.write(f"{turn}.{writer.number}") for writer in writers))
        compactor.cancel()
        watch.cancel()


class Writer:
    """One writer with its own keys. What it knows of them is what it was told."""

    def __init__(self, store: Store, journal: Journal, number: int, chance: random.Random, shape: Shape) -> None:
        self.number = number
        self._store = store
        self._journal = journal
        self._chance = chance
        self._shape = shape
        self._keys = [f"{ROOT.decode()}{number}/{name}" for name in "abcde"]
        self._held: dict[str, tuple[int, int]] = {}  # key -> its mod_revision and lease
        self._lease = 0

    def go_on_from(self, diary: Diary) -> None:
        """Learn from an earlier run, in which every outcome is known by now."""
        for step in diary.acknowledged:
            if step.writer == self.number:
                self._settle(step, step.revision or 0)

    async def write(self, name: str) -> None:
        """Write until it is enough, or the store fails."""
        for number in range(self._shape.steps):
            if not await self._one(f"{name}.{number}"):
                return

    async def _one(self, name: str) -> bool:
        step, request = self._chance.choice(self._choices())(name)
        self._journal.do(step)
        try:
            revision = await request()
        except Unavailable:
            return False  # its outcome is open
        except StoreError:
            self._journal.no(step.id)
            raise
        self._journal.ok(step.id, revision)
        self._settle(step, revision)
        return True

    def _settle(self, step: Step, revision: int) -> None:
        for key, value in step.effects.items():
            if value is None:
                self._held.pop(key, None)
            else:
                self._held[key] = (revision, step.lease)
        self._lease = step.grants or (0 if step.revokes else self._lease)

    def _choices(self) -> list[Callable[[str], _Request]]:
        lease = self._revoke if self._lease else self._grant
        return [self._put, self._put, self._put, self._swap, self._swap, self._delete, self._delete_all, lease]

    def _value(self, step_id: str) -> bytes:
        return step_id.encode() + b" " + bytes(self._chance.randrange(self._shape.value_bytes))

    def _put(self, name: str) -> _Request:
        lease_id = self._chance.choice([0, self._lease])
        key = self._chance.choice(self._keys)
        put = Put(key.encode(), self._value(name), lease_id)

        async def request() -> int:
            return (await self._store.put(put)).revision

        return Step(name, self.number, {key: name}, lease=lease_id), request

    def _swap(self, name: str) -> _Request:
        """Three keys written and one deleted at once, if one of them is still what it was."""
        keys = self._chance.sample(self._keys, 4)
        revision, _ = self._held.get(keys[0], (0, 0))
        unchanged = Compare(keys[0].encode(), Target.MOD, Op.EQUAL, revision)
        puts = [Put(key.encode(), self._value(name)) for key in keys[:3]]
        effects: dict[str, str | None] = dict.fromkeys(keys[:3], name)
        if keys[3] in self._held:
            effects[keys[3]] = None

        async def request() -> int:
            result = await self._store.txn(Txn([unchanged], [*puts, DeleteRange(keys[3].encode())]))
            assert result.succeeded, f"{name} found {keys[0]} changed, which nobody else writes"
            return result.revision

        return Step(name, self.number, effects), request

    def _delete(self, name: str) -> _Request:
        key = self._chance.choice(self._keys)

        async def request() -> int:
            return (await self._store.delete(DeleteRange(key.encode()))).revision

        return Step(name, self.number, {key: None} if key in self._held else {}), request

    def _delete_all(self, name: str) -> _Request:
        own = ROOT + b"%d/" % self.number

        async def request() -> int:
            return (await self._store.delete(DeleteRange(own, prefix_end(own)))).revision

        return Step(name, self.number, dict.fromkeys(self._held)), request

    def _grant(self, name: str) -> _Request:
        lease_id = self._chance.getrandbits(40) + 1

        async def request() -> int:
            await self._store.lease_grant(3600, lease_id=lease_id)
            return await self._store.revision()

        return Step(name, self.number, grants=lease_id), request

    def _revoke(self, name: str) -> _Request:
        lease_id = self._lease
        effects: dict[str, str | None] = {key: None for key, (_, bound) in self._held.items() if bound == lease_id}

        async def request() -> int:
            await self._store.lease_revoke(lease_id)
            return 0

        return Step(name, self.number, effects, revokes=lease_id), request


async def _compact(store: Store, journal: Journal, name: str, shape: Shape) -> None:
    """Follow the newest revision at a distance."""
    floor = number = 0
    watch = await store.watch(ROOT, prefix_end(ROOT))
    try:
        async for batch in watch:
            if batch.revision - _KEPT < floor + shape.compact_every:
                continue
            floor, number = batch.revision - _KEPT, number + 1
            step = Step(f"{name}.{number}", -1, floor=floor)
            journal.do(step)
            try:
                await store.compact(floor)
            except Compacted:  # an earlier run has got further
                journal.no(step.id)
                continue
            journal.ok(step.id, await store.revision())
    except Unavailable:
        return
    finally:
        await watch.aclose()


async def _watch(store: Store, journal: Journal, diary: Diary) -> None:
    """Note every revision, from the one after the last that was noted."""
    start = diary.seen[-1][0] + 1 if diary.seen else 2
    watch = await store.watch(ROOT, prefix_end(ROOT), start_revision=start)
    try:
        async for batch in watch:
            effects: dict[int, dict[str, str | None]] = {}
            for event in batch.events:
                value = id_of(event.kv) if event.type is EventType.PUT else None
                effects.setdefault(event.kv.mod_revision, {})[event.kv.key.decode()] = value
            for revision, changed in effects.items():
                journal.saw(revision, changed)
    except Unavailable:
        return
    finally:
        await watch.aclose()
