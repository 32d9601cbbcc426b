"""Rules of the kinds that keep so many Pods: ReplicationController, ReplicaSet, Deployment; and of PodTemplate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hyperpy.api import labels
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import pod_spec, rules, shares
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_OVER_REPLICAS = "cannot be greater than status.replicas"
_OVER_READY = "cannot be greater than readyReplicas"
_STATUS_COUNTS = (
    "replicas", "fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "availableReplicas",
    "unavailableReplicas", "terminatingReplicas", "observedGeneration", "collisionCount",
)  # fmt: skip


def replication_controller(rc: Obj) -> Iterator[Cause]:
    """A ReplicationController: its selector is a plain map."""
    spec = rc.get("spec") or {}
    yield from rules.not_negative(spec, "spec", "minReadySeconds", "replicas")
    selector = spec.get("selector") or {}
    if not selector:
        yield cause.required("spec.selector")
    if spec.get("template") is None:
        yield cause.required("spec.template")
        return
    yield from _template(spec["template"], labels.from_map(selector), "ReplicationController")


def replica_set(rs: Obj) -> Iterator[Cause]:
    """A ReplicaSet."""
    spec = rs.get("spec") or {}
    yield from rules.not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from _selector_and_template(spec, "ReplicaSet")


def replica_set_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed ReplicaSet or Deployment: the selector stays."""
    yield from rules.immutable("spec.selector", _selector(new), _selector(old))


def deployment(obj: Obj) -> Iterator[Cause]:
    """A Deployment."""
    spec = obj.get("spec") or {}
    yield from rules.not_negative(spec, "spec", "replicas")
    yield from _selector_and_template(spec, "ReplicaSet")
    yield from _strategy(spec.get("strategy") or {}, "spec.strategy")
    yield from rules.not_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        yield cause.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def status_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """Counts of a status that make sense together; for all three kinds."""
    status, before = new.get("status") or {}, old.get("status") or {}
    yield from rules.not_negative(status, "status", *_STATUS_COUNTS)
    yield from rules.counts(
        status,
        "status",
        ("fullyLabeledReplicas", "replicas", _OVER_REPLICAS),
        ("updatedReplicas", "replicas", _OVER_REPLICAS),
        ("readyReplicas", "replicas", _OVER_REPLICAS),
        ("availableReplicas", "replicas", _OVER_REPLICAS),
        ("availableReplicas", "readyReplicas", _OVER_READY),
    )
    yield from collisions(status, before)


def collisions(status: Obj, before: Obj) -> Iterator[Cause]:
    """How often a generated name was taken is only counted up."""
    count = status.get("collisionCount") or 0
    if count < (before.get("collisionCount") or 0):
        yield cause.invalid("status.collisionCount", count, "cannot be decremented")


def pod_template(obj: Obj) -> Iterator[Cause]:
    """A PodTemplate."""
    yield from pod_spec.template(obj.get("template"), "template")


def _selector(obj: Obj) -> Any:
    return (obj.get("spec") or {}).get("selector")


def _selector_and_template(spec: Obj, kind: str) -> Iterator[Cause]:
    given = spec.get("selector")
    if given is None:
        yield cause.required("spec.selector")
    else:
        yield from rules.label_selector("spec.selector", given)
        if not (given.get("matchLabels") or given.get("matchExpressions")):
            yield cause.invalid("spec.selector", given, "empty selector is invalid for deployment")
    try:
        selector = labels.from_selector(given)
    except ValueError:
        yield cause.invalid("spec.selector", given, "invalid label selector")
    else:
        yield from _template(spec.get("template") or {}, selector, kind)


def _template(template: Obj, selector: labels.Selector, kind: str) -> Iterator[Cause]:
    path, spec = "spec.template", template.get("spec") or {}
    own = (template.get("metadata") or {}).get("labels") or {}
    if not selector.empty and not selector.nothing and not selector.matches(own):
        yield cause.invalid(f"{path}.metadata.labels", own, "`selector` does not match template `labels`")
    yield from pod_spec.template(template, path)
    if spec.get("restartPolicy") != "Always":
        yield cause.not_supported(f"{path}.spec.restartPolicy", spec.get("restartPolicy") or "", ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        yield cause.forbidden(f"{path}.spec.activeDeadlineSeconds", text)


def _strategy(strategy: Mapping[str, Any], path: str) -> Iterator[Cause]:
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                text = "may not be specified when strategy `type` is 'Recreate'"
                yield cause.forbidden(f"{path}.rollingUpdate", text)
        case "RollingUpdate":
            yield from _rolling_update(rolling or {}, f"{path}.rollingUpdate")
        case _:
            yield cause.not_supported(path, strategy, ("Recreate", "RollingUpdate"))


def _rolling_update(rolling: Mapping[str, Any], path: str) -> Iterator[Cause]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    yield from shares.not_negative(f"{path}.maxUnavailable", unavailable)
    yield from shares.not_negative(f"{path}.maxSurge", surge)
    if shares.number(unavailable) == 0 and shares.number(surge) == 0:
        yield cause.invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from shares.not_over_all(f"{path}.maxUnavailable", unavailable)


RULES = {
    ("", "ReplicationController"): Rules(replication_controller, status=status_update),
    ("", "PodTemplate"): Rules(pod_template),
    ("apps", "ReplicaSet"): Rules(replica_set, replica_set_update, status_update),
    ("apps", "Deployment"): Rules(deployment, replica_set_update, status_update),
}
