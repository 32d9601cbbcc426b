"""Rules of Events and Leases: what components write about themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

_LIMITS = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
_ANYWHERE = ("default", "kube-system")
_OTHER_NAMESPACE = "does not match event.namespace"
_LEASE_STRATEGIES = ("OldestEmulationVersion",)


def event(obj: Obj) -> Iterator[Cause]:
    """An Event (core/v1), new or changed: one with eventTime is of the new form and is held to more."""
    namespace = obj["metadata"].get("namespace") or ""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if not obj.get("eventTime"):
        if about != namespace and (about or namespace != "default"):
            yield cause.invalid("involvedObject.namespace", about, _OTHER_NAMESPACE)
    else:
        if not about and namespace not in _ANYWHERE:
            yield cause.invalid("involvedObject.namespace", about, _OTHER_NAMESPACE)
        yield from rules.required("reportingController", obj.get("reportingComponent"), names.qualified_errors)
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
        yield cause.not_supported("target.kind", target["kind"], ("<empty>", "Node"))
    yield from rules.required("target.name", target.get("name"))
    yield from rules.optional("metadata.name", obj["metadata"].get("name"), formats.path_segment)
