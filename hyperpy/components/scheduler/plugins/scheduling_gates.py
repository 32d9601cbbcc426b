"""SchedulingGates: a Pod with gates is not even queued; only a change of the Pod opens them. Source: KEP-3521."""

from __future__ import annotations

from hyperpy.components.scheduler.framework import Rejection
from hyperpy.components.scheduler.pod_info import PodInfo


class SchedulingGates:
    name = "SchedulingGates"

    def pre_enqueue(self, pod: PodInfo) -> Rejection | None:
        gates = [gate["name"] for gate in pod.spec.get("schedulingGates") or ()]
        if not gates:
            return None
        return Rejection(self.name, (f"waiting for scheduling gates: [{' '.join(gates)}]",), preemptable=False)
