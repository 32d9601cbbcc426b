"""ReplicationController controller: keep spec.replicas Pods alive, the way of Kubernetes 1.0.

Watches: ReplicationController, Pod.   Writes: Pod, ReplicationController/status.
"""

from __future__ import annotations

from hyperpy.api import kinds, labels
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep.ownership import Matches
from hyperpy.components.controllers.workloads.replication import Replication


def selects(controller: Obj) -> Matches:
    """Its selector is a plain map; without one the template's labels are meant (the API server's default)."""
    spec = controller["spec"]
    wanted = spec.get("selector") or (spec.get("template", {}).get("metadata") or {}).get("labels")
    return labels.from_map(wanted).matches if wanted else labels.NOTHING.matches


class ReplicationControllerController:
    """The planner is `replicas.plan`, the loop is `Replication`."""

    name = "replication-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        loop = Replication(context, queue, kind=kinds.REPLICATION_CONTROLLER, selects=selects, component=self.name)
        self.reconcile = loop.reconcile
