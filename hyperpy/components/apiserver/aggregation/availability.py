"""Whether the server behind an APIService can be asked, as far as its Service tells. Pure.

Source: kube-aggregator's remote available controller (v1.34): reasons and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import meta

Obj = dict[str, Any]

AVAILABLE = "Available"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The condition's status, reason and message."""

    status: str
    reason: str
    message: str


PASSED = Verdict("True", "Passed", "all checks passed")


def of_service(reference: Obj, service: Obj | None, slices: Sequence[Obj]) -> Verdict | None:
    """What is wrong with the Service; None when its server is worth a question.

    Args:
        reference: `spec.service` of the APIService.
        slices: the EndpointSlices of the Service.
    """
    what = f'service/{reference["name"]} in "{reference["namespace"]}"'
    if service is None:
        return Verdict("False", "ServiceNotFound", f"{what} is not present")
    if (service["spec"].get("type") or "ClusterIP") != "ClusterIP":
        return None
    entry = next((each for each in service["spec"].get("ports") or () if each["port"] == reference["port"]), None)
    if entry is None:
        return Verdict("False", "ServicePortError", f"{what} is not listening on port {reference['port']}")
    if not slices:
        return Verdict("False", "EndpointsNotFound", f"cannot find endpointslices for {what}")
    name = entry.get("name") or ""
    if not any(_ready(piece, name) for piece in slices):
        return Verdict(
            "False", "MissingEndpoints", f'endpointslices for {what} have no addresses with port name "{name}"'
        )
    return None


def failed(why: str) -> Verdict:
    """The server was asked, and did not answer well."""
    return Verdict("False", "FailedDiscoveryCheck", why)


def status(service: Obj, verdict: Verdict, *, now: str) -> Obj | None:
    """The APIService with the verdict in its status; None when it says so already."""
    conditions = list((service.get("status") or {}).get("conditions") or ())
    new = {
        "type": AVAILABLE,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": verdict.message,
    }
    if not meta.set_condition(conditions, new, now=now):
        return None
    return {**service, "status": {**(service.get("status") or {}), "conditions": conditions}}


def _ready(piece: Obj, port_name: str) -> bool:
    ports = piece.get("ports") or ()
    if not any((port.get("name") or "") == port_name and port.get("port") for port in ports):
        return False
    return any((each.get("conditions") or {}).get("ready") is not False for each in piece.get("endpoints") or ())
