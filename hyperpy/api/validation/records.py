"""Rules of Events and Leases: what components write about themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.conversion import events
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.equality import same

Obj = dict[str, Any]

_LIMITS = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
_EVENT_TYPES = ("Normal", "Warning")
#: Field of the core form -> how messages call it, of what no update of an Event of events.k8s.io changes.
_FIXED = {
    "involvedObject": "involvedObject", "reason": "reason", "message": "message", "source": "source",
    "firstTimestamp": "firstTimestamp", "lastTimestamp": "lastTimestamp", "count": "count", "eventTime": "eventTime",
    "action": "action", "related": "related", "reportingComponent": "reportingController",
    "reportingInstance": "reportingInstance", "type": "type",
}  # fmt: skip
_ANYWHERE = ("default", "kube-system")
_OTHER_NAMESPACE = "does not match event.namespace"
_LEASE_STRATEGIES = ("OldestEmulationVersion",)


def event(obj: Obj) -> Iterator[Cause]:
    """An Event (core/v1), new or changed: one with eventTime is of the new form and is held to more."""
    yield from _event(obj, controller="reportingComponent")


def new_event(obj: Obj) -> Iterator[Cause]:
    """A new Event of events.k8s.io: it says when and what, and nothing in the old form's fields.

    Causes name the fields of the core form, as Kubernetes does.
    """
    core = events.core_of_events(obj)
    yield from _event(core, controller="reportingController")
    yield from _series(core)
    if not core.get("eventTime"):
        yield cause.required("eventTime")
    if core.get("type") not in _EVENT_TYPES:
        yield cause.invalid("type", "", f"has invalid value: {core.get('type') or ''}")
    source = core.get("source") or {}
    unset = {name: core.get(name) for name in ("firstTimestamp", "lastTimestamp", "count")}
    unset["source"] = source.get("component") or source.get("host")
    for name, value in unset.items():
        if value:
            yield cause.invalid(name, "", "needs to be unset")


def new_event_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed Event of events.k8s.io: only its series goes on."""
    now, before = events.core_of_events(new), events.core_of_events(old)
    yield from _event(now, controller="reportingController")
    if not same(now.get("series"), before.get("series")):
        yield from _series(now)
    for ours, shown in _FIXED.items():
        yield from rules.immutable(shown, now.get(ours), before.get(ours))


def _series(core: Obj) -> Iterator[Cause]:
    series = core.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < 2:
        yield cause.invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield cause.required("series.lastObservedTime")


def _event(obj: Obj, *, controller: str) -> Iterator[Cause]:
    namespace = obj["metadata"].get("namespace") or ""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if not obj.get("eventTime"):
        if about != namespace and (about or namespace != "default"):
            yield cause.invalid("involvedObject.namespace", about, _OTHER_NAMESPACE)
    else:
        if not about and namespace not in _ANYWHERE:
            yield cause.invalid("involvedObject.namespace", about, _OTHER_NAMESPACE)
        yield from rules.required(controller, obj.get("reportingComponent"), names.qualified_errors)
        for field in ("reportingInstance", "action", "reason"):
            if not obj.get(field):
                yield cause.required(field)
        for field, limit in _LIMITS.items():
            if len((obj.get(field) or "").encode()) > limit:
                yield cause.invalid(field, "", f"can have at most {limit} characters")
    yield from rules.formed("namespace", namespace, names.subdomain_errors)


def lease(obj: Obj) -> Iterator[Cause]:
    """A Lease, new or changed."""
    spec = obj.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield cause.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        yield cause.invalid("spec.leaseTransitions", transitions, rules.NEGATIVE)
    strategy = spec.get("strategy")
    if strategy is not None and "/" in strategy:
        yield from rules.formed("spec.strategy.strategy", strategy, names.qualified_errors)
    elif strategy is not None and strategy not in _LEASE_STRATEGIES:
        yield cause.not_supported("spec.strategy.strategy", strategy, _LEASE_STRATEGIES)
    if spec.get("preferredHolder") and not strategy:
        yield cause.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")


def binding(obj: Obj) -> Iterator[Cause]:
    """A Binding: which node a Pod goes to."""
    target = obj.get("target") or {}
    if target.get("kind") and target["kind"] != "Node":
        yield cause.not_supported("target.kind", target["kind"], ("Node", "<empty>"))
    yield from rules.required("target.name", target.get("name"))
    yield from rules.optional("metadata.name", obj["metadata"].get("name"), formats.path_segment)
