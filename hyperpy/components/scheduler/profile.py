"""A profile: the plugins of one scheduler name, in their order, with the weights of those that score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperpy.components.scheduler import framework
from hyperpy.components.scheduler.framework import Event, Plugin, Rejection
from hyperpy.components.scheduler.plugins.balanced_allocation import BalancedAllocation
from hyperpy.components.scheduler.plugins.default_binder import DefaultBinder
from hyperpy.components.scheduler.plugins.default_preemption import DefaultPreemption
from hyperpy.components.scheduler.plugins.image_locality import ImageLocality
from hyperpy.components.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from hyperpy.components.scheduler.plugins.node_affinity import NodeAffinity
from hyperpy.components.scheduler.plugins.node_name import NodeName
from hyperpy.components.scheduler.plugins.node_ports import NodePorts
from hyperpy.components.scheduler.plugins.node_resources_fit import NodeResourcesFit
from hyperpy.components.scheduler.plugins.node_unschedulable import NodeUnschedulable
from hyperpy.components.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from hyperpy.components.scheduler.plugins.pod_topology_spread import PodTopologySpread
from hyperpy.components.scheduler.plugins.priority_sort import PrioritySort
from hyperpy.components.scheduler.plugins.scheduling_gates import SchedulingGates
from hyperpy.components.scheduler.plugins.taint_toleration import TaintToleration
from hyperpy.components.scheduler.plugins.volume_binding import VolumeBinding
from hyperpy.components.scheduler.plugins.volume_restrictions import VolumeRestrictions
from hyperpy.components.scheduler.plugins.volume_zone import VolumeZone
from hyperpy.components.scheduler.pod_info import PodInfo


@dataclass(frozen=True, slots=True)
class Use:
    """A plugin in a profile, and its weight when nodes are scored."""

    plugin: Plugin
    weight: float = 1.0


def default_plugins() -> list[Use]:
    """The plugins of the default scheduler, with kube-scheduler's order and weights."""
    return [
        Use(SchedulingGates()),
        Use(PrioritySort()),
        Use(NodeUnschedulable()),
        Use(NodeName()),
        Use(TaintToleration(), 3),
        Use(NodeAffinity(), 2),
        Use(NodePorts()),
        Use(NodeResourcesFit()),
        Use(VolumeRestrictions()),
        Use(NodeVolumeLimits()),
        Use(VolumeBinding()),
        Use(VolumeZone()),
        Use(PodTopologySpread(), 2),
        Use(InterPodAffinity(), 2),
        Use(DefaultPreemption()),
        Use(BalancedAllocation()),
        Use(ImageLocality()),
        Use(DefaultBinder()),
    ]


class Profile:
    """What one scheduler name runs, sorted by extension point.

    Args:
        scheduler_name: the Pods that name it are its own.
        uses: the plugins; each takes part in every point that it has a method for.
    Raises:
        ValueError: two plugins have one name, or there is not exactly one that sorts the queue.
    """

    def __init__(self, scheduler_name: str, uses: Sequence[Use] | None = None) -> None:
        uses = default_plugins() if uses is None else uses
        self.scheduler_name = scheduler_name
        if len({use.plugin.name for use in uses}) != len(uses):
            raise ValueError(f"profile {scheduler_name}: two plugins have the same name")
        plugins = [use.plugin for use in uses]
        self.pre_enqueue = [each for each in plugins if isinstance(each, framework.PreEnqueue)]
        self.filters = [each for each in plugins if isinstance(each, framework.PreFilter)]
        self.narrows = [each for each in plugins if isinstance(each, framework.Narrow)]
        self.only_the_node = {
            each.name for each in plugins if isinstance(each, framework.OnlyTheNode) and each.only_the_node
        }
        self.post_filters = [each for each in plugins if isinstance(each, framework.PostFilter)]
        self.scorers = [(use.plugin, use.weight) for use in uses if isinstance(use.plugin, framework.PreScore)]
        self.reserves = [each for each in plugins if isinstance(each, framework.Reserve)]
        self.permits = [each for each in plugins if isinstance(each, framework.Permit)]
        self.pre_binds = [each for each in plugins if isinstance(each, framework.PreBind)]
        self.bind_waits = [each for each in plugins if isinstance(each, framework.BindWait)]
        self.binds = [each for each in plugins if isinstance(each, framework.Bind)]
        self.post_binds = [each for each in plugins if isinstance(each, framework.PostBind)]
        self._wakers = {each.name: each for each in plugins if isinstance(each, framework.Waker)}
        sorts = [each for each in plugins if isinstance(each, framework.QueueSort)]
        if len(sorts) != 1:
            raise ValueError(f"profile {scheduler_name}: exactly one plugin must sort the queue, not {len(sorts)}")
        self.queue_sort = sorts[0]

    def gate(self, pod: PodInfo) -> Rejection | None:
        """Why the Pod may not be queued, or None."""
        for plugin in self.pre_enqueue:
            rejection = plugin.pre_enqueue(pod)
            if rejection is not None:
                return rejection
        return None

    def may_open(self, pod: PodInfo, gated_by: str, event: Event) -> bool:
        """Whether a change elsewhere may open a gate: only where the plugin says so itself."""
        return gated_by in self._wakers and self._wakers[gated_by].may_help(pod, event)

    def opens_by_changes(self, gated_by: str) -> bool:
        """Whether a plugin opens gates for other reasons than a change of the Pod itself."""
        return gated_by in self._wakers

    def may_help(self, pod: PodInfo, rejected_by: frozenset[str], event: Event) -> bool:
        """Whether one of the plugins that rejected the Pod sees hope in a change."""
        return any(name not in self._wakers or self._wakers[name].may_help(pod, event) for name in rejected_by)
