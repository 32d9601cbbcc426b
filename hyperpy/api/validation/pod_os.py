"""Rules of a pod that names its operating system: fields of another one may not be set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

Obj = dict[str, Any]

_FIELDS = ("initContainers", "containers", "ephemeralContainers")
_FOR_LINUX = "windows options cannot be set for a linux pod"
_FOR_WINDOWS = "cannot be set for a windows pod"
_NOT_IN_POD = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")
_NOT_IN_CONTEXT = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy",
)  # fmt: skip
_NOT_IN_CONTAINERS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def check(spec: Obj, path: str) -> Iterator[Cause]:
    """The field `os` of a pod spec, and what it excludes."""
    name = spec["os"].get("name")
    if not name:
        yield cause.required(f"{path}.os.name", "cannot be empty")
    elif name not in ("linux", "windows"):
        yield cause.not_supported(f"{path}.os", name, ("linux", "windows"))
    elif name == "linux":
        yield from _linux(spec, path)
    else:
        yield from _windows(spec, path)


def _contexts(spec: Obj, path: str) -> Iterator[tuple[Obj, str]]:
    for field in _FIELDS:
        for i, container in enumerate(spec.get(field) or ()):
            context = container.get("securityContext")
            if context:
                yield context, f"{path}.{field}[{i}].securityContext"


def _linux(spec: Obj, path: str) -> Iterator[Cause]:
    own = (spec.get("securityContext") or {}, f"{path}.securityContext")
    for context, place in (own, *_contexts(spec, path)):
        if context.get("windowsOptions") is not None:
            yield cause.forbidden(f"{place}.windowsOptions", _FOR_LINUX)


def _windows(spec: Obj, path: str) -> Iterator[Cause]:
    for field in _NOT_IN_POD:
        # Plain flags of false are as good as absent; pointers are not.
        if spec.get(field) or (field in ("hostUsers", "shareProcessNamespace") and spec.get(field) is not None):
            yield cause.forbidden(f"{path}.{field}", _FOR_WINDOWS)
    own = spec.get("securityContext") or {}
    for field in _NOT_IN_CONTEXT:
        if own.get(field) is not None and own[field] != []:
            yield cause.forbidden(f"{path}.securityContext.{field}", _FOR_WINDOWS)
    for context, place in _contexts(spec, path):
        for field in _NOT_IN_CONTAINERS:
            if context.get(field) is not None:
                yield cause.forbidden(f"{place}.{field}", _FOR_WINDOWS)
