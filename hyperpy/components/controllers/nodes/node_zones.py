"""How fast the Pods of failing nodes are sent away: by the state of each zone, since many failures at once are seldom
failures of nodes. Pure: time comes in from outside.

    Normal ── more than two and a share of the nodes not ready ──▶ PartialDisruption ── none ready ──▶ FullDisruption
    one node each 10 s        one node each 100 s, none in a small zone        as Normal; none when all zones are so

Source: Concepts, "Nodes" (rate limits on eviction), and the flags of kube-controller-manager.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hyperpy.client.protocol import Obj

NORMAL, PARTIAL, FULL = "Normal", "PartialDisruption", "FullDisruption"
EXCLUDED = "node.kubernetes.io/exclude-disruption"
_REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
#: Up to so many nodes that are not ready a zone counts as healthy, whatever their share.
_FEW = 2


@dataclass(frozen=True, slots=True)
class Rates:
    """How many nodes a second are emptied in a zone.

    Args:
        normal: in a healthy zone, and in one without any ready node.
        secondary: in a zone that is partly down.
        large_zone: a zone of so many nodes, or fewer, that is partly down is left alone.
        unhealthy_share: from which share of nodes that are not ready a zone is partly down.
    """

    normal: float = 0.1
    secondary: float = 0.01
    large_zone: int = 50
    unhealthy_share: float = 0.55


DEFAULT_RATES = Rates()


@dataclass(slots=True)
class _Zone:
    """The nodes of a zone by name; those that wait for their turn in its order, and those that have had it."""

    ready: set[str] = field(default_factory=set)
    unready: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    waiting: dict[str, None] = field(default_factory=dict)
    granted: set[str] = field(default_factory=set)
    last: float = -math.inf

    def leave(self, name: str) -> None:
        for names in (self.ready, self.unready, self.members, self.granted):
            names.discard(name)
        self.waiting.pop(name, None)


class Evictions:
    """Whose turn it is to be emptied."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._zones: dict[str, _Zone] = {}
        self._zone_of: dict[str, str] = {}

    @property
    def stopped(self) -> bool:
        """No zone has a ready node: nobody is sent away."""
        counted = [zone for zone in self._zones.values() if zone.ready or zone.unready]
        return bool(counted) and not any(zone.ready for zone in counted)

    def state(self, zone: str) -> str:
        """The state of a zone."""
        found = self._zones.get(zone) or _Zone()
        return zone_state(len(found.ready), len(found.unready), self._rates.unhealthy_share)

    def observe(self, name: str, zone: str | None, *, ready: bool, counted: bool = True) -> set[str]:
        """Note a node; returns those whose turn may come sooner or later by that.

        Args:
            zone: where it is; None: it is gone.
            counted: it counts for the state of its zone.
        """
        touched = {each for each in (zone, self._zone_of.get(name)) if each is not None}
        before = {each: self.state(each) for each in touched}
        was_stopped = self.stopped
        self._move(name, zone)
        if zone is not None:
            here = self._zones[zone]
            here.ready.discard(name)
            here.unready.discard(name)
            if counted:
                (here.ready if ready else here.unready).add(name)
        if self.stopped != was_stopped:
            return self._all_anew()
        changed = [each for each in touched if self.state(each) != before[each] and each in self._zones]
        return {one for each in changed for one in self._zones[each].waiting}

    def wait_s(self, name: str, *, now: float) -> float | None:
        """Seconds until it may be a node's turn: 0 is now and stays so; None is not before `observe` names it, or never
        (it is not there).

        Args:
            now: monotonic seconds.
        """
        place = self._zone_of.get(name)
        if place is None:
            return None
        zone = self._zones[place]
        if name in zone.granted:
            return 0.0
        zone.waiting.setdefault(name)
        rate = self._rate(place)
        if rate <= 0:
            return None
        left_s = zone.last + 1 / rate - now
        if left_s > 0:
            return left_s + list(zone.waiting).index(name) / rate
        zone.last = now
        del zone.waiting[name]
        zone.granted.add(name)
        return 0.0

    def withdraw(self, name: str) -> None:
        """A node needs no turn, or has used it."""
        zone = self._zones.get(self._zone_of.get(name, ""))
        if zone is not None:
            zone.waiting.pop(name, None)
            zone.granted.discard(name)

    def _rate(self, zone: str) -> float:
        if self.stopped:
            return 0.0
        if self.state(zone) != PARTIAL:
            return self._rates.normal
        size = len(self._zones[zone].ready) + len(self._zones[zone].unready)
        return self._rates.secondary if size > self._rates.large_zone else 0.0

    def _move(self, name: str, zone: str | None) -> None:
        old = self._zone_of.get(name)
        if old is not None and old != zone:
            self._zones[old].leave(name)
            if not self._zones[old].members:
                del self._zones[old]
            del self._zone_of[name]
        if zone is not None:
            self._zone_of[name] = zone
            self._zones.setdefault(zone, _Zone()).members.add(name)

    def _all_anew(self) -> set[str]:
        for zone in self._zones.values():
            zone.granted.clear()
        return set(self._zone_of)


def zone_state(ready: int, unready: int, unhealthy_share: float) -> str:
    """The state of a zone with so many nodes."""
    if not ready and unready:
        return FULL
    if unready > _FEW and unready / (ready + unready) >= unhealthy_share:
        return PARTIAL
    return NORMAL


def zone_of(node: Obj) -> str:
    """Region and zone of a node, from its labels; nodes without any share one zone."""
    labels = node["metadata"].get("labels") or {}
    region, zone = (next((labels[key] for key in keys if labels.get(key)), "") for keys in (_REGION, _ZONE))
    return f"{region}:{zone}" if region or zone else ""


def counts(node: Obj) -> bool:
    """Whether a node counts for the state of its zone."""
    return EXCLUDED not in (node["metadata"].get("labels") or {})
