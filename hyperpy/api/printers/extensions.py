"""Rows of CustomResourceDefinitions."""

from __future__ import annotations

from hyperpy.api.printers.columns import NAME, Column, Obj, Printer


def _definition(crd: Obj, now: float) -> list[str]:
    own = crd["metadata"]
    return [own.get("name", ""), own.get("creationTimestamp") or "<unknown>"]


PRINTERS: dict[tuple[str, str], Printer] = {
    ("apiextensions.k8s.io", "customresourcedefinitions"): Printer(
        (NAME, Column("Created At", "When it was made.", "date")), _definition
    ),
}
