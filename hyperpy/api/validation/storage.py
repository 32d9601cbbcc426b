"""Rules of the storage group: classes, drivers and what they say of nodes, attachments, capacities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hyperpy.api import names, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import rules
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_RECLAIM = ("Delete", "Retain")
_BINDING = ("Immediate", "WaitForFirstConsumer")
_FS_GROUP = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Ephemeral", "Persistent")
_MAX_PARAMETERS, _MAX_PARAMETER_BYTES = 512, 256 * 1024
_MAX_METADATA_BYTES, _MAX_MESSAGE = 256 * 1024, 1024
_MAX_DRIVER_NAME, _MAX_NODE_ID = 63, 256
_MIN_TOKEN_S, _MAX_TOKEN_S = 600, 1 << 32
_MIN_UPDATE_PERIOD_S = 10
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def storage_class(obj: Obj) -> Iterator[Cause]:
    """A StorageClass, new or changed."""
    yield from _provisioner(obj.get("provisioner") or "", "provisioner")
    yield from _parameters(obj.get("parameters") or {})
    policy, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if policy and policy not in _RECLAIM:
        yield cause.not_supported("reclaimPolicy", policy, _RECLAIM)
    if mode is None:
        yield cause.required("volumeBindingMode")
    elif mode not in _BINDING:
        yield cause.not_supported("volumeBindingMode", mode, _BINDING)
    yield from _topologies(obj.get("allowedTopologies") or ())


def storage_class_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed StorageClass makes the same volumes as before."""
    for field in ("parameters", "provisioner", "reclaimPolicy"):
        if not same(new.get(field), old.get(field)):
            yield cause.forbidden(field, f"updates to {field} are forbidden.")
    yield from rules.immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))


def attributes_class(obj: Obj) -> Iterator[Cause]:
    """A VolumeAttributesClass, new or changed."""
    yield from _provisioner(obj.get("driverName") or "", "driverName")
    parameters = obj.get("parameters") or {}
    if not parameters:
        yield cause.required("parameters", "must contain at least one key/value pair")
    yield from _parameters(parameters)


def attributes_class_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed VolumeAttributesClass means the same."""
    for field in ("driverName", "parameters"):
        if not same(new.get(field), old.get(field)):
            yield cause.forbidden(field, f"updates to {field} are forbidden.")


def attachment(obj: Obj) -> Iterator[Cause]:
    """A new VolumeAttachment."""
    yield from _attachment(obj)
    yield from _driver_name((obj.get("spec") or {}).get("attacher") or "", "spec.attacher")


def attachment_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed VolumeAttachment attaches the same."""
    yield from _attachment(new)
    yield from rules.immutable("spec", new.get("spec"), old.get("spec"))


def attachment_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a VolumeAttachment."""
    status = new.get("status") or {}
    if _size(status.get("attachmentMetadata") or {}) > _MAX_METADATA_BYTES:
        yield cause.too_long("status.attachmentMetadata", _MAX_METADATA_BYTES)
    for field in ("attachError", "detachError"):
        if len(((status.get(field) or {}).get("message") or "").encode()) > _MAX_MESSAGE:
            yield cause.too_long(f"status.{field}.message", _MAX_METADATA_BYTES)


def driver(obj: Obj) -> Iterator[Cause]:
    """A CSIDriver, new or changed."""
    spec = obj.get("spec") or {}
    for field, shown in (
        ("attachRequired", "attachedRequired"), ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ):  # fmt: skip
        if spec.get(field) is None:
            yield cause.required(f"spec.{shown}")
    policy = spec.get("fsGroupPolicy")
    if policy is not None and policy not in _FS_GROUP:
        yield cause.not_supported("spec.fsGroupPolicy", policy, _FS_GROUP)
    yield from _token_requests(spec.get("tokenRequests") or ())
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _LIFECYCLES:
            yield cause.not_supported("spec.volumeLifecycleModes", mode, _LIFECYCLES)
    if spec.get("seLinuxMount") is None:
        yield cause.required("spec.seLinuxMount")
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _MIN_UPDATE_PERIOD_S:
        text = f"must be greater than or equal to {_MIN_UPDATE_PERIOD_S} seconds"
        yield cause.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text)


def driver_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """What of a CSIDriver stays."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    yield from rules.immutable("spec.attachedRequired", now.get("attachRequired"), before.get("attachRequired"))
    field = "volumeLifecycleModes"
    yield from rules.immutable(f"spec.{field}", now.get(field), before.get(field))


def node(obj: Obj) -> Iterator[Cause]:
    """A CSINode, new or changed."""
    seen = set()
    for i, entry in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path, name, node_id = f"spec.drivers[{i}]", entry.get("name") or "", entry.get("nodeID") or ""
        yield from _driver_name(name, f"{path}.name")
        if not node_id:
            yield cause.required(f"{path}.nodeID")
        if len(node_id) > _MAX_NODE_ID:
            yield cause.invalid(f"{path}.nodeID", node_id, f"must be {_MAX_NODE_ID} characters or less")
        yield from rules.not_negative(entry.get("allocatable") or {}, f"{path}.allocatable", "count")
        if name in seen:
            yield cause.duplicate(f"{path}.name", name)
        seen.add(name)
        yield from _topology_keys(entry.get("topologyKeys") or (), path)


def node_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """The drivers of a CSINode come and go, and do not change; but for how much they can attach."""
    before = {entry.get("name"): entry for entry in (old.get("spec") or {}).get("drivers") or ()}
    for entry in (new.get("spec") or {}).get("drivers") or ():
        was = before.get(entry.get("name"))
        if was is not None and not same({**entry, "allocatable": None}, {**was, "allocatable": None}):
            yield cause.invalid("CSINodeDriver", entry, rules.IMMUTABLE)


def capacity(obj: Obj) -> Iterator[Cause]:
    """A CSIStorageCapacity, new or changed."""
    yield from rules.label_selector("nodeTopology", obj.get("nodeTopology"))
    yield from rules.formed("storageClassName", obj.get("storageClassName") or "", names.subdomain_errors)
    amount = obj.get("capacity")
    if amount is not None and quantity.parse(amount) < 0:
        yield cause.invalid("capacity", amount, rules.NEGATIVE)


def capacity_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed CSIStorageCapacity is about the same place and class."""
    for field in ("nodeTopology", "storageClassName"):
        yield from rules.immutable(field, new.get(field), old.get(field))


def _provisioner(name: str, path: str) -> Iterator[Cause]:
    if not name:
        yield cause.required(path)
    for problem in names.qualified_errors(name.lower()) if name else ():
        yield cause.invalid(path, name.lower(), problem)


def _parameters(parameters: Mapping[str, str]) -> Iterator[Cause]:
    if len(parameters) > _MAX_PARAMETERS:
        yield cause.too_long("parameters", _MAX_PARAMETERS)
        return
    if "" in parameters:
        yield cause.invalid("parameters", "", "field can not be empty.")
    if _size(parameters) > _MAX_PARAMETER_BYTES:
        yield cause.too_long("parameters", _MAX_PARAMETER_BYTES)


def _size(texts: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in texts.items())


def _topologies(terms: Any) -> Iterator[Cause]:
    known: list[dict[str, frozenset[str]]] = []
    for i, term in enumerate(terms):
        path = f"allowedTopologies[{i}].matchLabelExpressions"
        wanted: dict[str, frozenset[str]] = {}
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            place, key, values = f"{path}[{j}]", expression.get("key") or "", expression.get("values") or []
            if not values:
                yield cause.required(f"{place}.values")
            yield from rules.unique(f"{place}.values", values)
            yield from rules.formed(f"{place}.key", key, names.qualified_errors)
            if key in wanted:
                yield cause.duplicate(f"{place}.key", key)
            wanted[key] = frozenset(values)
        if wanted in known:
            yield cause.duplicate(path, "")
        known.append(wanted)


def _attachment(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    source = spec.get("source") or {}
    inline, volume = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and volume is None:
        yield cause.required("spec.source", _ONE_SOURCE)
    elif inline is not None and volume is not None:
        yield cause.forbidden("spec.source", _ONE_SOURCE)
    elif volume is not None:
        path = "spec.source.persistentVolumeName"
        if not volume:
            yield cause.required(path, "must specify non empty persistentVolumeName")
        yield from rules.optional(path, volume, names.subdomain_errors)
    yield from rules.formed("spec.nodeName", spec.get("nodeName") or "", names.subdomain_errors)
    yield from attachment_status(obj, obj)


def _driver_name(name: str, path: str) -> Iterator[Cause]:
    if not name:
        yield cause.required(path)
        return
    if len(name) > _MAX_DRIVER_NAME:
        yield cause.too_long(path, _MAX_DRIVER_NAME)
    for problem in names.subdomain_errors(name.lower()):
        yield cause.invalid(path, name, problem)


def _topology_keys(keys: Any, path: str) -> Iterator[Cause]:
    seen = set()
    for key in keys:
        if not key:
            yield cause.required(path)
        if key in seen:
            yield cause.duplicate(path, key)
        seen.add(key)
        yield from rules.formed(path, key, names.qualified_errors)


def _token_requests(requests: Any) -> Iterator[Cause]:
    audiences = set()
    for i, request in enumerate(requests):
        path, audience = f"spec.tokenRequests[{i}]", request.get("audience") or ""
        if audience in audiences:
            yield cause.duplicate(f"{path}.audience", audience)
            continue
        audiences.add(audience)
        seconds = request.get("expirationSeconds")
        if seconds is not None and seconds < _MIN_TOKEN_S:
            text = "may not specify a duration less than 10 minutes"
            yield cause.invalid(f"{path}.expirationSeconds", seconds, text)
        if seconds is not None and seconds > _MAX_TOKEN_S:
            text = "may not specify a duration larger than 2^32 seconds"
            yield cause.invalid(f"{path}.expirationSeconds", seconds, text)


_GROUP = "storage.k8s.io"
RULES = {
    (_GROUP, "StorageClass"): Rules(storage_class, storage_class_update),
    (_GROUP, "VolumeAttributesClass"): Rules(attributes_class, attributes_class_update),
    (_GROUP, "VolumeAttachment"): Rules(attachment, attachment_update, attachment_status, whole=False),
    (_GROUP, "CSIDriver"): Rules(driver, driver_update),
    (_GROUP, "CSINode"): Rules(node, node_update),
    (_GROUP, "CSIStorageCapacity"): Rules(capacity, capacity_update),
}
