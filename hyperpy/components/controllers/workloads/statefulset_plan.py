"""What a StatefulSet does next: one Pod at a time in order of their numbers, or all at once. Pure.

    missing ──created, lowest first──▶ running and ready ──template changed──▶ deleted, highest first ──▶ created anew
                                             └── the set shrinks: deleted, highest first

Source: Concepts, "StatefulSets": "Deployment and Scaling Guarantees", "Update strategies"; the API reference of
StatefulSetStatus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.workloads import statefulset_pods
from hyperpy.components.controllers.workloads.statefulset_pods import available_in, is_running_and_ready, revision_of


@dataclass(frozen=True, slots=True)
class Plan:
    """One pass.

    Args:
        create: ordinals and the names of their revisions, in order.
        delete: Pods that go, in order.
        restart: Pods among them that have ended and are made anew.
        condemned: ordinals of Pods that go because the set shrinks.
        mend: ordinals of Pods that lack their labels.
        counts: number fields of the status.
        done: every Pod is of the newest revision and works.
        recheck_s: when a Pod becomes available merely by time passing, or None.
    """

    create: tuple[tuple[int, str], ...]
    delete: tuple[Obj, ...]
    restart: tuple[Obj, ...]
    condemned: frozenset[int]
    mend: tuple[int, ...]
    counts: Mapping[str, int]
    done: bool
    recheck_s: float | None


@dataclass(slots=True)
class _Steps:
    create: list[tuple[int, str]] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)
    restart: list[Obj] = field(default_factory=list)


def plan(owner: Obj, owned: Sequence[Obj], *, current: str, update: str, now: float) -> Plan:
    """Compare what is wanted with what is there.

    Args:
        owned: the Pods that the set controls.
        current, update: names of the revisions before and after the change that is under way; the same at rest.
    """
    there = {ordinal: pod for pod in owned if (ordinal := statefulset_pods.ordinal_of(owner, pod)) is not None}
    first = statefulset_pods.first_ordinal(owner)
    wanted = range(first, first + owner["spec"].get("replicas", 1))
    condemned = sorted((ordinal for ordinal in there if ordinal not in wanted), reverse=True)
    look = _Look(owner, there, wanted, condemned, current, update, now)
    steps = _Steps()
    if not meta.is_deleting(owner) and look.fill(steps) and look.shrink(steps):
        look.renew(steps)
    counts = _counts(owner, list(there.values()), current=current, update=update, now=now)
    waits = [wait for pod in there.values() if (wait := available_in(owner, pod, now=now))]
    size = len(wanted)
    return Plan(
        create=tuple(steps.create),
        delete=tuple(steps.delete),
        restart=tuple(steps.restart),
        condemned=frozenset(condemned),
        mend=tuple(
            ordinal
            for ordinal in wanted
            if ordinal in there and statefulset_pods.lacks_identity(owner, ordinal, there[ordinal])
        ),
        counts=counts,
        done=counts["replicas"] == counts["updatedReplicas"] == counts["readyReplicas"] == size,
        recheck_s=min(waits, default=None),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    owner: Obj
    there: Mapping[int, Obj]
    wanted: range
    condemned: Sequence[int]
    current: str
    update: str
    now: float

    @property
    def ordered(self) -> bool:
        return bool(self.owner["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady")

    @property
    def rolling(self) -> Obj | None:
        strategy = self.owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return None
        return dict(strategy.get("rollingUpdate") or {})

    def fill(self, steps: _Steps) -> bool:
        """Make what is missing or has ended, lowest first; in order, each must work before the next. True: go on."""
        for ordinal in self.wanted:
            pod = self.there.get(ordinal)
            if pod is None:
                steps.create.append((ordinal, self._revision_for(ordinal)))
            elif pods.is_terminal(pod):
                if not meta.is_deleting(pod):
                    steps.delete.append(pod)
                    steps.restart.append(pod)
            elif self._works(pod):
                continue
            if self.ordered:
                return False
        return True

    def shrink(self, steps: _Steps) -> bool:
        """Take away what is too much, highest first; in order, only while those before it work. True: go on."""
        for position, ordinal in enumerate(self.condemned):
            pod = self.there[ordinal]
            if meta.is_deleting(pod):
                if self.ordered:
                    return False
                continue
            lower = [self.there[each] for each in self.condemned[position + 1 :]]
            if self.ordered and not self._works(pod) and not all(self._works(each) for each in lower):
                return False  # one before it is in trouble, and goes or heals first
            steps.delete.append(pod)
            if self.ordered:
                return False
        return True

    def renew(self, steps: _Steps) -> None:
        """Take away one Pod of an old revision, highest first, once all above it work."""
        rolling = self.rolling
        if rolling is None or steps.create or steps.delete:
            return
        lowest = self.wanted.start + int(rolling.get("partition") or 0)
        for ordinal in reversed(self.wanted):
            if ordinal < lowest:
                return
            pod = self.there[ordinal]
            if revision_of(pod) != self.update and not meta.is_deleting(pod):
                steps.delete.append(pod)
                return
            if not self._works(pod):
                return

    def _revision_for(self, ordinal: int) -> str:
        rolling = self.rolling
        if rolling is not None and ordinal < self.wanted.start + int(rolling.get("partition") or 0):
            return self.current
        return self.update

    def _works(self, pod: Obj) -> bool:
        return not meta.is_deleting(pod) and available_in(self.owner, pod, now=self.now) == 0


def _counts(owner: Obj, owned: Sequence[Obj], *, current: str, update: str, now: float) -> dict[str, int]:
    staying = [pod for pod in owned if not meta.is_deleting(pod)]
    return {
        "replicas": len(owned),
        "readyReplicas": sum(is_running_and_ready(pod) for pod in owned),
        "availableReplicas": sum(available_in(owner, pod, now=now) == 0 for pod in owned),
        "currentReplicas": sum(revision_of(pod) == current for pod in staying),
        "updatedReplicas": sum(revision_of(pod) == update for pod in staying),
    }
