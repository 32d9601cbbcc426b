"""The page of a Pod."""

from __future__ import annotations

from typing import Any

from hyperpy.api import meta, pods
from hyperpy.ctl.describe import podspec, sections
from hyperpy.ctl.describe.page import NONE, Page
from hyperpy.ctl.describe.surroundings import Surroundings

Obj = dict[str, Any]


def describe(pod: Obj, around: Surroundings) -> Page:
    """Everything about a Pod."""
    spec, status, page = pod["spec"], pod.get("status") or {}, Page()
    sections.head(page, pod)
    page.field("Priority", spec.get("priority") or 0)
    page.optional("Priority Class Name", spec.get("priorityClassName"))
    page.optional("Service Account", spec.get("serviceAccountName"))
    host = spec.get("nodeName")
    page.field("Node", f"{host}/{status.get('hostIP') or ''}" if host else NONE)
    if status.get("startTime"):
        page.field("Start Time", sections.moment(status["startTime"]))
    sections.labels(page, pod)
    _state(page, pod, status)
    _containers(page, spec, status)
    sections.conditions(page, status.get("conditions") or [], [("Type", "type"), ("Status", "status")])
    podspec.volumes(page, spec.get("volumes") or [])
    page.optional("QoS Class", status.get("qosClass"))
    page.mapping("Node-Selectors", spec.get("nodeSelector"))
    page.listed("Tolerations", map(podspec.toleration, spec.get("tolerations") or ()))
    sections.events(page, around.events(), now=around.now)
    return page


def _state(page: Page, pod: Obj, status: Obj) -> None:
    if meta.is_deleting(pod):
        page.field("Status", f"Terminating (since {sections.moment(pod['metadata']['deletionTimestamp'])})")
        page.field("Termination Grace Period", f"{pod['metadata'].get('deletionGracePeriodSeconds', 0)}s")
    else:
        page.field("Status", pods.phase(pod))
    page.optional("Reason", status.get("reason"))
    page.optional("Message", status.get("message"))
    page.field("IP", status.get("podIP") or "")
    addresses = [address["ip"] for address in status.get("podIPs") or ()]
    if addresses:
        page.heading("IPs:")
        page.rows([("IP:", address) for address in addresses])
    else:
        page.field("IPs", NONE)
    sections.controller(page, pod)
    page.optional("NominatedNodeName", status.get("nominatedNodeName"))


def _containers(page: Page, spec: Obj, status: Obj) -> None:
    for title, field, statuses in (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ):
        known = {entry["name"]: entry for entry in status.get(statuses) or ()}
        podspec.containers(page, title, spec.get(field) or [], known)
