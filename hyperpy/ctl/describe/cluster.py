"""The pages of Nodes and Namespaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api import kinds, pods, quantity
from hyperpy.api.printers import age
from hyperpy.api.printers.cluster import node_roles
from hyperpy.ctl.describe import sections
from hyperpy.ctl.describe.page import Page
from hyperpy.ctl.describe.surroundings import Surroundings

Obj = dict[str, Any]

_CONDITION = [
    ("Type", "type"),
    ("Status", "status"),
    ("LastHeartbeatTime", "lastHeartbeatTime"),
    ("LastTransitionTime", "lastTransitionTime"),
    ("Reason", "reason"),
    ("Message", "message"),
]
_INFO = (
    ("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
)  # fmt: skip
_RESOURCES = ("cpu", "memory")


def node(obj: Obj, around: Surroundings) -> Page:
    """Everything about a Node."""
    spec, status, page = obj.get("spec") or {}, obj.get("status") or {}, Page()
    name = obj["metadata"]["name"]
    sections.head(page, obj, namespaced=False)
    page.field("Roles", node_roles(obj))
    sections.labels(page, obj)
    page.field("CreationTimestamp", sections.moment(obj["metadata"].get("creationTimestamp")))
    page.listed("Taints", [_taint(taint) for taint in spec.get("taints") or ()])
    page.field("Unschedulable", "true" if spec.get("unschedulable") else "false")
    lease = around.get(kinds.LEASE, name, namespace="kube-node-lease")
    if lease is not None:
        page.heading("Lease:")
        page.field("HolderIdentity", lease["spec"].get("holderIdentity") or "<unset>", level=1)
        page.field("RenewTime", sections.moment(lease["spec"].get("renewTime")), level=1)
    sections.conditions(page, status.get("conditions") or [], _CONDITION)
    page.heading("Addresses:")
    page.rows([(f"{each['type']}:", each["address"]) for each in status.get("addresses") or ()])
    for title, field in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        page.heading(f"{title}:")
        page.rows([(f"{resource}:", amount) for resource, amount in sorted((status.get(field) or {}).items())])
    page.heading("System Info:")
    info = status.get("nodeInfo") or {}
    page.rows([(f"{title}:", info.get(field) or "") for title, field in _INFO])
    page.optional("PodCIDR", spec.get("podCIDR"))
    page.optional("PodCIDRs", ",".join(spec.get("podCIDRs") or ()))
    here = [pod for pod in around.list(kinds.POD, field_selector=f"spec.nodeName={name}") if not pods.is_terminal(pod)]
    _pods(page, here, status.get("allocatable") or {}, now=around.now)
    sections.events(page, around.events(), now=around.now)
    return page


def _taint(taint: Obj) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"


def _pods(page: Page, here: Sequence[Obj], allocatable: Obj, *, now: float) -> None:
    """The pods that are not over, and what they ask for of what there is."""
    page.heading(f"Non-terminated Pods: ({len(here)} in total)")
    headers = ["Namespace", "Name", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age"]
    rows = []
    for pod in here:
        amounts = [
            _share(_total([pod], field, resource), allocatable, resource)
            for resource in _RESOURCES
            for field in ("requests", "limits")
        ]
        meta = pod["metadata"]
        rows.append([meta["namespace"], meta["name"], *amounts, age(meta.get("creationTimestamp"), now=now)])
    page.table(headers, rows)
    page.heading("Allocated resources:")
    page.table(
        ["Resource", "Requests", "Limits"],
        [
            [
                resource,
                *(_share(_total(here, field, resource), allocatable, resource) for field in ("requests", "limits")),
            ]
            for resource in _RESOURCES
        ],
    )


def _total(found: Sequence[Obj], field: str, resource: str) -> str:
    total = "0"
    for pod in found:
        for container in pod["spec"].get("containers") or ():
            total = quantity.add(total, ((container.get("resources") or {}).get(field) or {}).get(resource) or "0")
    return total


def _share(amount: str, allocatable: Obj, resource: str) -> str:
    whole = quantity.parse(allocatable.get(resource) or "0")
    return f"{amount} ({int(quantity.parse(amount) / whole * 100) if whole else 0}%)"


def namespace(obj: Obj, around: Surroundings) -> Page:
    """Everything about a Namespace."""
    page = Page()
    sections.head(page, obj, namespaced=False)
    sections.labels(page, obj)
    status = obj.get("status") or {}
    page.field("Status", status.get("phase") or "")
    columns = [
        ("Type", "type"),
        ("LastTransitionTime", "lastTransitionTime"),
        ("Reason", "reason"),
        ("Message", "message"),
    ]
    sections.conditions(page, status.get("conditions") or [], columns)
    return page
