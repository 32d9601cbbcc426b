"""What a node's silence and conditions mean: its status when nobody speaks for it, and its taints. Pure.

Source: Concepts, "Nodes" (heartbeats, conditions) and "Taints and Tolerations" (taint nodes by condition), and the
reasons and messages of kube-controller-manager.
"""

from __future__ import annotations

from hyperpy.api import meta, taints
from hyperpy.client.protocol import Obj

_REPORTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_BY_CONDITION = {
    ("Ready", "False"): taints.NOT_READY,
    ("Ready", "Unknown"): taints.UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
_OURS = {*_BY_CONDITION.values(), taints.UNSCHEDULABLE}
_EVICTING = (taints.NOT_READY, taints.UNREACHABLE)


def lost_status(node: Obj, *, now: str) -> Obj:
    """The status of a node that has been silent for too long: what it used to report is unknown now."""
    status = node.get("status") or {}
    conditions = [dict(condition) for condition in status.get("conditions") or ()]
    for type in _REPORTED:
        if meta.find_condition(conditions, type) is None:
            new = {
                "type": type, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
            }  # fmt: skip
        else:
            new = {
                "type": type, "status": "Unknown", "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }  # fmt: skip
        if (meta.find_condition(conditions, type) or {}).get("status") != "Unknown":
            meta.set_condition(conditions, new, now=now)
    return {**status, "conditions": conditions}


def wanted_taints(node: Obj, *, now: str, evict: bool = True) -> list[Obj]:
    """The node's taints: those of others as they are, ours as its conditions say. A taint that stays keeps its time.

    Args:
        evict: its Pods may be sent away, if its conditions say so.
    """
    present = taints.of_node(node)
    ours = _taints(node, evict=evict)
    kept = [each for each in present if not _is_ours(each) or any(taints.is_same(each, one) for one in ours)]
    new = [each for each in ours if not any(taints.is_same(each, one) for one in present)]
    return [*kept, *({**each, "timeAdded": now} for each in new)]


def is_ready(node: Obj) -> bool:
    """Its Ready condition is True."""
    return (meta.condition(node, "Ready") or {}).get("status") == "True"


def heartbeat(node: Obj) -> str:
    """When the kubelet last wrote the status, as it says itself."""
    return (meta.condition(node, "Ready") or {}).get("lastHeartbeatTime") or ""


def is_failing(node: Obj) -> bool:
    """Its Pods are to leave, in their time: it says that it is not ready, or says nothing any more."""
    ready = meta.condition(node, "Ready")
    return ready is not None and ready.get("status") in ("False", "Unknown")


def is_evicting(node: Obj) -> bool:
    """It has one of the taints that send its Pods away when it fails."""
    return any(taint["key"] in _EVICTING and taint.get("effect") == taints.NO_EXECUTE for taint in taints.of_node(node))


def _taints(node: Obj, *, evict: bool) -> list[Obj]:
    conditions = (node.get("status") or {}).get("conditions") or ()
    keys = [
        _BY_CONDITION[condition["type"], condition.get("status", "")]
        for condition in conditions
        if (condition["type"], condition.get("status", "")) in _BY_CONDITION
    ]
    if meta.find_condition(conditions, "Ready") is None:
        keys.append(taints.NOT_READY)
    if (node.get("spec") or {}).get("unschedulable"):
        keys.append(taints.UNSCHEDULABLE)
    wanted = [{"key": key, "effect": taints.NO_SCHEDULE} for key in keys]
    if evict and meta.find_condition(conditions, "Ready") is not None:
        wanted += [{"key": key, "effect": taints.NO_EXECUTE} for key in keys if key in _EVICTING]
    return wanted


def _is_ours(taint: Obj) -> bool:
    if taint.get("effect") == taints.NO_SCHEDULE:
        return taint["key"] in _OURS
    return taint.get("effect") == taints.NO_EXECUTE and taint["key"] in _EVICTING
