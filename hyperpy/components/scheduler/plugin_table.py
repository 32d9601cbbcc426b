"""The scheduler's own plugins: how each is made, and its weight. The order is kube-scheduler's; data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Row:
    """One plugin.

    Args:
        make: with the arguments of the configuration file as keywords.
        weight: when nodes are scored.
        needs_handle: `make` takes the Handle of the profile first.
    """

    make: Callable[..., Any]
    weight: int = 1
    needs_handle: bool = False


TABLE: Mapping[str, Row] = {
    "SchedulingGates": Row(SchedulingGates),
    "PrioritySort": Row(PrioritySort),
    "NodeUnschedulable": Row(NodeUnschedulable),
    "NodeName": Row(NodeName),
    "TaintToleration": Row(TaintToleration, 3),
    "NodeAffinity": Row(NodeAffinity, 2),
    "NodePorts": Row(NodePorts),
    "NodeResourcesFit": Row(NodeResourcesFit),
    "VolumeRestrictions": Row(VolumeRestrictions),
    "NodeVolumeLimits": Row(NodeVolumeLimits),
    "VolumeBinding": Row(VolumeBinding),
    "VolumeZone": Row(VolumeZone),
    "PodTopologySpread": Row(PodTopologySpread, 2),
    "InterPodAffinity": Row(InterPodAffinity, 2),
    "DefaultPreemption": Row(DefaultPreemption),
    "NodeResourcesBalancedAllocation": Row(BalancedAllocation),
    "ImageLocality": Row(ImageLocality),
    "DefaultBinder": Row(DefaultBinder),
}

#: Plugins of kube-scheduler that there are none of here: a configuration may disable them.
ABSENT = frozenset({"DynamicResources", "GangScheduling"})
