"""Pods: the first status, the QoS class, how long a deletion takes.

Source: the API reference, "PodStatus"; "Pod Lifecycle", "Termination".
"""

from __future__ import annotations

from hyperpy.api.qos import qos_class
from hyperpy.components.apiserver.strategy.base import Obj, Strategy

DEFAULT_GRACE_S = 30


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
