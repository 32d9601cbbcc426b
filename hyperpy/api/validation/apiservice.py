"""Rules of APIServices.

Source: kube-aggregator's `ValidateAPIService` (v1.34).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

_CONDITION = ("True", "False", "Unknown")
_MAX_GROUP_PRIORITY, _MAX_VERSION_PRIORITY = 20_000, 1_000


def api_service(obj: Obj) -> Iterator[Cause]:
    """An APIService, new or changed."""
    spec = obj.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    wanted, name = f"{version}.{group}", obj["metadata"].get("name") or ""
    if name != wanted and not formats.path_segment(name):
        yield cause.invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"')
    if not group and version != "v1":
        yield cause.required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    yield from rules.optional("spec.group", group, names.subdomain_errors)
    yield from rules.formed("spec.version", version, formats.dns_1035_label)
    yield from _priority(spec, "groupPriorityMinimum", _MAX_GROUP_PRIORITY)
    yield from _priority(spec, "versionPriority", _MAX_VERSION_PRIORITY)
    yield from _service(spec) if spec.get("service") else _local(spec)


def status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A written status."""
    for i, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        if condition.get("status") not in _CONDITION:
            yield cause.not_supported(f"status.conditions[{i}].status", condition.get("status") or "", _CONDITION)


def _priority(spec: Obj, field: str, limit: int) -> Iterator[Cause]:
    value = spec.get(field) or 0
    if not 0 < value <= limit:
        yield cause.invalid(f"spec.{field}", value, f"must be positive and less than {limit}")


def _local(spec: Obj) -> Iterator[Cause]:
    bundle = spec.get("caBundle")
    if bundle:
        yield cause.invalid("spec.caBundle", f"{_size(bundle)} bytes", "local APIServices may not have a caBundle")
    if spec.get("insecureSkipTLSVerify"):
        text = "local APIServices may not have insecureSkipTLSVerify"
        yield cause.invalid("spec.insecureSkipTLSVerify", True, text)


def _service(spec: Obj) -> Iterator[Cause]:
    service = spec["service"]
    for field in ("namespace", "name"):
        yield from rules.required(f"spec.service.{field}", service.get(field))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        yield cause.invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")


def _size(text: str) -> int:
    try:
        return len(base64.b64decode(text))
    except binascii.Error:
        return len(text)


RULES = {("apiregistration.k8s.io", "APIService"): Rules(api_service, status=status)}
