"""Sections that pages of several kinds have: the head, conditions, events, times. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from hyperpy.api import meta
from hyperpy.api.printers import duration
from hyperpy.api.printers import events as event_times
from hyperpy.ctl.apply import LAST_APPLIED
from hyperpy.ctl.describe.page import NONE, Page

Obj = dict[str, Any]

_HIDDEN = (LAST_APPLIED,)


def head(page: Page, obj: Obj, *, namespaced: bool = True) -> None:
    """Name, namespace."""
    page.field("Name", obj["metadata"]["name"])
    if namespaced:
        page.field("Namespace", obj["metadata"].get("namespace", ""))


def labels(page: Page, obj: Obj) -> None:
    """Labels and annotations, without what only programs read."""
    annotations = obj["metadata"].get("annotations") or {}
    page.mapping("Labels", obj["metadata"].get("labels"))
    shown = {key: value for key, value in annotations.items() if key not in _HIDDEN}
    page.mapping("Annotations", shown, separator=": ")


def controller(page: Page, obj: Obj) -> None:
    """Who manages the object."""
    owner = meta.controller_of(obj)
    if owner is not None:
        page.field("Controlled By", f"{owner['kind']}/{owner['name']}")


def moment(timestamp: str | None) -> str:
    """A `Time` in words, in the local zone."""
    if not timestamp:
        return "<unset>"
    return time.strftime("%a, %d %b %Y %H:%M:%S %z", time.localtime(meta.parse_time(timestamp)))


def conditions(page: Page, found: Sequence[Obj], fields: Sequence[tuple[str, str]]) -> None:
    """A table of conditions.

    Args:
        fields: header and field of each column.
    """
    if not found:
        return
    page.heading("Conditions:")
    page.table([header for header, _ in fields], [[_value(each, field) for _, field in fields] for each in found])


def _value(condition: Obj, field: str) -> str:
    value = condition.get(field) or ""
    return moment(value) if field.endswith("Time") and value else str(value)


def events(page: Page, found: Sequence[Obj], *, now: float) -> None:
    """A table of events, the oldest first; how often, and since when."""
    if not found:
        page.field("Events", NONE)
        return
    page.heading("Events:")
    ordered = sorted(found, key=lambda event: event_times.last_seen(event))
    page.table(["Type", "Reason", "Age", "From", "Message"], [_event(event, now) for event in ordered])


def _event(event: Obj, now: float) -> list[str]:
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
    message = str(event.get("message") or "").strip().replace("\n", " ")
    return [event.get("type") or "", event.get("reason") or "", _age(event, now), source, message]


def _age(event: Obj, now: float) -> str:
    """`5s`, or `5s (x3 over 2m)`."""
    last, first = event_times.last_seen(event), event_times.first_seen(event)
    if not last:
        return "<unknown>"
    age, count = duration(now - meta.parse_time(last)), event_times.times(event)
    return f"{age} (x{count} over {duration(now - meta.parse_time(first))})" if count > 1 else age
