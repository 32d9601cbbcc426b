"""What a DaemonSet does next: a Pod on every node that is one for it, and newer Pods in the place of older ones. Pure.

    rolling update:  old Pods go, at most maxUnavailable nodes without a working one
    with maxSurge:   a new Pod comes beside the old one, which goes when the new one works

Source: Concepts, "DaemonSet"; Tasks, "Perform a Rolling Update on a DaemonSet"; the API reference of DaemonSetStatus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.upkeep import history
from hyperpy.components.controllers.workloads import daemonset_nodes, replicas
from hyperpy.components.controllers.workloads.daemonset_nodes import Fit

#: Creations and deletions in one pass. Source: kube-controller-manager.
BURST = 250


@dataclass(frozen=True, slots=True)
class Plan:
    """One pass.

    Args:
        create: names of nodes that get a Pod.
        delete: Pods that go.
        ended: Pods among them that have ended: they go after their node's back-off, `failed` or not.
        counts: number fields of the status.
        recheck_s: when a Pod becomes available merely by time passing, or None.
    """

    create: tuple[str, ...]
    delete: tuple[Obj, ...]
    ended: tuple[Obj, ...]
    counts: Mapping[str, int]
    recheck_s: float | None


@dataclass(slots=True)
class _OnNode:
    """The Pods of one node, the oldest first."""

    fit: Fit
    there: list[Obj] = field(default_factory=list)


def plan(owner: Obj, owned: Sequence[Obj], nodes: Sequence[Obj], *, update: str, now: float) -> Plan:
    """Compare what is wanted with what is there.

    Args:
        owned: the Pods that the set controls.
        nodes: every node.
        update: the hash of the present template.
    """
    look = _Look(
        owner, update, now, {node["metadata"]["name"]: _OnNode(daemonset_nodes.fit(owner, node)) for node in nodes}
    )
    astray = look.sort_in(owned)
    create, delete, ended = look.keep(astray)
    if not meta.is_deleting(owner) and look.rolls:
        more, gone = look.roll(delete)
        create += [name for name in more if name not in create]
        delete += [pod for pod in gone if pod not in delete]
    waits = [wait for pod in owned if (wait := look.available_in(pod))]
    if meta.is_deleting(owner):
        create, delete, ended = [], [], []
    return Plan(
        create=tuple(create[:BURST]),
        delete=tuple(delete[:BURST]),
        ended=tuple(ended[:BURST]),
        counts=look.counts(),
        recheck_s=min(waits, default=None),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    owner: Obj
    update: str
    now: float
    nodes: Mapping[str, _OnNode]

    @property
    def rolls(self) -> bool:
        strategy = self.owner["spec"].get("updateStrategy") or {}
        return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")

    def sort_in(self, owned: Sequence[Obj]) -> list[Obj]:
        """Put Pods to their nodes; those without a node that is there are returned."""
        astray = []
        for pod in sorted(owned, key=_age):
            place = self.nodes.get(daemonset_nodes.node_of(pod))
            if place is None:
                astray.append(pod)
            else:
                place.there.append(pod)
        return astray

    def keep(self, astray: Sequence[Obj]) -> tuple[list[str], list[Obj], list[Obj]]:
        """One Pod on every node that should have one, none elsewhere (podGC sees to those of nodes that are gone)."""
        create: list[str] = []
        delete = [pod for pod in astray if not daemonset_nodes.node_of(pod) and pods.is_active(pod)]
        ended: list[Obj] = []
        for name, place in self.nodes.items():
            if not place.fit.stay:
                delete += [pod for pod in place.there if not meta.is_deleting(pod)]
                continue
            alive = [pod for pod in place.there if pods.is_active(pod)]
            over = [pod for pod in place.there if pods.is_terminal(pod) and not meta.is_deleting(pod)]
            ended += over
            if place.fit.run and not place.there:
                create.append(name)
            elif len(alive) > 1:
                delete += self._surplus(alive)
        return create, delete, ended

    def _surplus(self, alive: Sequence[Obj]) -> list[Obj]:
        """All but the oldest; while surging, all but the oldest of each template."""
        if not self.rolls or not self._surge():
            return list(alive[1:])
        new = [pod for pod in alive if self._is_new(pod)]
        old = [pod for pod in alive if not self._is_new(pod)]
        gone = [*new[1:], *old[1:]]
        if new and old and self.available_in(new[0]) == 0:
            gone.append(old[0])
        return gone

    def roll(self, leaving: Sequence[Obj]) -> tuple[list[str], list[Obj]]:
        """Nodes that get a newer Pod beside the old one, and old Pods that go."""
        wanted = [(name, place) for name, place in self.nodes.items() if place.fit.run]
        surge = self._surge()
        return (self._roll_with_surge(wanted, surge), []) if surge else ([], self._roll_in_place(wanted, leaving))

    def _roll_in_place(self, wanted: Sequence[tuple[str, _OnNode]], leaving: Sequence[Obj]) -> list[Obj]:
        unavailable = 0
        broken: list[Obj] = []
        candidates: list[Obj] = []
        for _, place in wanted:
            alive = [pod for pod in place.there if pods.is_active(pod) and pod not in leaving]
            if len(alive) != 1:
                unavailable += 1
            elif self._is_new(alive[0]):
                unavailable += self.available_in(alive[0]) != 0
            elif self.available_in(alive[0]) != 0:
                broken.append(alive[0])  # it does not work anyway
                unavailable += 1
            else:
                candidates.append(alive[0])
        room = max(0, self._unavailable(len(wanted)) - unavailable)
        return [*broken, *candidates[:room]]

    def _roll_with_surge(self, wanted: Sequence[tuple[str, _OnNode]], surge: int) -> list[str]:
        surging = 0
        broken: list[str] = []
        candidates: list[str] = []
        for name, place in wanted:
            alive = [pod for pod in place.there if pods.is_active(pod)]
            new = [pod for pod in alive if self._is_new(pod)]
            old = [pod for pod in alive if not self._is_new(pod)]
            if not old:
                continue
            if new:
                surging += self.available_in(new[0]) != 0
            elif self.available_in(old[0]) != 0:
                broken.append(name)
            else:
                candidates.append(name)
        return [*broken, *candidates[: max(0, surge - surging)]]

    def _surge(self) -> int:
        return self._share("maxSurge", 0)

    def _unavailable(self, desired: int) -> int:
        found = self._share("maxUnavailable", 1)
        return max(found, 1) if desired and not self._surge() else found

    def _share(self, name: str, default: int) -> int:
        """A number, or a share of the nodes that should have a Pod; shares round up."""
        rolling = (self.owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        value = rolling.get(name, default)
        if isinstance(value, int):
            return value
        desired = sum(place.fit.run for place in self.nodes.values())
        return math.ceil(desired * int(value.removesuffix("%")) / 100)

    def counts(self) -> dict[str, int]:
        """The number fields of the status."""
        found = dict.fromkeys(
            (
                "desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady",
                "updatedNumberScheduled", "numberAvailable", "numberUnavailable",
            ), 0,
        )  # fmt: skip
        for place in self.nodes.values():
            there = [pod for pod in place.there if not pods.is_terminal(pod)]
            if not place.fit.run:
                found["numberMisscheduled"] += bool(there)
                continue
            found["desiredNumberScheduled"] += 1
            if not there:
                continue
            found["currentNumberScheduled"] += 1
            counted = next((pod for pod in there if pods.is_ready(pod)), there[0])
            found["numberReady"] += pods.is_ready(counted)
            found["numberAvailable"] += self.available_in(counted) == 0
            found["updatedNumberScheduled"] += self._is_new(there[-1])
        found["numberUnavailable"] = found["desiredNumberScheduled"] - found["numberAvailable"]
        return found

    def available_in(self, pod: Obj) -> float | None:
        """Seconds until a Pod counts as available: 0 when it does, None when it does not even work."""
        return replicas.available_in(pod, min_ready_s=self.owner["spec"].get("minReadySeconds", 0), now=self.now)

    def _is_new(self, pod: Obj) -> bool:
        return (pod["metadata"].get("labels") or {}).get(history.LABEL) == self.update


def _age(pod: Obj) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp", "")), str(pod["metadata"]["name"])
