"""Which Events are worth a write: what says nearly the same is folded, and a flood about one object ends. Pure.

    event ──many like it, that differ in their text──▶ one Event that stands for all of them, counted up
       └── the object's allowance is used up ──▶ not written

Source of the rules and figures: client-go's EventCorrelator.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hyperpy.client.protocol import Obj

#: So many different texts of one reason are written as they are; those that follow within the time are folded.
TEXTS = 10
TEXTS_FOR_S = 600.0
FOLDED = "(combined from similar events): "
#: Writes about one object at once, and then one in so many seconds.
ALLOWANCE = 25
ALLOWED_EVERY_S = 300.0
#: Objects and reasons remembered, the latest of each.
REMEMBERED = 4096

Identity = tuple[str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folded:
    """An Event to write, and what makes another one the same as it."""

    event: Obj
    identity: Identity


@dataclass(slots=True)
class _Similar:
    """The texts of one reason, since the last one came."""

    last: float
    texts: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Allowance:
    """What may still be written about one object."""

    left: float
    since: float


class Folding:
    """Judges the Events of one component, in their order."""

    def __init__(self) -> None:
        self._similar: OrderedDict[Identity, _Similar] = OrderedDict()
        self._allowances: OrderedDict[Identity, _Allowance] = OrderedDict()

    def judge(self, event: Obj, *, now: float) -> Folded | None:
        """What to write of an Event; None: nothing, there were too many about its object.

        Args:
            now: monotonic seconds.
        """
        about = event["involvedObject"]
        of_object = (about["kind"], about.get("namespace", ""), about["name"], about.get("uid", ""))
        of_reason = (*of_object, event["type"], event["reason"])
        folded = self._fold(event, of_reason, now)
        return folded if self._allows(of_object, now) else None

    def _fold(self, event: Obj, of_reason: Identity, now: float) -> Folded:
        message = event["message"]
        similar = _recall(self._similar, of_reason, lambda: _Similar(now))
        if now - similar.last > TEXTS_FOR_S:
            similar.texts.clear()
        similar.last = now
        if message in similar.texts or len(similar.texts) < TEXTS - 1:
            similar.texts.add(message)
            return Folded(event, (*of_reason, event["involvedObject"].get("fieldPath", ""), message))
        return Folded({**event, "message": FOLDED + message}, of_reason)

    def _allows(self, of_object: Identity, now: float) -> bool:
        allowance = _recall(self._allowances, of_object, lambda: _Allowance(ALLOWANCE, now))
        allowance.left = min(ALLOWANCE, allowance.left + (now - allowance.since) / ALLOWED_EVERY_S)
        allowance.since = now
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True


def _recall(table: OrderedDict[Identity, T], key: Identity, fresh: Callable[[], T]) -> T:
    """The entry of a key, a fresh one when there is none; the one not asked for the longest is forgotten."""
    found = table.get(key)
    if found is None:
        found = table[key] = fresh()
        if len(table) > REMEMBERED:
            table.popitem(last=False)
    else:
        table.move_to_end(key)
    return found
