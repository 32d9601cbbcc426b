"""Pods: the first status, the QoS class, how long a deletion takes.

Source: the API reference, "PodStatus"; Tasks, "Configure Quality of Service for Pods"; "Pod Lifecycle", "Termination".
"""

from __future__ import annotations

from hyperpy.api import quantity
from hyperpy.components.apiserver.strategy.base import Obj, Strategy

DEFAULT_GRACE_S = 30
_COUNTED = ("cpu", "memory")


def _create(pod: Obj) -> None:
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(pod)}
    if (pod.get("spec") or {}).get("schedulingGates"):
        pod["status"]["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
                "lastProbeTime": None,
                "lastTransitionTime": pod["metadata"]["creationTimestamp"],
            }
        ]


def _update_status(new: Obj, old: Obj) -> None:
    """A status write cannot change the QoS class nor, as old kubelets would, the owners."""
    status = new.setdefault("status", {})
    known = (old.get("status") or {}).get("qosClass")
    if known:
        status["qosClass"] = known
    owners = old["metadata"].get("ownerReferences")
    if owners is None:
        new["metadata"].pop("ownerReferences", None)
    else:
        new["metadata"]["ownerReferences"] = owners


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort, by the CPU and memory of every container."""
    spec = pod.get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    guaranteed = bool(containers)
    any_set = False
    for container in containers:
        resources = container.get("resources") or {}
        requests, limits = _set(resources.get("requests")), _set(resources.get("limits"))
        any_set = any_set or bool(requests or limits)
        for name in _COUNTED:
            wanted = requests.get(name, limits.get(name))
            if name not in limits or wanted is None or quantity.compare(wanted, limits[name]) != 0:
                guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _set(resources: dict[str, str] | None) -> dict[str, str]:
    """The counted resources that are more than zero; what is no quantity is left to validation."""
    return {name: value for name, value in (resources or {}).items() if name in _COUNTED and _is_positive(value)}


def _is_positive(value: str) -> bool:
    try:
        return quantity.parse(value) > 0
    except ValueError:
        return False


def grace_s(pod: Obj, asked: int | None) -> int:
    """Seconds a Pod gets to stop: none when no node runs it or it is over already."""
    spec = pod.get("spec") or {}
    if asked is None:
        given = spec.get("terminationGracePeriodSeconds")
        asked = DEFAULT_GRACE_S if given is None else given
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    return 1 if asked < 0 else asked


POD = Strategy(
    create=_create, update_status=_update_status, generation=True, grace_s=grace_s, returns_deleted=True
)  # fmt: skip
