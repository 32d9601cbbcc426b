"""Defaults of ResourceClaims and their templates: one device a request, tolerations that compare."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def resource_claim(obj: Obj) -> None:
    """A ResourceClaim."""
    _claim_spec(obj.get("spec") or {})


def resource_claim_template(obj: Obj) -> None:
    """A ResourceClaimTemplate: the spec of the claims to be made stands within its own."""
    _claim_spec((obj.get("spec") or {}).get("spec") or {})


def _claim_spec(spec: Obj) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        if request.get("exactly") is not None:
            _request(request["exactly"])
        for option in request.get("firstAvailable") or ():
            _request(option)


def _request(request: Obj) -> None:
    if not request.get("allocationMode"):
        request["allocationMode"] = "ExactCount"
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request["count"] = 1
    for toleration in request.get("tolerations") or ():
        if not toleration.get("operator"):
            toleration["operator"] = "Equal"


DEFAULTS = {
    ("resource.k8s.io", "ResourceClaim"): resource_claim,
    ("resource.k8s.io", "ResourceClaimTemplate"): resource_claim_template,
}
