"""The stronger promise: the revisions in the answers are one order that agrees with real time and with the watch.

Every key of the history lies in the range that was watched, so every revision has events.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from store.histories.operations import Answer, Call, Cell, Remove, changes, keys_of, outcome, values_of

from hyperpy.store.protocol import Event, EventType, WatchBatch


class Broken(AssertionError):
    """A promise that the history does not keep."""


def check_watch(batches: Sequence[WatchBatch], *, after: int) -> list[Event]:
    """Ordered, unique, whole revisions, none missing after revision `after`. Returns all events."""
    newest = after
    for batch in batches:
        for place, event in enumerate(batch.events):
            now = event.kv.mod_revision
            if now not in ((newest, newest + 1) if place else (newest + 1,)):
                raise Broken(f"the watch told of revision {now} after revision {newest}, in place {place} of a batch")
            newest = now
        if batch.revision != newest:
            raise Broken(f"a batch says revision {batch.revision} and ends with revision {newest}")
    return [event for batch in batches for event in batch.events]


def check_revisions(calls: Sequence[Call], events: Sequence[Event]) -> None:
    """Each answer is what the watched history says at its revision, and each change has one call that made it."""
    _check_real_time(calls)
    states = _replay(events)
    makers = _makers(calls)
    lost = [call for call in calls if call.answer is None]
    for revision, changed in groupby(events, key=lambda event: event.kv.mod_revision):
        told = {event.kv.key: _cell(event) for event in changed}
        call = makers.pop(revision, None)
        if call is None:
            call = _lost_maker(lost, told, states[revision - 1])
            if call is None:
                raise Broken(f"revision {revision} was made by no call, or by one for the second time: {told}")
            lost.remove(call)
        if outcome(states[revision - 1], call.operation)[1] != told:
            raise Broken(f"revision {revision} has {told}, which is not what {call} does")
    if makers:
        raise Broken(f"acknowledged changes are not in the history: {makers}")
    for call in calls:
        if call.answer is not None:
            _check_answer(call, call.answer, states)


def _check_real_time(calls: Sequence[Call]) -> None:
    """What began after an answer came has no smaller revision, and a change has a greater one."""
    answered = [(call, call.answer) for call in calls if call.answer is not None]
    ended = sorted(answered, key=lambda item: item[0].ended)
    newest, place = 0, 0
    for call, answer in sorted(answered, key=lambda item: item[0].began):
        while ended[place][0].ended < call.began:
            newest = max(newest, ended[place][1].revision)
            place += 1
        if answer.revision < newest + changes(answer, call.operation):
            raise Broken(f"revision {newest} was told before {call} began")


def _replay(events: Sequence[Event]) -> dict[int, dict[bytes, Cell]]:
    """What was there at each revision."""
    first = events[0].kv.mod_revision if events else 1
    states: dict[int, dict[bytes, Cell]] = {first - 1: {}}
    for event in events:
        revision = event.kv.mod_revision
        state = states.setdefault(revision, dict(states[max(states)]))
        have, cell = state.get(event.kv.key), _cell(event)
        if (cell is None and have is None) or (cell is not None and cell[1] != (have[1] if have else 0) + 1):
            raise Broken(f"{event} does not follow upon {have}")
        state[event.kv.key] = cell
    return states


def _makers(calls: Sequence[Call]) -> dict[int, Call]:
    makers: dict[int, Call] = {}
    for call in calls:
        if call.answer is not None and changes(call.answer, call.operation):
            other = makers.setdefault(call.answer.revision, call)
            if other is not call:
                raise Broken(f"two changes have one revision: {other} and {call}")
    return makers


def _lost_maker(lost: Sequence[Call], told: dict[bytes, Cell], before: dict[bytes, Cell]) -> Call | None:
    """A call without an answer that made a change: values are written once only, so there is no doubt."""
    for call in lost:
        written = values_of(call.operation)
        if written and all(cell is not None and cell[0] in written for cell in told.values()):
            return call
        if isinstance(call.operation, Remove) and told == {call.operation.key: None}:
            return call
    return None


def _check_answer(call: Call, answer: Answer, states: dict[int, dict[bytes, Cell]]) -> None:
    if answer.revision not in states:
        raise Broken(f"{call} was told a revision that the watch never reached")
    seen_at = answer.revision - changes(answer, call.operation)
    told, _ = outcome(states[seen_at], call.operation)
    if (told.cells, told.done) != (answer.cells, answer.done):
        raise Broken(
            f"{call} was not told what there was at revision {seen_at}: {told}, keys {keys_of(call.operation)}"
        )


def _cell(event: Event) -> Cell:
    return (event.kv.value, event.kv.version) if event.type is EventType.PUT else None
