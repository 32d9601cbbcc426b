"""Rules of StatefulSets, DaemonSets and ControllerRevisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import labels
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, persistentvolume, pod_spec, rules, shares, workload
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_CHANGEABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_OVER_REPLICAS = "cannot be greater than status.replicas"
_OVER_READY = "cannot be greater than status.readyReplicas"
_SET_COUNTS = (
    "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "observedGeneration",
    "collisionCount",
)  # fmt: skip
_DAEMON_COUNTS = (
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
    "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
)  # fmt: skip


def stateful_set(obj: Obj) -> Iterator[Cause]:
    """A StatefulSet, new or changed."""
    spec = obj.get("spec") or {}
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        yield cause.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    yield from _set_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    for when, what in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        if what not in ("Retain", "Delete"):
            path = f"spec.persistentVolumeClaimRetentionPolicy.{when}"
            yield cause.not_supported(path, what, ("Retain", "Delete"))
    yield from rules.not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from rules.not_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    yield from _set_selector(spec)
    template = _with_claims(spec)
    yield from pod_spec.template(template, "spec.template")
    yield from _always_running(template.get("spec") or {}, "StatefulSet")
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from persistentvolume.claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{i}].spec")


def stateful_set_create(obj: Obj) -> Iterator[Cause]:
    """A new StatefulSet: the Service that names its pods must be one that could be."""
    yield from stateful_set(obj)
    yield from rules.optional("spec.serviceName", (obj.get("spec") or {}).get("serviceName"), formats.dns_label)


def stateful_set_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed StatefulSet: most of it stays."""
    yield from stateful_set(new)
    now, before = (_unchangeable(each.get("spec") or {}) for each in (new, old))
    if not same(now, before):
        listed = ", ".join(f"'{name}'" for name in _CHANGEABLE[:-1])
        text = (
            f"updates to statefulset spec for fields other than {listed} and '{_CHANGEABLE[-1]}' are forbidden"
        )  # fmt: skip
        yield cause.forbidden("spec", text)


def stateful_set_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a StatefulSet."""
    status = new.get("status") or {}
    yield from rules.not_negative(status, "status", *_SET_COUNTS)
    yield from rules.counts(
        status,
        "status",
        *((name, "replicas", _OVER_REPLICAS) for name in
          ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")),
        ("availableReplicas", "readyReplicas", _OVER_READY),
    )  # fmt: skip
    yield from workload.collisions(status, old.get("status") or {})


def daemon_set(obj: Obj) -> Iterator[Cause]:
    """A DaemonSet, new or changed."""
    spec = obj.get("spec") or {}
    given, template = spec.get("selector"), spec.get("template") or {}
    yield from rules.label_selector("spec.selector", given)
    own = (template.get("metadata") or {}).get("labels") or {}
    try:
        matches = labels.from_selector(given).matches(own)
    except ValueError:
        matches = True
    if not matches:
        yield cause.invalid("spec.template.metadata.labels", own, "`selector` does not match template `labels`")
    if given is not None and not (given.get("matchLabels") or given.get("matchExpressions")):
        yield cause.invalid("spec.selector", given, "empty selector is invalid for daemonset")
    yield from pod_spec.template(template, "spec.template")
    yield from _always_running(template.get("spec") or {}, "DaemonSet")
    yield from rules.not_negative(spec, "spec", "minReadySeconds")
    yield from _daemon_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    yield from rules.not_negative(spec, "spec", "revisionHistoryLimit")


def daemon_set_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed DaemonSet: the selector stays."""
    now, before = ((each.get("spec") or {}).get("selector") for each in (new, old))
    yield from rules.immutable("spec.selector", now, before)


def daemon_set_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a DaemonSet."""
    status = new.get("status") or {}
    yield from rules.not_negative(status, "status", *_DAEMON_COUNTS)
    yield from workload.collisions(status, old.get("status") or {})


def controller_revision(obj: Obj) -> Iterator[Cause]:
    """A ControllerRevision, new or changed."""
    if obj.get("data") is None:
        yield cause.required("data", "data is mandatory")
    if (obj.get("revision") or 0) < 0:
        yield cause.invalid("revision", obj["revision"], rules.NEGATIVE)


def controller_revision_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed ControllerRevision: what it holds stays."""
    yield from rules.immutable("data", new.get("data"), old.get("data"))


def _set_strategy(strategy: Obj, path: str) -> Iterator[Cause]:
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "OnDelete":
            if rolling is not None:
                yield cause.invalid(
                    f"{path}.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'"
                )  # fmt: skip
        case "RollingUpdate":
            yield from rules.not_negative(rolling or {}, f"{path}.rollingUpdate", "partition")
            share, place = (rolling or {}).get("maxUnavailable"), f"{path}.rollingUpdate.maxUnavailable"
            if share is not None:
                yield from shares.not_negative(place, share)
                if shares.number(share) == 0:
                    yield cause.invalid(place, share, "cannot be 0")
                yield from shares.not_over_all(place, share)
        case _:
            yield cause.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")


def _daemon_strategy(strategy: Obj, path: str) -> Iterator[Cause]:
    match strategy.get("type"):
        case "OnDelete":
            return
        case "RollingUpdate":
            rolling, place = strategy.get("rollingUpdate") or {}, f"{path}.rollingUpdate"
        case _:
            yield cause.not_supported(path, strategy, ("RollingUpdate", "OnDelete"))
            return
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    for check in (shares.not_negative, shares.not_over_all):
        yield from check(f"{place}.maxUnavailable", unavailable)
        yield from check(f"{place}.maxSurge", surge)
    if shares.number(unavailable) and shares.number(surge):
        yield cause.invalid(f"{place}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif not shares.number(unavailable) and not shares.number(surge):
        yield cause.required(f"{place}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def _set_selector(spec: Obj) -> Iterator[Cause]:
    given = spec.get("selector")
    if given is None:
        yield cause.required("spec.selector")
        return
    yield from rules.label_selector("spec.selector", given)
    if not (given.get("matchLabels") or given.get("matchExpressions")):
        yield cause.invalid("spec.selector", given, "empty selector is invalid for statefulset")
    own = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    try:
        selector = labels.from_selector(given)
    except ValueError:
        yield cause.wrong("spec.selector", cause.shown(given))
        return
    if not selector.empty and not selector.matches(own):
        yield cause.invalid("spec.template.metadata.labels", own, "`selector` does not match template `labels`")


def _with_claims(spec: Obj) -> Obj:
    """The template as its pods will have it: each claim template is a volume, in place of one of the same name."""
    template = spec.get("template") or {}
    claims = [(claim.get("metadata") or {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    if not claims:
        return template
    own = template.get("spec") or {}
    kept = [volume for volume in own.get("volumes") or () if volume.get("name") not in claims]
    made = [{"name": name, "persistentVolumeClaim": {"claimName": name or "?"}} for name in claims]
    return {**template, "spec": {**own, "volumes": [*kept, *made]}}


def _always_running(spec: Obj, kind: str) -> Iterator[Cause]:
    path = "spec.template.spec"
    if spec.get("restartPolicy") != "Always":
        yield cause.not_supported(f"{path}.restartPolicy", spec.get("restartPolicy") or "", ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        yield cause.forbidden(f"{path}.activeDeadlineSeconds", text)


def _unchangeable(spec: Obj) -> Obj:
    return {name: value for name, value in spec.items() if name not in _CHANGEABLE}


RULES = {
    ("apps", "StatefulSet"): Rules(stateful_set_create, stateful_set_update, stateful_set_status, whole=False),
    ("apps", "DaemonSet"): Rules(daemon_set, daemon_set_update, daemon_set_status),
    ("apps", "ControllerRevision"): Rules(controller_revision, controller_revision_update),
}
