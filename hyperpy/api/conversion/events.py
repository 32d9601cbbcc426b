"""Events: the core form, which is stored, and the form of events.k8s.io.

Fields that one form does not have are kept in the other as `deprecated...`. Source: the API reference, both "Event"s.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

#: core field -> field of events.k8s.io; all others have the same name in both.
_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_BACK = {theirs: ours for ours, theirs in _NAMES.items()}


def events_of_core(obj: Obj) -> Obj:
    """A core Event as one of events.k8s.io."""
    return {_NAMES.get(name, name): value for name, value in obj.items()} | {"apiVersion": "events.k8s.io/v1"}


def core_of_events(obj: Obj) -> Obj:
    """An Event of events.k8s.io as a core one."""
    return {_BACK.get(name, name): value for name, value in obj.items()} | {"apiVersion": "v1"}
