"""Defaults of CustomResourceDefinitions. Source: `SetDefaults_CustomResourceDefinition*` of apiextensions/v1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Obj = dict[str, Any]

_WEBHOOK_PORT = 443


def definition(crd: Obj) -> None:
    """Names that follow from the kind, no conversion, the port of a webhook; and what the status always has."""
    spec = crd["spec"]
    names = spec.get("names")
    if isinstance(names, dict) and names.get("kind"):
        if not names.get("singular"):
            names["singular"] = names["kind"].lower()
        if not names.get("listKind"):
            names["listKind"] = f"{names['kind']}List"
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    elif not spec["conversion"].get("strategy"):
        spec["conversion"]["strategy"] = "None"
    client = ((spec["conversion"].get("webhook") or {}).get("clientConfig")) or {}
    if client.get("service") is not None and client["service"].get("port") is None:
        client["service"]["port"] = _WEBHOOK_PORT
    spec.pop("preserveUnknownFields", None) if spec.get("preserveUnknownFields") is False else None


DEFAULTS: dict[tuple[str, str], Callable[[Obj], None]] = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition,
}
