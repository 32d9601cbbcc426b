"""Defaults of HorizontalPodAutoscalers, in the form of autoscaling/v1 and of v2."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hyperpy.api.conversion import autoscaling
from hyperpy.api.defaults import zeros

Obj = dict[str, Any]

CPU_UTILIZATION = 80
_METRICS_OF_V1 = "autoscaling.alpha.kubernetes.io/metrics"
_PERCENT: Obj = {"type": "Percent", "value": 100, "periodSeconds": 15}
_BEHAVIOR: Mapping[str, Obj] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, _PERCENT],
    },
    "scaleDown": {"selectPolicy": "Max", "policies": [_PERCENT]},
}


def horizontal_pod_autoscaler(obj: Obj) -> None:
    """One replica at least, four fifths of the requested CPU, and how fast it goes up and down where that is asked."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if obj.get("apiVersion") == autoscaling.V1:
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        if spec.get("targetCPUUtilizationPercentage") is None and _METRICS_OF_V1 not in annotations:
            spec["targetCPUUtilizationPercentage"] = CPU_UTILIZATION
        zeros.fill(obj, "currentReplicas", "desiredReplicas")
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if spec.get("behavior") is not None:
        for direction, values in _BEHAVIOR.items():
            rules = spec["behavior"].setdefault(direction, {})
            for name, value in values.items():
                if rules.get(name) is None:
                    rules[name] = deepcopy(value)
    zeros.fill(obj, "desiredReplicas")


DEFAULTS = {("autoscaling", "HorizontalPodAutoscaler"): horizontal_pod_autoscaler}
