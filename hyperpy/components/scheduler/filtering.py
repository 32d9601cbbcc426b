"""The filters of one Pod: PreFilter once, then node by node, and again when other Pods are supposed to go. Pure.

A trial changes the cluster state itself and puts it right again: nothing is copied. Filters that read only the node
they are asked of stay as they are; the others are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import NodeFilter, PreFilter, Rejection
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile


@dataclass(frozen=True, slots=True)
class Filters:
    """What the filter plugins of a profile have to say about a Pod.

    Args:
        checks: asked of each node, in the plugins' order.
        only: the only nodes worth looking at, and who says so; None: all are.
    """

    pod: PodInfo
    cluster: ClusterState
    profile: Profile
    checks: Sequence[NodeFilter]
    only: tuple[frozenset[str], Rejection] | None

    def check(self, node: NodeInfo) -> Rejection | None:
        """Whether the node is possible: as it is, and with the Pods that were promised room there."""
        for each in self.checks:
            rejection = each(node)
            if rejection is not None:
                return rejection
        return self.beside_nominated(node)

    def beside_nominated(self, node: NodeInfo) -> Rejection | None:
        """Whether there is room on the node also for Pods that were promised it and are not less important."""
        if not self._promised(node):
            return None
        with self.trial(node) as trial:
            return trial.check()

    @contextmanager
    def trial(self, node: NodeInfo) -> Iterator[_Trial]:
        """Suppose that Pods leave a node."""
        trial = _Trial(self, node)
        try:
            yield trial
        finally:
            trial.end()

    def _promised(self, node: NodeInfo) -> list[PodInfo]:
        pod = self.pod
        return [
            each
            for each in self.cluster.nominations.on(node.name)
            if each.priority >= pod.priority and each.uid != pod.uid and each.uid not in node.pods
        ]


def prepare(pod: PodInfo, cluster: ClusterState, profile: Profile) -> Filters | Rejection:
    """Ask PreFilter of every plugin; a Rejection is one by the Pod alone: no node will do."""
    only = _narrowed(pod, profile)
    if isinstance(only, Rejection):
        return only
    checks = []
    for plugin in profile.filters:
        found = plugin.pre_filter(pod, cluster)
        if isinstance(found, Rejection):
            return found
        if found is not None:
            checks.append(found)
    return Filters(pod, cluster, profile, checks, only)


def _narrowed(pod: PodInfo, profile: Profile) -> tuple[frozenset[str], Rejection] | Rejection | None:
    """The only nodes worth looking at; a Rejection when plugins contradict each other."""
    only: frozenset[str] | None = None
    by: list[str] = []
    for plugin in profile.narrows:
        names = plugin.narrow(pod)
        if names is None:
            continue
        by.append(plugin.name)
        only = names if only is None else only & names
        if not only:
            told = f"plugin {by[0]}" if len(by) == 1 else f"plugin(s) [{' '.join(sorted(by))}] simultaneously"
            return Rejection(by[-1], (f"node(s) didn't satisfy {told}",), preemptable=False)
    if only is None:
        return None
    reason = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(by))}]"
    return only, Rejection(by[-1], (reason,), preemptable=False)


class _Trial:
    """A `framework.Trial`. Only what the filters of this Pod read is kept up to date: mostly the node alone."""

    def __init__(self, filters: Filters, node: NodeInfo) -> None:
        self._filters = filters
        self._node = node
        self._gone: dict[str, PodInfo] = {}
        self._fixed: list[NodeFilter] = []
        #: Filters that depend on other Pods: those that have something to say about this Pod, and all of them.
        self._made: list[PreFilter] = []
        self._all: list[PreFilter] = []
        for plugin in filters.profile.filters:
            found = plugin.pre_filter(filters.pod, filters.cluster)
            if plugin.name in filters.profile.only_the_node:
                if found is not None and not isinstance(found, Rejection):
                    self._fixed.append(found)
                continue
            self._all.append(plugin)
            if found is not None:
                self._made.append(plugin)

    def remove(self, pod: PodInfo) -> None:
        self._gone[pod.uid] = pod
        if self._made:
            self._filters.cluster.suppose_gone(pod, self._node)
        else:
            self._node.remove(pod)

    def put_back(self, pod: PodInfo) -> None:
        del self._gone[pod.uid]
        if self._made:
            self._filters.cluster.suppose_there(pod, self._node)
        else:
            self._node.add(pod)

    def check(self) -> Rejection | None:
        return self._ask(self._made) or self._ask_beside_promised()

    def end(self) -> None:
        """Put everything right."""
        for pod in list(self._gone.values()):
            self.put_back(pod)

    def _ask_beside_promised(self) -> Rejection | None:
        promised = self._filters._promised(self._node)
        if not promised:
            return None
        cluster, node = self._filters.cluster, self._node
        for pod in promised:
            cluster.suppose_there(pod, node)
        try:
            return self._ask(self._all)
        finally:
            for pod in promised:
                cluster.suppose_gone(pod, node)

    def _ask(self, again: Sequence[PreFilter]) -> Rejection | None:
        for check in self._fixed:
            rejection = check(self._node)
            if rejection is not None:
                return rejection
        for plugin in again:
            found = plugin.pre_filter(self._filters.pod, self._filters.cluster)
            rejection = found if found is None or isinstance(found, Rejection) else found(self._node)
            if rejection is not None:
                return rejection
        return None
