"""UnsupportedRules: a Pod with a hard rule that this scheduler does not know stays pending and says so. Pure.

Placing it anyway would break a promise that its author relies on.
"""

from __future__ import annotations

from hyperpy.components.scheduler.pod_info import PodInfo

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class UnsupportedRules:
    def pre_filter(self, pod: PodInfo) -> str | None:
        affinity = pod.spec.get("affinity") or {}
        for field in ("podAffinity", "podAntiAffinity"):
            if (affinity.get(field) or {}).get(_REQUIRED):
                return f"spec.affinity.{field}.{_REQUIRED} is not supported by this scheduler yet"
        for constraint in pod.spec.get("topologySpreadConstraints") or ():
            if constraint.get("whenUnsatisfiable") != "ScheduleAnyway":
                return "spec.topologySpreadConstraints with DoNotSchedule is not supported by this scheduler yet"
        if pod.spec.get("resourceClaims"):
            return "spec.resourceClaims is not supported by this scheduler yet"
        return None
