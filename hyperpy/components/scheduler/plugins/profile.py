"""The default profile: which plugins take part, in which order, with which weight."""

from __future__ import annotations

from hyperpy.components.scheduler.framework import Framework
from hyperpy.components.scheduler.plugins.balanced_allocation import NodeResourcesBalancedAllocation
from hyperpy.components.scheduler.plugins.image_locality import ImageLocality
from hyperpy.components.scheduler.plugins.node_affinity import NodeAffinity
from hyperpy.components.scheduler.plugins.node_name import NodeName
from hyperpy.components.scheduler.plugins.node_ports import NodePorts
from hyperpy.components.scheduler.plugins.node_resources_fit import NodeResourcesFit
from hyperpy.components.scheduler.plugins.node_unschedulable import NodeUnschedulable
from hyperpy.components.scheduler.plugins.scheduling_gates import SchedulingGates
from hyperpy.components.scheduler.plugins.taint_toleration import TaintToleration
from hyperpy.components.scheduler.plugins.unsupported_rules import UnsupportedRules


def default() -> Framework:
    """A framework with Kubernetes' default plugins and weights, as far as they exist here."""
    return Framework(
        [
            (SchedulingGates(), 0),
            (UnsupportedRules(), 0),
            (NodeUnschedulable(), 0),
            (NodeName(), 0),
            (TaintToleration(), 3),
            (NodeAffinity(), 2),
            (NodePorts(), 0),
            (NodeResourcesFit(), 1),
            (NodeResourcesBalancedAllocation(), 1),
            (ImageLocality(), 1),
        ]
    )
