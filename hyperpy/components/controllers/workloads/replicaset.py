"""ReplicaSet controller: keep spec.replicas Pods alive.

Watches: ReplicaSet, Pod.   Writes: Pod, ReplicaSet/status.
"""

from __future__ import annotations

from hyperpy.api import kinds, labels
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep.ownership import Matches
from hyperpy.components.controllers.workloads.replication import Replication


def selects(replica_set: Obj) -> Matches:
    """The set's own label selector."""
    return labels.from_selector(replica_set["spec"].get("selector")).matches


class ReplicaSetController:
    """The planner is `replicas.plan`, the loop is `Replication`."""

    name = "replicaset-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        loop = Replication(context, queue, kind=kinds.REPLICA_SET, selects=selects, component=self.name)
        self.reconcile = loop.reconcile
