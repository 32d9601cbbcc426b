"""SchedulingGates: a Pod with gates waits until its owner has removed them. Pure."""

from __future__ import annotations

from hyperpy.components.scheduler.pod_info import PodInfo


class SchedulingGates:
    def pre_enqueue(self, pod: PodInfo) -> str | None:
        gates = [gate["name"] for gate in pod.spec.get("schedulingGates") or ()]
        return f"waiting for scheduling gates: [{' '.join(gates)}]" if gates else None
