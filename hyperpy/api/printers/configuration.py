"""Rows of ConfigMaps, Secrets and ServiceAccounts."""

from __future__ import annotations

from typing import Any

from hyperpy.api.printers.columns import AGE, NAME, Column, Obj, Printer, number
from hyperpy.api.printers.durations import age

_CONFIG_MAP = (NAME, number("Data", "How many entries there are."), AGE)
_SECRET = (NAME, Column("Type", "What the entries are."), number("Data", "How many entries there are."), AGE)
_ACCOUNT = (NAME, number("Secrets", "How many secrets belong to it."), AGE)


def _config_map(obj: Obj, now: float) -> list[Any]:
    entries = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [obj["metadata"].get("name", ""), entries, age(obj["metadata"].get("creationTimestamp"), now=now)]


def _secret(obj: Obj, now: float) -> list[Any]:
    return [
        obj["metadata"].get("name", ""),
        obj.get("type") or "Opaque",
        len(obj.get("data") or ()),
        age(obj["metadata"].get("creationTimestamp"), now=now),
    ]


def _account(obj: Obj, now: float) -> list[Any]:
    secrets = len(obj.get("secrets") or ())
    return [obj["metadata"].get("name", ""), secrets, age(obj["metadata"].get("creationTimestamp"), now=now)]


PRINTERS = {
    ("", "configmaps"): Printer(_CONFIG_MAP, _config_map),
    ("", "secrets"): Printer(_SECRET, _secret),
    ("", "serviceaccounts"): Printer(_ACCOUNT, _account),
}
