"""Objects as rows of a `Table`, the form in which kubectl asks for what it prints.

Source: the API reference, "Receiving resources as Tables", and the columns that `kubectl get` shows for each kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.printers import (
    admission,
    apiservice,
    batch,
    bounds,
    cluster,
    configuration,
    events,
    extensions,
    network,
    persistentvolume,
    platform,
    rbac,
    workloads,
)
from hyperpy.api.printers.columns import AGE, NAME, Printer
from hyperpy.api.printers.durations import age, duration

__all__ = ["age", "column_definitions", "duration", "printer", "table"]

Obj = dict[str, Any]

API_VERSION = "meta.k8s.io/v1"

_PRINTERS: dict[tuple[str, str], Printer] = {
    **workloads.PRINTERS,
    **batch.PRINTERS,
    **bounds.PRINTERS,
    **persistentvolume.PRINTERS,
    **network.PRINTERS,
    **configuration.PRINTERS,
    **cluster.PRINTERS,
    **rbac.PRINTERS,
    **events.PRINTERS,
    **platform.PRINTERS,
    **admission.PRINTERS,
    **apiservice.PRINTERS,
    **extensions.PRINTERS,
}
_DEFAULT = Printer(
    (NAME, AGE),
    lambda obj, now: [obj["metadata"].get("name", ""), age(obj["metadata"].get("creationTimestamp"), now=now)],
)


def printer(kind: Kind) -> Printer:
    """The columns of a kind and what fills them; name and age for a kind that has none of its own."""
    if kind.definition is not None:
        own: Printer = kind.definition.printer
        return own
    return _PRINTERS.get((kind.group, kind.plural), _DEFAULT)


def column_definitions(kind: Kind) -> list[Obj]:
    """`columnDefinitions` of a kind's table."""
    return [column.definition() for column in printer(kind).columns]


def table(kind: Kind, objects: Iterable[Mapping[str, Any]], *, now: float, include: str = "Metadata") -> Obj:
    """A `meta.k8s.io/v1` Table.

    Args:
        kind: of the objects.
        objects: one row each, in this order.
        now: seconds since the epoch, for ages.
        include: what each row carries (`includeObject`): `None`, `Metadata` or `Object`.
    Raises:
        ValueError: `include` is none of these.
    """
    if include not in ("None", "Metadata", "Object"):
        raise ValueError(
            f'includeObject: Unsupported value: "{include}": supported values: "Metadata", "None", "Object"'
        )
    chosen = printer(kind)
    return {
        "kind": "Table",
        "apiVersion": API_VERSION,
        "metadata": {},
        "columnDefinitions": [column.definition() for column in chosen.columns],
        "rows": [_row(chosen, obj, now, include) for obj in objects],
    }


def _row(chosen: Printer, obj: Mapping[str, Any], now: float, include: str) -> Obj:
    row: Obj = {"cells": chosen.cells(obj, now)}
    conditions = chosen.conditions(obj)
    if conditions:
        row["conditions"] = conditions
    if include == "Object":
        row["object"] = obj
    elif include == "Metadata":
        row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": API_VERSION, "metadata": obj["metadata"]}
    return row
