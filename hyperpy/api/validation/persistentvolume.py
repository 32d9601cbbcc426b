"""Rules of PersistentVolumes and PersistentVolumeClaims: what may be asked for, and what never changes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import names, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, resources, rules, scheduling, volume_sources
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_MODES = ("Block", "Filesystem")
_RESIZE_STATES = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible",
    "NodeResizePending",
)  # fmt: skip
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_CLAIM_FROZEN = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
_NOT_A_CLAIM = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"


def persistent_volume(obj: Obj) -> Iterator[Cause]:
    """A PersistentVolume, new or changed."""
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield cause.required("spec.accessModes")
    yield from _access_modes(spec.get("accessModes") or (), "spec.accessModes")
    yield from _capacity(spec.get("capacity") or {})
    if spec.get("persistentVolumeReclaimPolicy"):
        policy = spec["persistentVolumeReclaimPolicy"]
        yield from rules.one_of("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES)
    if spec.get("nodeAffinity") is not None:
        required = spec["nodeAffinity"].get("required")
        if required is None:
            yield cause.required("spec.nodeAffinity.required", "must specify required node constraints")
        else:
            yield from scheduling.node_selector(required, "spec.nodeAffinity.required")
    yield from _source(spec)
    yield from rules.optional("spec.storageClassName", spec.get("storageClassName"), names.subdomain_errors)
    yield from _mode(spec, "spec")
    attributes = spec.get("volumeAttributesClassName")
    if attributes is not None:
        if not attributes:
            yield cause.required("spec.volumeAttributesClassName", "an empty string is disallowed")
        yield from rules.optional("spec.volumeAttributesClassName", attributes, names.subdomain_errors)
        if spec.get("csi") is None:
            yield cause.required("spec.csi", "has to be specified when using volumeAttributesClassName")


def persistent_volume_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed PersistentVolume: what it is made of stays."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    sources = [{name: spec.get(name) for name in volume_sources.PERSISTENT} for spec in (now, before)]
    if (before.get("csi") or {}).get("controllerExpandSecretRef") is None and now.get("csi"):
        sources[0]["csi"] = {name: v for name, v in now["csi"].items() if name != "controllerExpandSecretRef"}
    if not same(*sources):
        yield cause.forbidden(
            "spec.persistentvolumesource",
            f"spec.persistentvolumesource is immutable after creation\n{_difference(sources[1], sources[0])}",
        )
    yield from rules.immutable("volumeMode", now.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None and not same(now.get("nodeAffinity"), before["nodeAffinity"]):
        text = "field is immutable, except for updating from beta label to GA"
        yield cause.invalid("nodeAffinity", now.get("nodeAffinity"), text)
    if before.get("volumeAttributesClassName") is not None and now.get("volumeAttributesClassName") is None:
        yield cause.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")


def claim(obj: Obj) -> Iterator[Cause]:
    """A PersistentVolumeClaim, new or changed."""
    yield from claim_spec(obj.get("spec") or {}, "spec")


def claim_spec(spec: Obj, path: str) -> Iterator[Cause]:
    """The spec of a claim, wherever it stands."""
    if not spec.get("accessModes"):
        yield cause.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from rules.label_selector(f"{path}.selector", spec.get("selector"))
    yield from _access_modes(spec.get("accessModes") or (), f"{path}.accessModes")
    wanted = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if wanted is None:
        yield cause.required(f"{path}.resources[storage]")
    elif quantity.parse(wanted) <= 0:
        yield cause.invalid(f"{path}.resources[storage]", wanted, "must be greater than zero")
    for field in ("storageClassName", "volumeAttributesClassName"):
        yield from rules.optional(f"{path}.{field}", spec.get(field), names.subdomain_errors)
    yield from _mode(spec, path)
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    for field, given in (("dataSource", source), ("dataSourceRef", reference)):
        if given is not None:
            yield from _data_source(given, f"{path}.{field}")
    if source is not None and reference is not None:
        if reference.get("namespace"):
            text = "may not be specified when dataSourceRef.namespace is specified"
            yield cause.invalid(path, f"{path}.dataSource", text)
        elif any(source.get(name) != reference.get(name) for name in ("apiGroup", "kind", "name")):
            yield cause.invalid(path, f"{path}.dataSource", "must match dataSourceRef")


def claim_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed claim: it can grow when it is bound, and is given its volume once."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    annotations = [(each["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION) for each in (new, old)]
    if annotations[0] != annotations[1] and not (annotations[0] is None and _moved_class(now, before, annotations[1])):
        path = f"metadata.annotations[{_CLASS_ANNOTATION}]"
        yield cause.invalid(path, annotations[0] or "", rules.IMMUTABLE)
    compared = _as_before(now, before, bound=(new.get("status") or {}).get("phase") == "Bound")
    name = now.get("storageClassName")
    if name is not None and before.get("storageClassName") is None and annotations[1] in (None, name):
        del compared["storageClassName"]
    if not same(compared, before):
        yield cause.forbidden("spec", f"{_CLAIM_FROZEN}\n{_difference(before, compared)}")
    size, old_size = _storage(now), _storage(before)
    if quantity.compare(size, old_size) < 0:
        capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage") or "0"
        if quantity.compare(size, capacity) <= 0:
            yield cause.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")
    yield from rules.immutable("volumeMode", now.get("volumeMode"), before.get("volumeMode"))
    yield from _attributes_update(now, before, old.get("status") or {})


def claim_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a claim."""
    status = new.get("status") or {}
    for name, amount in (status.get("capacity") or {}).items():
        yield from _valid_amount(f"status.capacity[{name}]", amount)
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        yield from _resized("status.allocatedResourceStatuses", name)
        if state not in _RESIZE_STATES:
            yield cause.not_supported("status.allocatedResourceStatuses", name, frozenset(_RESIZE_STATES))
    for name, amount in (status.get("allocatedResources") or {}).items():
        yield from _resized("status.allocatedResources", name)
        yield from _valid_amount(f"status.allocatedResources[{name}]", amount)


def _access_modes(modes: Sequence[str], path: str) -> Iterator[Cause]:
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield cause.not_supported(path, mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and any(mode in ACCESS_MODES[:-1] for mode in modes):
        yield cause.forbidden(path, "may not use ReadWriteOncePod with other access modes")


def _capacity(capacity: Mapping[str, str]) -> Iterator[Cause]:
    path = "spec.capacity"
    if not capacity:
        yield cause.required(path)
    if set(capacity) != {"storage"}:
        yield cause.not_supported(path, capacity, ("storage",))
    for name, amount in capacity.items():
        yield from _valid_amount(f"{path}[{name}]", amount)
        if quantity.parse(amount) <= 0:
            yield cause.invalid(f"{path}[{name}]", amount, "must be greater than zero")


def _source(spec: Obj) -> Iterator[Cause]:
    name = yield from volume_sources.only_one(spec, "spec", volume_sources.PERSISTENT)
    if name is None:
        return
    source = spec[name]
    yield from volume_sources.check(name, source, f"spec.{name}")
    if name == "csi":
        yield from _csi(source, "spec.csi")
    if name == "local" and spec.get("nodeAffinity") is None:
        yield cause.required("spec.nodeAffinity", "Local volume requires node affinity")
    recycled = name == "hostPath" and spec.get("persistentVolumeReclaimPolicy") == "Recycle"
    if recycled and posixpath.normpath(source.get("path") or ".") == "/":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        yield cause.forbidden("spec.persistentVolumeReclaimPolicy", text)


def _csi(source: Obj, path: str) -> Iterator[Cause]:
    if not source.get("volumeHandle"):
        yield cause.required(f"{path}.volumeHandle")
    for field in source:
        if field.endswith("SecretRef"):
            for part in ("name", "namespace"):
                if not (source[field] or {}).get(part):
                    yield cause.required(f"{path}.{field}.{part}")


def _mode(spec: Obj, path: str) -> Iterator[Cause]:
    if spec.get("volumeMode") is not None and spec["volumeMode"] not in _MODES:
        yield cause.not_supported(f"{path}.volumeMode", spec["volumeMode"], _MODES)


def _data_source(source: Obj, path: str) -> Iterator[Cause]:
    for field in ("name", "kind"):
        if not source.get(field):
            yield cause.required(f"{path}.{field}")
    group = source.get("apiGroup") or ""
    if not group and source.get("kind") != "PersistentVolumeClaim":
        yield cause.invalid(path, source.get("kind") or "", _NOT_A_CLAIM)
    yield from rules.optional(f"{path}.apiGroup", group, names.subdomain_errors)
    yield from rules.optional(f"{path}.namespace", source.get("namespace"), formats.dns_label)


def _moved_class(now: Obj, before: Obj, annotated: str | None) -> bool:
    """Whether the class went from the old annotation into the field."""
    return before.get("storageClassName") is None and now.get("storageClassName") == annotated


def _as_before(now: Obj, before: Obj, *, bound: bool) -> Obj:
    """The new spec with what may change put back."""
    compared = dict(now)
    if not before.get("volumeName"):
        compared.pop("volumeName", None)
        if before.get("volumeName") is not None:
            compared["volumeName"] = before["volumeName"]
    if bound:
        wanted = now.get("resources") or {}
        requests = {**(wanted.get("requests") or {}), "storage": _storage(before)}
        compared["resources"] = {**wanted, "requests": requests}
        compared["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    return compared


def _attributes_update(now: Obj, before: Obj, status: Obj) -> Iterator[Cause]:
    """A class of attributes that was applied is not taken away."""
    path, name = "spec.volumeAttributesClassName", now.get("volumeAttributesClassName")
    if name == before.get("volumeAttributesClassName") or status.get("currentVolumeAttributesClassName") is None:
        return
    if not name:
        what = "nil" if name is None else "empty string"
        text = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
        yield cause.forbidden(path, text)


def _storage(spec: Obj) -> str:
    return ((spec.get("resources") or {}).get("requests") or {}).get("storage") or "0"


def _valid_amount(path: str, amount: str) -> Iterator[Cause]:
    if quantity.parse(amount) < 0:
        yield cause.invalid(path, quantity.to_int(amount), "must be a valid resource quantity")


def _resized(path: str, name: str) -> Iterator[Cause]:
    problems = names.qualified_errors(name)
    for problem in problems:
        yield cause.invalid(path, name, problem)
    if not problems and resources.is_native(name) and name != "storage":
        yield cause.not_supported(path, name, ("storage",))


def _difference(old: Obj, new: Obj) -> str:
    """The fields that differ, as they were and as they should become."""
    lines = []
    for name in sorted({*old, *new}):
        if not same(new.get(name), old.get(name)):
            lines += [f"- {name}: {cause.shown(old.get(name))}", f"+ {name}: {cause.shown(new.get(name))}"]
    return "\n".join(lines)


RULES = {
    ("", "PersistentVolume"): Rules(persistent_volume, persistent_volume_update),
    ("", "PersistentVolumeClaim"): Rules(claim, claim_update, claim_status),
}
