"""Holds a store against the journal of a load that was cut short.

Every acknowledged step is there under its revision, every other one is there whole or not at all, history has no gap
and nothing of nobody's, watches had been shown what it says, leases and floor are what was acknowledged, and the
store's answers now and at old revisions are what the steps, done one after another, come to.
"""

from __future__ import annotations

from dataclasses import dataclass

from store.faults.journal import Diary, Journal, Step
from store.faults.load import ROOT, id_of

from hyperpy.store.protocol import Compacted, EventType, Get, KeyValue, Store, prefix_end

Effects = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a store says of itself."""

    revision: int
    floor: int
    history: dict[int, Effects]  # every revision after the floor
    leases: set[int]


async def verify(store: Store, journal: Journal, diary: Diary) -> list[str]:
    """What is wrong, a line each. The outcomes that were open are noted in diary and journal, for the next run."""
    found = await _look(store)
    wrong = _wrong_revisions(diary, found)
    if wrong:
        return wrong
    wrong = [*_resolve(journal, diary, found), *_lost(diary, found), *_wrong_leases(diary, found)]
    if wrong:
        return wrong
    journal.at(found.revision)
    return [line for at in _samples(found) for line in await _wrong_state(store, diary, at)]


async def _look(store: Store) -> Found:
    revision = await store.revision()
    floor = await _floor(store)
    history: dict[int, Effects] = {}
    if max(floor, 1) < revision:
        watch = await store.watch(ROOT, prefix_end(ROOT), start_revision=max(floor, 1) + 1)
        async for batch in watch:
            for event in batch.events:
                value = id_of(event.kv) if event.type is EventType.PUT else None
                changed = history.setdefault(event.kv.mod_revision, {})
                assert event.kv.key.decode() not in changed, f"{event} came twice"
                changed[event.kv.key.decode()] = value
            if batch.revision >= revision:
                break
        await watch.aclose()
    return Found(revision, floor, history, {*await store.leases()})


async def _floor(store: Store) -> int:
    try:
        watch = await store.watch(ROOT, start_revision=1)
        await watch.request_progress()
        await anext(aiter(watch))
    except Compacted as told:
        return told.revision
    await watch.aclose()
    return 0


def _wrong_revisions(diary: Diary, found: Found) -> list[str]:
    known = max([*diary.revisions, *(revision for revision, _ in diary.seen)], default=0)
    wrong = []
    if found.revision < known:
        wrong.append(f"revision {known} was known, the store is back at {found.revision}")
    expected = list(range(max(found.floor, 1) + 1, found.revision + 1))
    if list(found.history) != expected:
        missing = sorted({*expected} ^ {*found.history})
        wrong.append(f"history from {found.floor} to {found.revision} has gaps or is out of order at {missing[:10]}")
    shown = [revision for revision, _ in diary.seen]
    if shown != list(range(2, 2 + len(shown))):
        wrong.append("watches had gaps or duplicates, or went back")
    for revision, effects in diary.seen:
        if found.history.get(revision, effects) != effects:
            wrong.append(f"a watch was shown {effects} at {revision}, history has {found.history[revision]}")
    floors = [step.floor for step in diary.acknowledged]
    if found.floor < max(floors, default=0):
        wrong.append(f"compaction at {max(floors)} was acknowledged, the floor is back at {found.floor}")
    return wrong


def _resolve(journal: Journal, diary: Diary, found: Found) -> list[str]:
    """Give every revision its step, and every step of unknown outcome its revision or none."""
    wrong = []
    told = {step.revision for step in diary.acknowledged if step.effects}
    unknown = [step for step in diary.steps.values() if step.effects and not step.revision]
    unknown = [step for step in unknown if step.id not in diary.refused]
    for revision, effects in {**dict(diary.seen), **found.history}.items():
        if revision in told:
            continue
        step = next((step for step in unknown if step.effects == effects), None)
        if step is None:
            wrong.append(f"revision {revision} is no step's, or a part of one: {effects}")
            continue
        unknown.remove(step)
        step.revision = revision
        journal.ok(step.id, revision)
    wrong += [f"{step} was acknowledged and is gone" for step in unknown if step.revision == 0]
    for step in diary.open:
        if not step.effects and _took_effect(step, found):
            step.revision = found.revision
            journal.ok(step.id, found.revision)
        else:
            diary.refused.add(step.id)
            journal.no(step.id)
    return wrong


def _took_effect(step: Step, found: Found) -> bool:
    if step.grants:
        return step.grants in found.leases
    if step.revokes:
        return step.revokes not in found.leases
    return 0 < step.floor <= found.floor


def _lost(diary: Diary, found: Found) -> list[str]:
    wrong = []
    for step in diary.acknowledged:
        revision = step.revision or 0
        if step.effects and revision > max(found.floor, 1) and found.history[revision] != step.effects:
            wrong.append(f"{step} was acknowledged, its revision holds {found.history[revision]}")
    return wrong


def _wrong_leases(diary: Diary, found: Found) -> list[str]:
    granted = {step.grants for step in diary.acknowledged if step.grants}
    revoked = {step.revokes for step in diary.acknowledged if step.revokes}
    expected = granted - revoked
    if expected == found.leases:
        return []
    return [f"leases lost: {expected - found.leases}; leases of nobody: {found.leases - expected}"]


def _samples(found: Found) -> list[int]:
    """Revisions to look at: the newest, the oldest that is left, and some between."""
    low, high = max(found.floor, 1), found.revision
    return sorted({low, (low + high) // 2, max(low, high - 1), high})


async def _wrong_state(store: Store, diary: Diary, at: int) -> list[str]:
    answer = await store.get(Get(ROOT, prefix_end(ROOT), revision=at))
    have = {pair.key.decode(): _numbers(pair) for pair in answer.kvs}
    want = replay(diary, at)
    return [
        f"at {at} {key} is {have.get(key)}, not {want.get(key)}"
        for key in sorted({*have, *want})
        if have.get(key) != want.get(key)
    ]


Numbers = tuple[str, int, int, int, int]  # step, create and mod revision, version, lease


def _numbers(pair: KeyValue) -> Numbers:
    return id_of(pair), pair.create_revision, pair.mod_revision, pair.version, pair.lease


def replay(diary: Diary, at: int) -> dict[str, Numbers]:
    """What the acknowledged steps up to a revision come to."""
    state: dict[str, Numbers] = {}
    done = [step for step in diary.acknowledged if step.effects and (step.revision or 0) <= at]
    for step in sorted(done, key=lambda step: step.revision or 0):
        revision = step.revision or 0
        for key, value in step.effects.items():
            if value is None:
                state.pop(key, None)
            else:
                _, created, _, version, _ = state.get(key, ("", revision, 0, 0, 0))
                state[key] = (value, created, revision, version + 1, step.lease)
    return state
