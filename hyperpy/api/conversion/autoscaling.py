"""HorizontalPodAutoscaler: the form of autoscaling/v2, which is stored, and that of v1.

v1 knows one CPU target; what else v2 says is kept in annotations, so that nothing is lost on the way there and back.
Source: Kubernetes' documentation, "Horizontal Pod Autoscaling", "API Object", and the annotations of its reference.
"""

from __future__ import annotations

from typing import Any

import orjson

Obj = dict[str, Any]

V1, V2 = "autoscaling/v1", "autoscaling/v2"
#: annotation -> (section, field) of v2 that it carries in v1.
_CARRIED = {
    "autoscaling.alpha.kubernetes.io/metrics": ("spec", "metrics"),
    "autoscaling.alpha.kubernetes.io/behavior": ("spec", "behavior"),
    "autoscaling.alpha.kubernetes.io/current-metrics": ("status", "currentMetrics"),
    "autoscaling.alpha.kubernetes.io/conditions": ("status", "conditions"),
}


def v1_of_v2(obj: Obj) -> Obj:
    """A v2 object as v1: the first plain CPU utilization becomes the target, the rest goes into annotations."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    rest = {"spec": spec, "status": status}
    target = _take_cpu(spec, "metrics", "target")
    current = _take_cpu(status, "currentMetrics", "current")
    annotations = dict(obj["metadata"].get("annotations") or {})
    for name, (section, field) in _CARRIED.items():
        value = rest[section].pop(field, None)
        if value:
            annotations[name] = orjson.dumps(value).decode()
    if target is not None:
        spec["targetCPUUtilizationPercentage"] = target
    if current is not None:
        status["currentCPUUtilizationPercentage"] = current
    for name in ("currentReplicas", "desiredReplicas"):  # v2 leaves out the first when it is 0
        status.setdefault(name, 0)
    return _whole(obj, V1, annotations, spec, status)


def v2_of_v1(obj: Obj) -> Obj:
    """A v1 object as v2; annotations that do not parse are dropped."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    rest = {"spec": spec, "status": status}
    annotations = dict(obj["metadata"].get("annotations") or {})
    for name, (section, field) in _CARRIED.items():
        value = _parsed(annotations.pop(name, None))
        if value:
            rest[section][field] = value
    target = spec.pop("targetCPUUtilizationPercentage", None)
    if target is not None:
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}
        spec["metrics"] = [{"type": "Resource", "resource": cpu}, *(spec.get("metrics") or ())]
    current = status.pop("currentCPUUtilizationPercentage", None)
    if current is not None:
        cpu = {"name": "cpu", "current": {"averageUtilization": current}}
        status["currentMetrics"] = [{"type": "Resource", "resource": cpu}, *(status.get("currentMetrics") or ())]
    if not status.get("currentReplicas"):
        status.pop("currentReplicas", None)
    return _whole(obj, V2, annotations, spec, status)


def _take_cpu(section: Obj, field: str, part: str) -> int | None:
    """The first CPU utilization of a list of metrics, taken out of it."""
    metrics = section.get(field) or []
    for index, metric in enumerate(metrics):
        resource = metric.get("resource") or {}
        value = (resource.get(part) or {}).get("averageUtilization")
        if metric.get("type") == "Resource" and resource.get("name") == "cpu" and value is not None:
            section[field] = metrics[:index] + metrics[index + 1 :]
            return int(value)
    return None


def _parsed(text: str | None) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None


def _whole(obj: Obj, api_version: str, annotations: Obj, spec: Obj, status: Obj) -> Obj:
    metadata = dict(obj["metadata"])
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    whole = {**obj, "apiVersion": api_version, "metadata": metadata, "spec": spec}
    if "status" in obj:
        whole["status"] = status
    return whole
