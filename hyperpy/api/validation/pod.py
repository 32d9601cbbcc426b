"""Rules of Pods: new ones, what may change in one that exists, what a status may become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import container, formats, pod_annotations, pod_resize, pod_spec, rules, scheduling, volumes
from hyperpy.api.validation.equality import changed, same

Obj = dict[str, Any]

MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_MAX_DEADLINE_S = 2**31 - 1
_CHANGEABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")


def on_create(pod: Obj) -> Iterator[Cause]:
    """A new Pod."""
    spec = pod.get("spec") or {}
    yield from _whole(pod)
    if spec.get("ephemeralContainers"):
        yield cause.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield cause.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed Pod: little of its spec may change."""
    yield from _annotation_changes(new, old)
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if now == before:
        return
    yield from _whole(new)
    for field in ("containers", "initContainers"):
        if len(now.get(field) or ()) != len(before.get(field) or ()):
            yield cause.forbidden(f"spec.{field}", "pod updates may not add or remove containers")
            return
    yield from _deadline(now.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    yield from _tolerations(now.get("tolerations") or [], before.get("tolerations") or [])
    yield from _gates(now.get("schedulingGates") or (), before.get("schedulingGates") or ())
    gated = bool(before.get("schedulingGates"))
    if gated:
        yield from _gated(now, before)
    differing = list(changed(_changeable_as_before(now, before, gated=gated), before, "spec"))
    if differing:
        text = f"pod updates may not change fields other than {_CHANGEABLE}\nchanged: {', '.join(differing)}"
        yield cause.forbidden("spec", text)


def on_ephemeral_containers_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """The subresource `ephemeralcontainers`: containers are added, never changed or taken away."""
    yield from _whole(new)
    path = "spec.ephemeralContainers"
    if MIRROR in (old["metadata"].get("annotations") or {}):
        yield cause.forbidden("", "static pods do not support ephemeral containers")
    after = {each.get("name"): each for each in (new.get("spec") or {}).get("ephemeralContainers") or ()}
    for each in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = cause.shown(each.get("name"))
        if each.get("name") not in after:
            yield cause.forbidden(path, f"existing ephemeral containers {name} may not be removed\n")
        elif not same(after[each.get("name")], each):
            listed = ", ".join(changed(after[each.get("name")], each))
            text = f"existing ephemeral containers {name} may not be changed\nchanged: {listed}"
            yield cause.forbidden(path, text)


def on_resize(new: Obj, old: Obj) -> Iterator[Cause]:
    """The subresource `resize`: other amounts of CPU and memory, within the rules of every Pod."""
    yield from _whole(new)
    yield from pod_resize.check(new, old)


def on_status_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write."""
    yield from _annotation_changes(new, old)
    status, before, spec = new.get("status") or {}, old.get("status") or {}, old.get("spec") or {}
    for i, condition in enumerate(status.get("conditions") or ()):
        if condition.get("type") not in _SYSTEM_CONDITIONS:
            path = f"metadata.conditions[{i}].Type"
            yield from rules.formed(path, condition.get("type") or "", names.qualified_errors)
    nominated = status.get("nominatedNodeName")
    if nominated != before.get("nominatedNodeName"):
        yield from rules.optional("status.nominatedNodeName", nominated, names.subdomain_errors)
    if before.get("qosClass"):
        yield from rules.immutable("status.qosClass", status.get("qosClass"), before.get("qosClass"))
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    for field, policy, exempt in (
        ("containerStatuses", spec.get("restartPolicy"), set()),
        ("initContainerStatuses", spec.get("restartPolicy"), sidecars),
        ("ephemeralContainerStatuses", "Never", set()),
    ):
        yield from _transitions(status.get(field) or (), before.get(field) or (), field, policy, exempt)
    yield from _addresses(status)


def _whole(pod: Obj) -> Iterator[Cause]:
    meta, spec = pod["metadata"], pod.get("spec") or {}
    given = meta.get("annotations") or {}
    if MIRROR in given and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        yield cause.invalid(f"metadata.annotations[{MIRROR}]", given[MIRROR], text)
    if _DELETION_COST in given and not _is_int32(given[_DELETION_COST]):
        yield cause.invalid(f"metadata.annotations[{_DELETION_COST}]", given[_DELETION_COST], "must be a 32bit integer")
    if given:
        yield from pod_annotations.check(given, spec, "metadata.annotations")
    yield from pod_spec.check(spec, "spec", pod_name=meta.get("name") or volumes.UNNAMED)
    if not spec.get("serviceAccountName"):
        yield from _tokens(spec)
    for field in ("containers", "initContainers"):
        for i, one in enumerate(spec.get(field) or ()):
            yield from container.untrimmed_image(one, f"spec.{field}[{i}]")


def _is_int32(text: str) -> bool:
    digits = text[1:] if text[:1] in "+-" else text
    return digits.isascii() and digits.isdigit() and -(2**31) <= int(text) < 2**31


def _tokens(spec: Obj) -> Iterator[Cause]:
    for i, volume in enumerate(spec.get("volumes") or ()):
        for j, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            if source.get("serviceAccountToken") is not None:
                path = f"spec.volumes[{i}].projected.sources[{j}].serviceAccountToken"
                yield cause.forbidden(path, "must not be specified when serviceAccountName is not set")


def _annotation_changes(new: Obj, old: Obj) -> Iterator[Cause]:
    now, before = (each["metadata"].get("annotations") or {} for each in (new, old))
    path = f"metadata.annotations[{MIRROR}]"
    if MIRROR in before and now.get(MIRROR) != before[MIRROR]:
        yield cause.forbidden(path, "may not remove or update mirror pod annotation")
    elif MIRROR in now and MIRROR not in before:
        yield cause.forbidden(path, "may not add mirror pod annotation")


def _deadline(now: int | None, before: int | None) -> Iterator[Cause]:
    path = "spec.activeDeadlineSeconds"
    if now is None:
        if before is not None:
            yield cause.invalid(path, now, "must not update from a positive integer to nil value")
    elif not 0 <= now <= _MAX_DEADLINE_S:
        yield from rules.formed(path, now, lambda seconds: formats.in_range(seconds, 0, _MAX_DEADLINE_S))
    elif before is not None and before < now:
        yield cause.invalid(path, now, "must be less than or equal to previous value")


def _tolerations(now: list[Obj], before: list[Obj]) -> Iterator[Cause]:
    kept = [_timeless(each) for each in now]
    if any(_timeless(each) not in kept for each in before):
        text = "existing toleration can not be modified except its tolerationSeconds"
        yield cause.forbidden("spec.tolerations", text)
    else:
        yield from scheduling.tolerations(now, "spec.tolerations")


def _timeless(toleration: Obj) -> Obj:
    return {name: value for name, value in toleration.items() if name != "tolerationSeconds" and value}


def _gates(now: Sequence[Obj], before: Sequence[Obj]) -> Iterator[Cause]:
    known = {gate.get("name") for gate in before}
    for i, gate in enumerate(now):
        if gate.get("name") not in known:
            text = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            yield cause.forbidden(f"spec.schedulingGates[{i}].name", text)


def _gated(now: Obj, before: Obj) -> Iterator[Cause]:
    """Where a gated Pod may go can be narrowed, not changed."""
    selector, old_selector = now.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if any(selector.get(name) != value for name, value in old_selector.items()):
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield cause.invalid("spec.nodeSelector", selector, text)
    terms, old_terms = _required_terms(now), _required_terms(before)
    path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    if old_terms and len(terms) != len(old_terms):
        yield cause.invalid(path, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")
        return
    for i, (term, old_term) in enumerate(zip(terms, old_terms, strict=False)):
        if not _only_adds(term, old_term):
            yield cause.invalid(f"{path}[{i}]", term, "only additions are allowed (no mutations or deletions)")


def _required_terms(spec: Obj) -> list[Obj]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []


def _only_adds(term: Obj, old_term: Obj) -> bool:
    pairs = [(term.get(name) or [], old_term.get(name) or []) for name in ("matchExpressions", "matchFields")]
    if not any(old for _, old in pairs):
        return not any(new for new, _ in pairs)
    return all(same(new[: len(old)], old) for new, old in pairs)


def _changeable_as_before(now: Obj, before: Obj, *, gated: bool) -> Obj:
    """The new spec with everything that may change put back, so that only what may not is left to differ."""
    fields = ["activeDeadlineSeconds", "tolerations", "schedulingGates"]
    if gated:
        fields.append("nodeSelector")
    if before.get("terminationGracePeriodSeconds", 0) < 0 and now.get("terminationGracePeriodSeconds") == 1:
        fields.append("terminationGracePeriodSeconds")
    result = {**now, **{name: before.get(name) for name in fields}}
    for name in ("containers", "initContainers"):
        pairs = zip(now.get(name) or (), before.get(name) or (), strict=True)
        result[name] = [{**one, "image": old.get("image")} for one, old in pairs]
    if gated:
        old_affinity = (before.get("affinity") or {}).get("nodeAffinity")
        result["affinity"] = {**(now.get("affinity") or {}), "nodeAffinity": old_affinity}
    return result


def _transitions(
    now: Sequence[Obj], before: Sequence[Obj], field: str, policy: str | None, exempt: set[str]
) -> Iterator[Cause]:
    """A container that ended and is not restarted stays ended."""
    if policy == "Always":
        return
    running = {each.get("name") for each in now if not (each.get("state") or {}).get("terminated")}
    for i, old in enumerate(before):
        ended = (old.get("state") or {}).get("terminated")
        if not ended or old.get("name") in exempt or (ended.get("exitCode") and policy == "OnFailure"):
            continue
        if old.get("name") in running:
            yield cause.forbidden(f"status.{field}[{i}].state", "may not be transitioned to non-terminated state")


def _addresses(status: Obj) -> Iterator[Cause]:
    for field in ("podIPs", "hostIPs"):
        given = [each.get("ip") or "" for each in status.get(field) or ()]
        for i, ip in enumerate(given):
            yield from rules.formed(f"status.{field}[{i}]", ip, formats.address)
        parsed = [ip for ip in map(formats.parsed_address, given) if ip is not None]
        if len({ip.version for ip in parsed}) < len(parsed):
            text = "may specify no more than one IP for each IP family"
            yield cause.invalid(f"status.{field}", status[field], text)
    hosts = status.get("hostIPs") or ()
    if hosts and hosts[0].get("ip") != status.get("hostIP"):
        yield cause.invalid("status.hostIPs[0].ip", hosts[0].get("ip"), "must be equal to `hostIP`")
