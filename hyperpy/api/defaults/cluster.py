"""Defaults of Namespaces, Nodes and Secrets."""

from __future__ import annotations

import base64
from typing import Any

from hyperpy.api.defaults import resources

Obj = dict[str, Any]

NAME_LABEL = "kubernetes.io/metadata.name"


def namespace(obj: Obj) -> None:
    """Every namespace carries its name as a label (one without a name yet gets it when it has one)."""
    name = obj.setdefault("metadata", {}).get("name")
    if name:
        labels = obj["metadata"].get("labels")
        if labels is None:
            obj["metadata"]["labels"] = {NAME_LABEL: name}
        else:
            labels[NAME_LABEL] = name
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Active"


def node(obj: Obj) -> None:
    """All of a node can be allocated unless it says otherwise."""
    status = obj.get("status") or {}
    if status.get("capacity") and "allocatable" not in status:
        status["allocatable"] = dict(status["capacity"])
    resources.round_up(status.get("capacity"))
    resources.round_up(status.get("allocatable"))


def secret(obj: Obj) -> None:
    """Opaque; and what is written as text in `stringData` becomes part of `data`, before anything else."""
    if not obj.get("type"):
        obj["type"] = "Opaque"
    texts = obj.pop("stringData", None)
    if texts:
        data = obj["data"] if obj.get("data") is not None else {}
        data.update((name, base64.b64encode(text.encode()).decode()) for name, text in texts.items())
        obj["data"] = data
