"""Rules of resource.k8s.io: DeviceClasses, ResourceClaims, their templates and ResourceSlices.

Selectors are CEL expressions; they are bounded here and not compiled: nothing in this cluster allocates devices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, metadata, resources, rules, scheduling, volume_sources
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_MOST = 32
_MOST_OPTIONS = 8
_MOST_CONSUMERS = 256
_MOST_DEVICES = 128
_MAX_EXPRESSION = 10 * 1024
_MAX_POOL_NAME = 253
_C_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_NOT_A_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_NODES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_VALUES = ("int", "bool", "string", "version")


def device_class(obj: Obj) -> Iterator[Cause]:
    """A DeviceClass, new or changed."""
    spec = obj.get("spec") or {}
    yield from _each(spec.get("selectors"), "spec.selectors", _MOST, _selector)
    yield from _each(spec.get("config"), "spec.config", _MOST, _configuration)
    name = spec.get("extendedResourceName")
    if name is not None and not resources.is_extended(name):
        yield cause.invalid("spec.extendedResourceName", name, "must be a valid extended resource name")


def resource_claim(obj: Obj) -> Iterator[Cause]:
    """A new ResourceClaim."""
    yield from _claim_spec(obj.get("spec") or {}, "spec")


def resource_claim_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a ResourceClaim."""
    status, before = new.get("status") or {}, old.get("status") or {}
    reserved, known = status.get("reservedFor") or [], before.get("reservedFor") or []
    yield from _each(reserved, "status.reservedFor", _MOST_CONSUMERS, _consumer)
    yield from rules.unique("status.reservedFor", [each.get("uid") for each in reserved], field="uid")
    if reserved and status.get("allocation") is None:
        yield cause.forbidden("status.reservedFor", "may not be specified when `allocated` is not set")
    elif new["metadata"].get("deletionTimestamp") and any(each not in known for each in reserved):
        text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        yield cause.forbidden("status.reservedFor", text)
    if before.get("allocation") is not None and status.get("allocation") is not None:
        yield from rules.immutable("status.allocation", status["allocation"], before["allocation"])


def resource_claim_template(obj: Obj) -> Iterator[Cause]:
    """A new ResourceClaimTemplate."""
    spec = obj.get("spec") or {}
    meta = spec.get("metadata") or {}
    yield from rules.labels("spec.metadata.labels", meta.get("labels"))
    yield from metadata.annotation_map("spec.metadata.annotations", meta.get("annotations"))
    yield from _claim_spec(spec.get("spec") or {}, "spec.spec")


def spec_stays(new: Obj, old: Obj) -> Iterator[Cause]:
    """Claims and their templates are not changed after they were made."""
    yield from rules.immutable("spec", new.get("spec"), old.get("spec"))


def resource_slice(obj: Obj) -> Iterator[Cause]:
    """A ResourceSlice, new or changed."""
    spec = obj.get("spec") or {}
    yield from volume_sources.driver_name("spec.driver", spec.get("driver"))
    pool = spec.get("pool") or {}
    yield from _pool_name(pool.get("name"), "spec.pool.name")
    if (pool.get("resourceSliceCount") or 0) <= 0:
        yield cause.invalid("spec.pool.resourceSliceCount", pool.get("resourceSliceCount") or 0, rules.NOT_POSITIVE)
    yield from rules.not_negative(pool, "spec.pool", "generation")
    chosen = [field for field in _NODES if spec.get(field)]
    if len(chosen) != 1:
        listed = ", ".join(f"`{field}`" for field in _NODES[:-1])
        text = f"exactly one of {listed}, or `{_NODES[-1]}` is required"
        if chosen:
            yield cause.invalid("spec", f"{{`{'`, `'.join(chosen)}`}}", text)
        else:
            yield cause.required("spec", text)
    yield from rules.optional("spec.nodeName", spec.get("nodeName"), names.subdomain_errors)
    if spec.get("nodeSelector") is not None:
        yield from scheduling.node_selector(spec["nodeSelector"], "spec.nodeSelector")
        if len(spec["nodeSelector"].get("nodeSelectorTerms") or ()) != 1:
            text = "must have exactly one node selector term"
            yield cause.invalid("spec.nodeSelector.nodeSelectorTerms", spec["nodeSelector"], text)
    devices = spec.get("devices") or ()
    yield from _each(devices, "spec.devices", _MOST_DEVICES, _device)
    yield from rules.unique("spec.devices", [device.get("name") for device in devices], field="name")


def resource_slice_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed ResourceSlice: driver, pool and node stay."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    yield from rules.immutable(
        "spec.pool.name", (now.get("pool") or {}).get("name"), (before.get("pool") or {}).get("name")
    )
    for field in ("driver", "nodeName"):
        yield from rules.immutable(f"spec.{field}", now.get(field), before.get(field))


def _claim_spec(spec: Obj, path: str) -> Iterator[Cause]:
    devices, place = spec.get("devices") or {}, f"{path}.devices"
    requests = devices.get("requests") or ()
    known = {
        request.get("name"): {option.get("name") for option in request.get("firstAvailable") or ()}
        for request in requests
    }
    yield from _each(requests, f"{place}.requests", _MOST, _request)
    yield from rules.unique(f"{place}.requests", [request.get("name") for request in requests], field="name")
    for field in ("constraints", "config"):
        given = devices.get(field) or ()
        if len(given) > _MOST:
            yield cause.too_many(f"{place}.{field}", len(given), _MOST)
        for i, one in enumerate(given):
            yield from _references(one.get("requests") or (), f"{place}.{field}[{i}].requests", known)
    for i, constraint in enumerate(devices.get("constraints") or ()):
        attribute = constraint.get("matchAttribute")
        yield from _qualified(attribute, f"{place}.constraints[{i}].matchAttribute")
    yield from _each(devices.get("config"), f"{place}.config", len(devices.get("config") or ()), _configuration)


def _each(
    given: Sequence[Obj] | None, path: str, most: int, check: Callable[[Obj, str], Iterator[Cause]]
) -> Iterator[Cause]:
    if len(given or ()) > most:
        yield cause.too_many(path, len(given or ()), most)
    for i, one in enumerate(given or ()):
        yield from check(one, f"{path}[{i}]")


def _request(request: Obj, path: str) -> Iterator[Cause]:
    yield from rules.formed(f"{path}.name", request.get("name") or "", formats.dns_label)
    exactly, options = request.get("exactly"), request.get("firstAvailable") or ()
    needed = "exactly one of `exactly` or `firstAvailable` is required"
    if exactly is None and not options:
        yield cause.required(path, needed)
    elif exactly is not None and options:
        yield cause.invalid(path, None, f"{needed}, but multiple fields are set")
    elif exactly is not None:
        yield from _wanted(exactly, f"{path}.exactly")
    else:
        if len(options) > _MOST_OPTIONS:
            yield cause.too_many(f"{path}.firstAvailable", len(options), _MOST_OPTIONS)
        for i, option in enumerate(options):
            place = f"{path}.firstAvailable[{i}]"
            yield from rules.formed(f"{place}.name", option.get("name") or "", formats.dns_label)
            yield from _wanted(option, place)


def _wanted(request: Obj, path: str) -> Iterator[Cause]:
    yield from rules.required(f"{path}.deviceClassName", request.get("deviceClassName"), names.subdomain_errors)
    yield from _each(request.get("selectors"), f"{path}.selectors", _MOST, _selector)
    mode, count = request.get("allocationMode") or "", request.get("count") or 0
    if mode == "All":
        if count:
            yield cause.invalid(f"{path}.count", count, "must not be specified when allocationMode is 'All'")
    elif mode != "ExactCount":
        yield cause.not_supported(f"{path}.allocationMode", mode, ("All", "ExactCount"))
    elif count <= 0:
        yield cause.invalid(f"{path}.count", count, rules.NOT_POSITIVE)
    for i, toleration in enumerate(request.get("tolerations") or ()):
        yield from _toleration(toleration, f"{path}.tolerations[{i}]")


def _toleration(toleration: Obj, path: str) -> Iterator[Cause]:
    key, operator, value = toleration.get("key") or "", toleration.get("operator") or "", toleration.get("value") or ""
    yield from rules.optional(f"{path}.key", key, names.qualified_errors)
    if operator == "Exists":
        if value:
            yield cause.invalid(f"{path}.value", value, "must be empty for operator `Exists`")
    elif operator == "Equal":
        yield from rules.formed(f"{path}.value", value, names.label_value_errors)
        if not key:
            yield cause.required(f"{path}.key")
    else:
        yield cause.not_supported(f"{path}.operator", operator, ("Equal", "Exists"))
    effect = toleration.get("effect")
    if effect and effect not in ("NoExecute", "NoSchedule"):
        yield cause.not_supported(f"{path}.effect", effect, ("NoExecute", "NoSchedule"))


def _selector(selector: Obj, path: str) -> Iterator[Cause]:
    expression = selector.get("cel")
    if expression is None:
        yield cause.required(f"{path}.cel")
    elif not (expression.get("expression") or ""):
        yield cause.required(f"{path}.cel.expression")
    elif len(expression["expression"]) > _MAX_EXPRESSION:
        yield cause.too_long(f"{path}.cel.expression", _MAX_EXPRESSION)


def _configuration(config: Obj, path: str) -> Iterator[Cause]:
    opaque = config.get("opaque")
    if opaque is None:
        yield cause.required(f"{path}.opaque")
        return
    yield from volume_sources.driver_name(f"{path}.opaque.driver", opaque.get("driver"))
    if opaque.get("parameters") is None:
        yield cause.required(f"{path}.opaque.parameters")
    elif not isinstance(opaque["parameters"], dict):
        yield cause.invalid(f"{path}.opaque.parameters", opaque["parameters"], "parameters must be a valid JSON object")


def _references(given: Sequence[str], path: str, known: Mapping[str, Collection[str]]) -> Iterator[Cause]:
    """Names of requests of the claim, or of an option of one: `request/option`."""
    for i, name in enumerate(given):
        request, _, option = name.partition("/")
        if request not in known or (option and option not in known[request]):
            yield cause.invalid(f"{path}[{i}]", name, _NOT_A_REQUEST)
    yield from rules.unique(path, given)


def _consumer(consumer: Obj, path: str) -> Iterator[Cause]:
    for field in ("resource", "name", "uid"):
        yield from rules.required(f"{path}.{field}", consumer.get(field))


def _pool_name(name: str | None, path: str) -> Iterator[Cause]:
    if not name:
        yield cause.required(path)
        return
    if len(name) > _MAX_POOL_NAME:
        yield cause.too_long(path, _MAX_POOL_NAME)
    for part in name.split("/"):
        yield from rules.formed(path, part, names.subdomain_errors)


def _qualified(name: str | None, path: str) -> Iterator[Cause]:
    if not name:
        yield cause.required(path)
    elif "/" not in name:
        yield cause.invalid(path, name, "must include a domain")
    else:
        domain, _, identifier = name.partition("/")
        yield from rules.formed(path, domain, names.subdomain_errors)
        yield from _identifier(identifier, path)


def _identifier(name: str, path: str) -> Iterator[Cause]:
    if not _C_IDENTIFIER.fullmatch(name):
        text = (
            "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
            f"characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
            f"'{_C_IDENTIFIER.pattern}')"
        )
        yield cause.invalid(path, name, text)


def _device(device: Obj, path: str) -> Iterator[Cause]:
    yield from rules.formed(f"{path}.name", device.get("name") or "", formats.dns_label)
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    if len(attributes) + len(capacity) > _MOST:
        text = f"the total number of attributes and capacities must not exceed {_MOST}"
        yield cause.invalid(path, len(attributes) + len(capacity), text)
    for field, given in (("attributes", attributes), ("capacity", capacity)):
        for name in given:
            yield from _identifier(name.rpartition("/")[2], f"{path}.{field}")
    for name, value in attributes.items():
        given = [field for field in _VALUES if value.get(field) is not None]
        place = f"{path}.attributes[{name}]"
        if not given:
            yield cause.required(place, "exactly one value must be specified")
        elif len(given) > 1:
            yield cause.invalid(place, value, "exactly one value must be specified")


RULES = {
    ("resource.k8s.io", "DeviceClass"): Rules(device_class),
    ("resource.k8s.io", "ResourceClaim"): Rules(resource_claim, spec_stays, resource_claim_status, whole=False),
    ("resource.k8s.io", "ResourceClaimTemplate"): Rules(resource_claim_template, spec_stays, whole=False),
    ("resource.k8s.io", "ResourceSlice"): Rules(resource_slice, resource_slice_update),
}
