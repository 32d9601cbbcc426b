"""The arithmetic of a Deployment's rollout: how large each of its ReplicaSets should be next. Pure.

Every answer is a table `ReplicaSet name -> replicas` of those that change. Two promises hold at every step, however
old the ReplicaSets' statuses are: no more Pods than `replicas + maxSurge` are asked for, and the available ones never
go below `replicas - maxUnavailable` by our doing. Source of the rules: the documentation of Deployment ("Rolling
Update", "Proportional scaling") and kube-controller-manager.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperpy.client.protocol import Obj

MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"


@dataclass(frozen=True, slots=True)
class Size:
    """A ReplicaSet as the arithmetic sees it.

    Args:
        replicas: asked for by its spec.
        alive: the most Pods it may have now, counting what its controller has not yet taken away.
        available: Pods that surely count as available.
        settled: its controller has seen the present spec; else `alive` is a guess.
        ceiling: `replicas + maxSurge` of the Deployment when this set was last sized, or 0.
        age: smaller is older.
    """

    name: str
    replicas: int
    alive: int
    available: int
    settled: bool
    ceiling: int
    age: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a rollout may do: `replicas` wanted, so many more and so many fewer for a while."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        return self.replicas + self.surge

    @property
    def least_available(self) -> int:
        return self.replicas - self.unavailable


def limits_of(deployment: Obj) -> Limits:
    """The limits a Deployment's strategy sets; percentages of surge round up, those of unavailable round down."""
    spec = deployment["spec"]
    replicas = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Limits(replicas, 0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge = _resolve(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = _resolve(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if not surge and not unavailable:
        unavailable = 1
    return Limits(replicas, surge, min(unavailable, replicas))


def size_of(replica_set: Obj) -> Size:
    """A ReplicaSet's figures; a status that is behind its spec is trusted for no more than the spec allows."""
    metadata, status = replica_set["metadata"], replica_set.get("status") or {}
    replicas = replica_set["spec"].get("replicas", 1)
    observed, generation = status.get("observedGeneration", 0), metadata.get("generation", 1)
    ceiling = (metadata.get("annotations") or {}).get(MAX_REPLICAS, "")
    return Size(
        name=metadata["name"],
        replicas=replicas,
        alive=max(replicas, status.get("replicas", 0)),
        available=min(replicas, status.get("availableReplicas", 0)),
        settled=observed >= generation or (not observed and generation <= 1),
        ceiling=int(ceiling) if ceiling.isdecimal() else 0,
        age=(metadata.get("creationTimestamp", ""), metadata["name"]),
    )


def roll(new: Size | None, old: Sequence[Size], *, limits: Limits) -> dict[str, int]:
    """One step of a rolling update: the new set grows as far as allowed, then the old ones shrink.

    Args:
        new: the set of the present template, or None while it does not exist.
    """
    changes: dict[str, int] = {}
    wanted = grown(new, old, limits=limits) if new is not None else 0
    if new is not None and wanted != new.replicas:
        changes[new.name] = wanted
    changes.update(_shrunk(new, wanted, old, limits=limits))
    return changes


def grown(new: Size | None, old: Sequence[Size], *, limits: Limits) -> int:
    """How large the new set of a rolling update should be now (None: about to be created)."""
    have = new.replicas if new is not None else 0
    if have >= limits.replicas:
        return limits.replicas
    known = [*old, new] if new is not None else old
    if not all(size.settled for size in known):
        # A set whose controller is behind may still have Pods that nobody counts: growing could break the ceiling.
        return have
    room = limits.most - sum(size.alive for size in known)
    return min(limits.replicas, have + max(0, room))


def _shrunk(new: Size | None, wanted: int, old: Sequence[Size], *, limits: Limits) -> dict[str, int]:
    """Old sets lose first what is not available anyway, then what the floor allows."""
    asked = wanted + sum(size.replicas for size in old)
    new_available = min(new.available, wanted) if new is not None else 0
    spare = asked - limits.least_available - (wanted - new_available)
    if spare <= 0:
        return {}
    by_age = sorted(old, key=lambda size: size.age)
    left = {size.name: size.replicas for size in by_age}
    unhealthy = spare
    for size in by_age:
        drop = min(unhealthy, size.replicas - size.available)
        left[size.name] -= drop
        unhealthy -= drop
    healthy = min(unhealthy, new_available + sum(size.available for size in old) - limits.least_available)
    for size in by_age:
        drop = max(0, min(healthy, left[size.name]))
        left[size.name] -= drop
        healthy -= drop
    return {size.name: left[size.name] for size in by_age if left[size.name] != size.replicas}


def scaled(new: Size | None, old: Sequence[Size], *, limits: Limits, rolling: bool) -> dict[str, int]:
    """The Deployment's own size changed: keep the proportions of its ReplicaSets while a rollout is under way.

    Args:
        new: the set of the present template, or None while it does not exist.
        rolling: the strategy is RollingUpdate; with Recreate only the single set is sized.
    """
    everything = [*old, new] if new is not None else list(old)
    active = [size for size in everything if size.replicas > 0]
    if len(active) <= 1:
        latest = active[0] if active else new
        return _one(latest, limits.replicas)
    if new is not None and new.replicas == new.available == limits.replicas:
        return {size.name: 0 for size in old if size.replicas}
    return _proportional(active, limits=limits) if rolling else {}


def _one(size: Size | None, replicas: int) -> dict[str, int]:
    return {size.name: replicas} if size is not None and size.replicas != replicas else {}


def _proportional(active: Sequence[Size], *, limits: Limits) -> dict[str, int]:
    """Give the difference to the sets by their share; the largest takes what rounding leaves."""
    allowed = limits.most if limits.replicas else 0
    difference = allowed - sum(size.replicas for size in active)
    newer_first = sorted(active, key=lambda size: size.age, reverse=difference > 0)
    by_size = sorted(newer_first, key=lambda size: -size.replicas)
    left, result = difference, {}
    for size in by_size:
        share = _share(size, limits=limits)
        share = max(0, min(share, left)) if difference > 0 else min(0, max(share, left))
        result[size.name] = size.replicas + share
        left -= share
    result[by_size[0].name] = max(0, result[by_size[0].name] + left)
    return {size.name: result[size.name] for size in active if result[size.name] != size.replicas}


def _share(size: Size, *, limits: Limits) -> int:
    if not limits.replicas:
        return -size.replicas
    before = size.ceiling or limits.most
    return math.floor(size.replicas * limits.most / before + 0.5) - size.replicas


def finished(sizes: Mapping[str, int], old: Sequence[Size]) -> bool:
    """Whether every old set is, or is about to be, empty and has no Pods left."""
    return all(sizes.get(size.name, size.replicas) == 0 and size.alive == 0 for size in old)


def _resolve(value: int | str, total: int, *, up: bool) -> int:
    """A count, or a percentage of `total`."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total
    return -(-share // 100) if up else share // 100
