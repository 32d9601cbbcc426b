"""Rules of annotations that mean something in pods: AppArmor and seccomp profiles of older versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

Obj = dict[str, Any]

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_FIELDS = ("initContainers", "containers", "ephemeralContainers")
_TYPES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}


def check(annotations: Mapping[str, str], spec: Obj, path: str) -> Iterator[Cause]:
    """The annotations of a pod or template."""
    given = {name: value for name, value in annotations.items() if name.startswith(_APPARMOR)}
    if not given:
        return
    containers = {one.get("name"): one for field in _FIELDS for one in spec.get(field) or ()}
    for name, profile in given.items():
        container = name.removeprefix(_APPARMOR)
        if container not in containers:
            yield cause.invalid(f"{path}[{name}]", container, "container not found")
        if profile and profile not in _TYPES and not profile.startswith("localhost/"):
            yield cause.invalid(f"{path}[{name}]", profile, f'invalid AppArmor profile name: "{profile}"')
        elif container in containers:
            yield from _matches(profile, containers[container], f"{path}[{name}]")


def _matches(profile: str, container: Obj, path: str) -> Iterator[Cause]:
    """A profile that is given in both places is the same in both."""
    field = (container.get("securityContext") or {}).get("appArmorProfile")
    if field is None or not profile:
        return
    kind = _TYPES.get(profile, "Localhost")
    if kind != field.get("type"):
        text = "apparmor type in annotation and field must match"
        yield cause.forbidden(path, text)
    elif kind == "Localhost" and profile.removeprefix("localhost/") != (field.get("localhostProfile") or ""):
        yield cause.forbidden(path, "apparmor profile in annotation and field must match")
