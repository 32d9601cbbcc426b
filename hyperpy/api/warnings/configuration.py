"""Warnings about ServiceAccounts, headless Services and RuntimeClasses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.warnings import amounts, node_labels

Obj = dict[str, Any]

_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"


def service_account(obj: Obj) -> Iterator[str]:
    """A ServiceAccount."""
    if _MOUNTABLE in (obj["metadata"].get("annotations") or {}):
        text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        yield f"metadata.annotations[{_MOUNTABLE}]: {text}"


def service(obj: Obj) -> Iterator[str]:
    """A Service: what one without an address cannot have."""
    spec = obj.get("spec") or {}
    if spec.get("clusterIP") != "None" or spec.get("type") == "ExternalName":
        return
    if spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is ignored for headless services"
    if spec.get("externalIPs"):
        yield "spec.externalIPs is ignored for headless services"
    if spec.get("sessionAffinity") not in (None, "None"):
        yield "spec.SessionAffinity is ignored for headless services"


def runtime_class(obj: Obj) -> Iterator[str]:
    """A RuntimeClass."""
    selector = (obj.get("scheduling") or {}).get("nodeSelector")
    yield from node_labels.of_selector(selector, "scheduling.nodeSelector")
    yield from amounts.fractions((obj.get("overhead") or {}).get("podFixed"), "overhead.podFixed")


ALWAYS = {
    ("", "ServiceAccount"): service_account,
    ("", "Service"): service,
    ("node.k8s.io", "RuntimeClass"): runtime_class,
}
