"""The pages of Services and Endpoints."""

from __future__ import annotations

from typing import Any

from hyperpy.api import kinds
from hyperpy.api.printers.columns import UNSET, labels_text, listed
from hyperpy.ctl.describe import sections
from hyperpy.ctl.describe.page import NONE, Page
from hyperpy.ctl.describe.surroundings import Surroundings

Obj = dict[str, Any]

_SHOWN = 3


def service(obj: Obj, around: Surroundings) -> Page:
    """Everything about a Service."""
    spec, page = obj["spec"], Page()
    sections.head(page, obj)
    sections.labels(page, obj)
    page.field("Selector", labels_text(spec.get("selector")))
    page.field("Type", spec.get("type") or "ClusterIP")
    page.optional("IP Family Policy", spec.get("ipFamilyPolicy"))
    page.optional("IP Families", ",".join(spec.get("ipFamilies") or ()))
    page.field("IP", spec.get("clusterIP") or "")
    page.field("IPs", ",".join(spec.get("clusterIPs") or ()) or NONE)
    page.optional("External IPs", ",".join(spec.get("externalIPs") or ()))
    page.optional("External Name", spec.get("externalName"))
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    page.optional("LoadBalancer Ingress", ", ".join(each.get("ip") or each.get("hostname") or "" for each in ingress))
    endpoints = around.get(kinds.ENDPOINTS, obj["metadata"]["name"], namespace=obj["metadata"]["namespace"]) or {}
    for port in spec.get("ports") or ():
        _port(page, port, endpoints.get("subsets") or [])
    page.field("Session Affinity", spec.get("sessionAffinity") or "None")
    page.optional("External Traffic Policy", spec.get("externalTrafficPolicy"))
    page.optional("Internal Traffic Policy", spec.get("internalTrafficPolicy"))
    sections.events(page, around.events(), now=around.now)
    return page


def _port(page: Page, port: Obj, subsets: list[Obj]) -> None:
    name, protocol = port.get("name") or UNSET, port.get("protocol") or "TCP"
    page.field("Port", f"{name}  {port['port']}/{protocol}")
    page.field("TargetPort", f"{port.get('targetPort', port['port'])}/{protocol}")
    if port.get("nodePort"):
        page.field("NodePort", f"{name}  {port['nodePort']}/{protocol}")
    ready = [
        f"{address['ip']}:{target['port']}"
        for subset in subsets
        for target in subset.get("ports") or ()
        if (target.get("name") or "") == (port.get("name") or "")
        for address in subset.get("addresses") or ()
    ]
    page.field("Endpoints", listed(ready, limit=_SHOWN))


def endpoints(obj: Obj, around: Surroundings) -> Page:
    """Everything about an Endpoints object."""
    page = Page()
    sections.head(page, obj)
    sections.labels(page, obj)
    page.heading("Subsets:")
    for subset in obj.get("subsets") or ():
        for title, field in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            page.field(title, ",".join(each["ip"] for each in subset.get(field) or ()) or NONE, level=1)
        if subset.get("ports"):
            page.heading("Ports:", level=1)
            rows = [
                (port.get("name") or UNSET, port["port"], port.get("protocol") or "TCP") for port in subset["ports"]
            ]
            page.table(["Name", "Port", "Protocol"], rows, level=2)
    sections.events(page, around.events(), now=around.now)
    return page
