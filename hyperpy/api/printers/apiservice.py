"""Rows of APIServices: who answers, and whether it does."""

from __future__ import annotations

from typing import Any

from hyperpy.api.printers.columns import AGE, NAME, Column, Obj, Printer
from hyperpy.api.printers.durations import age

_COLUMNS = (
    NAME,
    Column("Service", "The reference to the service that hosts this API endpoint."),
    Column("Available", "Whether this service is available."),
    AGE,
)


def _cells(obj: Obj, now: float) -> list[Any]:
    service = obj["spec"].get("service")
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return [
        obj["metadata"].get("name", ""),
        f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local",
        _available(next((entry for entry in conditions if entry.get("type") == "Available"), None)),
        age(obj["metadata"].get("creationTimestamp"), now=now),
    ]


def _available(condition: Obj | None) -> str:
    if condition is None:
        return "Unknown"
    status, reason = condition.get("status", ""), condition.get("reason")
    return status if status == "True" or not reason else f"{status} ({reason})"


PRINTERS = {("apiregistration.k8s.io", "apiservices"): Printer(_COLUMNS, _cells)}
