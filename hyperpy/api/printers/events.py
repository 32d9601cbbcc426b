"""Rows of Events."""

from __future__ import annotations

from typing import Any

from hyperpy.api.conversion import events
from hyperpy.api.printers.columns import Column, Obj, Printer, wide
from hyperpy.api.printers.durations import age

_EVENT = (
    Column("Last Seen", "How long ago it happened the last time."),
    Column("Type", "Normal or Warning."),
    Column("Reason", "Why it was reported, in a word."),
    Column("Object", "What it is about."),
    wide("Subobject", "Which part of it."),
    wide("Source", "Who reported it."),
    Column("Message", "What happened."),
    wide("First Seen", "How long ago it happened the first time."),
    Column("Count", "How often it happened.", type="integer", priority=1),
    Column("Name", "Name must be unique within a namespace.", format="name", priority=1),
)


def _event(event: Obj, now: float) -> list[Any]:
    target = event.get("involvedObject") or {}
    kind, name = str(target.get("kind") or "").lower(), target.get("name")
    return [
        age(last_seen(event), now=now),
        event.get("type") or "",
        event.get("reason") or "",
        f"{kind}/{name}" if name else kind,
        target.get("fieldPath") or "",
        source(event),
        str(event.get("message") or "").strip(),
        age(first_seen(event), now=now),
        times(event),
        event["metadata"].get("name", ""),
    ]


def first_seen(event: Obj) -> str:
    """The `Time` when it happened first, or ""."""
    return event.get("firstTimestamp") or event.get("eventTime") or ""


def last_seen(event: Obj) -> str:
    """The `Time` when it happened last, or ""."""
    series = event.get("series") or {}
    return series.get("lastObservedTime") or event.get("lastTimestamp") or first_seen(event)


def times(event: Obj) -> int:
    """How often it happened; a new-style event that happened once carries no count."""
    return int((event.get("series") or event).get("count") or 1)


def source(event: Obj) -> str:
    """The component that reported it, and its host."""
    reporter = event.get("source") or {}
    component = reporter.get("component") or event.get("reportingComponent") or ""
    host = reporter.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else component


def _new_event(event: Obj, now: float) -> list[Any]:
    return _event(events.core_of_events(dict(event)), now)


PRINTERS = {
    ("", "events"): Printer(_EVENT, _event),
    ("events.k8s.io", "events"): Printer(_EVENT, _new_event),
}
