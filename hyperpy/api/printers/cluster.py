"""Rows of Nodes, Namespaces and Leases."""

from __future__ import annotations

from typing import Any

from hyperpy.api import meta
from hyperpy.api.printers.columns import AGE, NAME, NONE, UNKNOWN, Column, Obj, Printer, wide
from hyperpy.api.printers.durations import age

_NODE = (
    NAME,
    Column("Status", "Whether the node is ready, and whether pods may be bound to it."),
    Column("Roles", "What the node is for."),
    AGE,
    Column("Version", "Kubernetes version of its kubelet."),
    wide("Internal-IP", "Its address within the cluster."),
    wide("External-IP", "Its address from outside."),
    wide("OS-Image", "Its operating system."),
    wide("Kernel-Version", "Its kernel."),
    wide("Container-Runtime", "Its container runtime."),
)
_NAMESPACE = (NAME, Column("Status", "Active, or Terminating while it is emptied."), AGE)
_COMPONENT = (
    NAME,
    Column("Status", "Healthy, Unhealthy or Unknown."),
    Column("Message", "What it says of itself."),
    Column("Error", "What is wrong."),
)
_LEASE = (NAME, Column("Holder", "Who holds it."), AGE)
_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"


def _node(node: Obj, now: float) -> list[Any]:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return [
        node["metadata"].get("name", ""),
        node_status(node),
        node_roles(node),
        age(node["metadata"].get("creationTimestamp"), now=now),
        info.get("kubeletVersion") or "",
        _address(node, "InternalIP"),
        _address(node, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def node_status(node: Obj) -> str:
    """`Ready`, `NotReady` or `Unknown`, and whether scheduling is disabled."""
    ready = meta.condition(dict(node), "Ready")
    status = "Unknown"
    if ready is not None:
        status = "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{status},SchedulingDisabled" if (node.get("spec") or {}).get("unschedulable") else status


def node_roles(node: Obj) -> str:
    """The roles that a node's labels give it, in order, or `<none>`."""
    roles = set()
    for label, value in (node["metadata"].get("labels") or {}).items():
        if label.startswith(_ROLE_PREFIX) and label != _ROLE_PREFIX:
            roles.add(label.removeprefix(_ROLE_PREFIX))
        elif label == _ROLE_LABEL and value:
            roles.add(value)
    return ",".join(sorted(roles)) or NONE


def _address(node: Obj, kind: str) -> str:
    for address in (node.get("status") or {}).get("addresses") or ():
        if address.get("type") == kind:
            return str(address.get("address"))
    return NONE


def _namespace(obj: Obj, now: float) -> list[Any]:
    phase = (obj.get("status") or {}).get("phase") or ""
    return [obj["metadata"].get("name", ""), phase, age(obj["metadata"].get("creationTimestamp"), now=now)]


def _lease(obj: Obj, now: float) -> list[Any]:
    holder = (obj.get("spec") or {}).get("holderIdentity") or ""
    return [obj["metadata"].get("name", ""), holder, age(obj["metadata"].get("creationTimestamp"), now=now)]


def _component(obj: Obj, now: float) -> list[Any]:
    conditions: list[Obj] = obj.get("conditions") or []
    healthy: Obj = next((each for each in conditions if each.get("type") == "Healthy"), {})
    status = {"True": "Healthy", "False": "Unhealthy"}.get(healthy.get("status", ""), "Unknown")
    return [obj["metadata"].get("name", ""), status, healthy.get("message") or "", healthy.get("error") or ""]


PRINTERS = {
    ("", "componentstatuses"): Printer(_COMPONENT, _component),
    ("", "nodes"): Printer(_NODE, _node),
    ("", "namespaces"): Printer(_NAMESPACE, _namespace),
    ("coordination.k8s.io", "leases"): Printer(_LEASE, _lease),
}
