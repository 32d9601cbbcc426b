"""Is there an order of calls that a single copy of the data explains, and that agrees with real time?

The search of Wing and Gong with Lowe's memory of configurations: an undone call that began before any undone call ended
may be next; a configuration (calls done, state) that led nowhere is not tried again. Keys that no operation touches
together are searched apart, for a history is linearizable when each of its objects is (Herlihy and Wing).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from store.histories.operations import Call, State, keys_of, step


def unexplained(calls: Sequence[Call]) -> tuple[bytes, ...] | None:
    """The keys of a part of the history that no order explains; None when all of it is linearizable."""
    for keys in _groups(calls):
        part = [call for call in calls if keys_of(call.operation)[0] in keys]
        if not _explained(part, tuple((key, None) for key in sorted(keys))):
            return tuple(sorted(keys))
    return None


def _groups(calls: Sequence[Call]) -> list[set[bytes]]:
    groups: list[set[bytes]] = []
    for touched in {frozenset(keys_of(call.operation)) for call in calls}:
        joined = set(touched).union(*(group for group in groups if group & touched))
        groups = [group for group in groups if not group & touched] + [joined]
    return groups


@dataclass(eq=False)
class _Entry:
    """The beginning or the end of a call, in a doubly linked list in order of time."""

    number: int
    call: Call | None
    end: _Entry | None = None
    before: _Entry | None = None
    after: _Entry | None = None


def _explained(calls: Sequence[Call], state: State) -> bool:
    head = _linked(calls)
    unanswered_left = sum(call.answer is not None for call in calls)
    done = 0
    tried: set[tuple[int, State]] = set()
    way: list[tuple[_Entry, State]] = []
    entry = head.after
    while unanswered_left:
        if entry is None or entry.call is None:  # a call ends here that is not done: go back
            if not way:
                return False
            entry, state = way.pop()
            _put_back(entry)
            done ^= 1 << entry.number
            unanswered_left += entry.end is not None
            entry = entry.after
            continue
        after = step(state, entry.call.operation, entry.call.answer)
        now = done | 1 << entry.number
        if after is None or (now, after) in tried:
            entry = entry.after
            continue
        tried.add((now, after))
        way.append((entry, state))
        _take_out(entry)
        done, state = now, after
        unanswered_left -= entry.end is not None
        entry = head.after
    return True


def _linked(calls: Sequence[Call]) -> _Entry:
    entries: list[tuple[float, bool, int, _Entry]] = []
    for number, call in enumerate(calls):
        begin = _Entry(number, call)
        entries.append((call.began, False, number, begin))
        if call.ended != math.inf:
            begin.end = _Entry(number, None)
            entries.append((call.ended, True, number, begin.end))
    head = last = _Entry(-1, None)
    for _, _, _, entry in sorted(entries, key=lambda item: item[:3]):
        entry.before, last.after = last, entry
        last = entry
    return head


def _take_out(begin: _Entry) -> None:
    for entry in (begin, begin.end):
        if entry is not None:
            assert entry.before is not None
            entry.before.after = entry.after
            if entry.after is not None:
                entry.after.before = entry.before


def _put_back(begin: _Entry) -> None:
    for entry in (begin.end, begin):
        if entry is not None:
            assert entry.before is not None
            entry.before.after = entry
            if entry.after is not None:
                entry.after.before = entry
