"""Rules of environment variables and of what their values may be taken from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_SIZES = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_SUBSCRIPT = re.compile(r"(.+)\['([^']*)'\]")
_KNOWN_PATHS = frozenset((*ENV_FIELDS, *VOLUME_FIELDS))


def variables(env: Sequence[Obj], path: str) -> Iterator[Cause]:
    """The list `env`."""
    for i, variable in enumerate(env):
        yield from rules.required(f"{path}[{i}].name", variable.get("name"), formats.environment_name)
        if variable.get("valueFrom") is not None:
            yield from _value_from(variable, f"{path}[{i}].valueFrom")


def sources(env_from: Sequence[Obj], path: str) -> Iterator[Cause]:
    """The list `envFrom`."""
    for i, source in enumerate(env_from):
        yield from rules.optional(f"{path}[{i}].prefix", source.get("prefix"), formats.environment_name)
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for name in given:
            yield from rules.required(f"{path}[{i}].{name}.name", source[name].get("name"), names.subdomain_errors)
        if not given:
            yield cause.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield cause.invalid(path, "", "may not have more than one field specified at a time")


def field_reference(reference: Obj, path: str, *, supported: Collection[str]) -> Iterator[Cause]:
    """A reference to a field of the pod: a path, or one label or annotation by `metadata.labels['key']`."""
    if not reference.get("apiVersion"):
        yield cause.required(f"{path}.apiVersion")
        return
    field = reference.get("fieldPath")
    if not field:
        yield cause.required(f"{path}.fieldPath")
        return
    match = _SUBSCRIPT.fullmatch(field)
    base, key = match.groups() if match else (field, "")
    if base not in _KNOWN_PATHS:
        text = f"error converting fieldPath: field label not supported: {base}"
        yield cause.invalid(f"{path}.fieldPath", field, text)
    elif match is None:
        if field not in supported:
            yield cause.not_supported(f"{path}.fieldPath", field, supported)
    elif base == "metadata.labels":
        yield from rules.formed(path, key, names.qualified_errors)
    elif base == "metadata.annotations":
        yield from rules.formed(path, key.lower(), names.qualified_errors)
    else:
        yield cause.invalid(path, base, "does not support subscript")


def resource_reference(reference: Obj, path: str, *, in_volume: bool) -> Iterator[Cause]:
    """A reference to a request or limit of a container."""
    resource = reference.get("resource")
    if in_volume and not reference.get("containerName"):
        yield cause.required(f"{path}.containerName")
    elif not resource:
        yield cause.required(f"{path}.resource")
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        yield cause.not_supported(f"{path}.resource", resource, _RESOURCES)
    divisor = reference.get("divisor") or "0"
    if not resource or divisor == "0":
        return
    name = resource.partition(".")[2]
    if name == "cpu":
        if divisor not in ("1m", "1"):
            text = "only divisor's values 1m and 1 are supported with the cpu resource"
            yield cause.invalid(f"{path}.divisor", resource, text)
    elif divisor not in _SIZES.split(", "):
        what = {"ephemeral-storage": "local ephemeral storage", "memory": "memory"}.get(name, "hugepages")
        text = f"only divisor's values {_SIZES} are supported with the {what} resource"
        yield cause.invalid(f"{path}.divisor", resource, text)


def _value_from(variable: Obj, path: str) -> Iterator[Cause]:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if source.get(name) is not None]
    if "fieldRef" in given:
        yield from field_reference(source["fieldRef"], f"{path}.fieldRef", supported=ENV_FIELDS)
    if "resourceFieldRef" in given:
        yield from resource_reference(source["resourceFieldRef"], f"{path}.resourceFieldRef", in_volume=False)
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in given:
            reference = source[name]
            yield from rules.formed(f"{path}.{name}.name", reference.get("name") or "", names.subdomain_errors)
            yield from rules.required(f"{path}.{name}.key", reference.get("key"), formats.config_key)
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        yield cause.invalid(path, "", f"must specify one of: {listed}")
    elif variable.get("value"):
        yield cause.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield cause.invalid(path, "", "may not have more than one field specified at a time")
