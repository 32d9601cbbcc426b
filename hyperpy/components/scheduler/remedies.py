"""What would help a Pod that fits nowhere: the smallest changes after which a node takes it. Pure.

For every node the plugin that rejects it is asked for, and the changes that answer it (`fixes.py`) are tried on the
scheduler's own filters, one alone first, then up to `STEPS` together. A big cluster is not tried whole: of the nodes
that were rejected alike, `ALIKE` are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import filtering
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.fixes import Fix, Supposed, fixes
from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

STEPS = 3
ALIKE = 40


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change, or several together, after which each of the nodes would take the Pod.

    Args:
        size: to sort by; what is done with one command and takes nothing from anybody is small.
    """

    steps: tuple[str, ...]
    size: float
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Help:
    """What was found.

    Args:
        fits: nodes that would take the Pod as they are now.
        remedies: the smallest first.
    """

    fits: tuple[str, ...]
    remedies: tuple[Remedy, ...]


def find(pod: Obj, cluster: ClusterState, profile: Profile) -> Help:
    """The changes that would help.

    Args:
        cluster: changed while it is asked, and as it was afterwards.
        profile: the filters that count.
    """
    fits, alike = [], dict[tuple[str, tuple[str, ...]], list[str]]()
    filters = filtering.prepare(PodInfo(pod), cluster, profile)
    for node in cluster.nodes:
        rejection = filters if isinstance(filters, Rejection) else filters.check(node)
        if rejection is None:
            fits.append(node.name)
        else:
            alike.setdefault((rejection.plugin, rejection.reasons), []).append(node.name)
    found: dict[tuple[str, ...], tuple[float, list[str]]] = {}
    for names in alike.values():
        for name in names[:ALIKE]:
            for steps, size in _of_node(pod, name, cluster, profile):
                found.setdefault(steps, (size, []))[1].append(name)
    remedies = [Remedy(steps, size, tuple(nodes)) for steps, (size, nodes) in found.items()]
    remedies.sort(key=lambda each: (len(each.steps), each.size, each.nodes))
    return Help(tuple(fits), tuple(remedies))


def _of_node(pod: Obj, name: str, cluster: ClusterState, profile: Profile) -> list[tuple[tuple[str, ...], float]]:
    """Every single change that suffices; where none does, the first few together that do."""
    node = cluster.node(name)
    assert node is not None
    start = Supposed(pod, node.node)
    rejection = _rejection(start, cluster, profile)
    if rejection is None:
        return []
    tried = [(fix, _after(fix, cluster, profile)) for fix in _fixes(start, rejection, cluster)]
    alone: list[tuple[tuple[str, ...], float]] = [((fix.text,), fix.size) for fix, left in tried if left is None]
    if alone:
        return alone
    for fix, left in tried:
        together = _together(fix, left, cluster, profile)
        if together is not None:
            return [together]
    return []


def _together(
    first: Fix, left: Rejection | None, cluster: ClusterState, profile: Profile
) -> tuple[tuple[str, ...], float] | None:
    """One change after the other, always the smallest that gets past the plugin in the way."""
    steps, size, at = [first.text], first.size, first
    while left is not None:
        if len(steps) == STEPS:
            return None
        past = None
        for fix in _fixes(at.then, left, cluster):
            after = _after(fix, cluster, profile)
            if after is None or after.plugin != left.plugin or after.reasons != left.reasons:
                past = fix, after
                break
        if past is None:
            return None
        at, left = past
        steps.append(at.text)
        size += at.size
    return tuple(steps), size


def _fixes(supposed: Supposed, rejection: Rejection, cluster: ClusterState) -> Sequence[Fix]:
    with _supposing(supposed, cluster):
        return sorted(fixes(supposed, rejection, cluster), key=lambda fix: fix.size)


def _after(fix: Fix, cluster: ClusterState, profile: Profile) -> Rejection | None:
    return _rejection(fix.then, cluster, profile)


def _rejection(supposed: Supposed, cluster: ClusterState, profile: Profile) -> Rejection | None:
    """Why the node would not take the Pod, if things were so."""
    with _supposing(supposed, cluster) as pod:
        filters = filtering.prepare(pod, cluster, profile)
        if isinstance(filters, Rejection):
            return filters
        name = supposed.node["metadata"]["name"]
        if filters.only is not None and name not in filters.only[0]:
            return filters.only[1]
        node = cluster.node(name)
        assert node is not None
        return filters.check(node)


@contextmanager
def _supposing(supposed: Supposed, cluster: ClusterState) -> Iterator[PodInfo]:
    """The cluster as it would be, for a while; gives the Pod as it would be."""
    node = cluster.node(supposed.node["metadata"]["name"])
    assert node is not None
    before = node.node
    cluster.put_node(supposed.node)
    for gone in supposed.gone:
        cluster.suppose_gone(gone, node)
    try:
        yield supposed.info()
    finally:
        for gone in supposed.gone:
            cluster.suppose_there(gone, node)
        cluster.put_node(before)
