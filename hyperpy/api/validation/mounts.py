"""Rules of a container's volume mounts and devices: each names a volume of the pod, paths are its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def of_container(container: Obj, volumes: Mapping[str, Obj], path: str) -> Iterator[Cause]:
    """Both lists of one container."""
    mounts, devices = container.get("volumeMounts") or (), container.get("volumeDevices") or ()
    yield from _mounts(mounts, f"{path}.volumeMounts", volumes=volumes, privileged=_is_privileged(container))
    yield from _devices(devices, f"{path}.volumeDevices", volumes=volumes)
    yield from _overlaps(mounts, devices, path)


def _is_privileged(container: Obj) -> bool:
    return bool((container.get("securityContext") or {}).get("privileged"))


def _mounts(mounts: Sequence[Obj], path: str, *, volumes: Mapping[str, Obj], privileged: bool) -> Iterator[Cause]:
    seen = set()
    for i, mount in enumerate(mounts):
        place, name, target = f"{path}[{i}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            yield cause.required(f"{place}.name")
        if name not in volumes:
            yield cause.not_found(f"{place}.name", name)
        if not target:
            yield cause.required(f"{place}.mountPath")
        if target in seen:
            yield cause.invalid(f"{place}.mountPath", target, "must be unique")
        seen.add(target)
        yield from _sub_path(mount, place, path, of_image="image" in volumes.get(name, {}))
        propagation = mount.get("mountPropagation")
        if propagation is not None:
            yield from rules.one_of(f"{path}.mountPropagation", propagation, _PROPAGATION)
            if propagation == "Bidirectional" and not privileged:
                text = "Bidirectional mount propagation is available only to privileged containers"
                yield cause.forbidden(f"{path}.mountPropagation", text)
        yield from _recursive(mount, path)


def _sub_path(mount: Obj, place: str, path: str, *, of_image: bool) -> Iterator[Cause]:
    plain, expression = mount.get("subPath"), mount.get("subPathExpr")
    for field, value in (("subPath", plain), ("subPathExpr", expression)):
        if value and of_image:
            yield cause.invalid(f"{place}.{field}", value, "not allowed in image volume sources")
        yield from rules.optional(f"{path}.{field}", value, formats.relative_path)
    if plain and expression:
        text = "subPathExpr and subPath are mutually exclusive"
        yield cause.invalid(f"{place}.subPathExpr", expression, text)


def _recursive(mount: Obj, path: str) -> Iterator[Cause]:
    mode = mount.get("recursiveReadOnly")
    if mode is None:
        return
    if mode not in _RECURSIVE:
        yield cause.not_supported(f"{path}.recursiveReadOnly", mode, _RECURSIVE)
    elif mode != "Disabled":
        if not mount.get("readOnly"):
            yield cause.forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true")
        if mount.get("mountPropagation") not in (None, "None"):
            text = "may only be specified when mountPropagation is None or not specified"
            yield cause.forbidden(f"{path}.recursiveReadOnly", text)


def _devices(devices: Sequence[Obj], path: str, *, volumes: Mapping[str, Obj]) -> Iterator[Cause]:
    names, paths = set(), set()
    for i, device in enumerate(devices):
        place, name, target = f"{path}[{i}]", device.get("name") or "", device.get("devicePath") or ""
        if not name:
            yield cause.required(f"{place}.name")
        if name in names:
            yield cause.invalid(f"{place}.name", name, "must be unique")
        names.add(name)
        if name not in volumes:
            yield cause.not_found(f"{place}.name", name)
        elif not {"persistentVolumeClaim", "ephemeral"} & volumes[name].keys():
            text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield cause.invalid(f"{place}.name", name, text)
        if not target:
            yield cause.required(f"{place}.devicePath")
        if target in paths:
            yield cause.invalid(f"{place}.devicePath", target, "must be unique")
        paths.add(target)
        if formats.no_backsteps(target):
            yield cause.invalid(f"{place}.devicePath", target, "can not contain backsteps ('..')")


def _overlaps(mounts: Sequence[Obj], devices: Sequence[Obj], path: str) -> Iterator[Cause]:
    """A volume or path is a mount or a device, not both."""
    if not (mounts and devices):
        return
    names = {device.get("name") for device in devices}
    paths = {device.get("devicePath") for device in devices}
    for i, mount in enumerate(mounts):
        place = f"{path}.volumeMounts[{i}]"
        if mount.get("name") in names:
            yield cause.invalid(f"{place}.name", mount.get("name"), "must not already exist in volumeDevices")
        if mount.get("mountPath") in paths:
            text = "must not already exist as a path in volumeDevices"
            yield cause.invalid(f"{place}.mountPath", mount.get("mountPath"), text)
