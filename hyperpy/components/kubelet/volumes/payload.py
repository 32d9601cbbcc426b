"""The files of ConfigMap, Secret, downward API and projected volumes, as values. Pure.

Source: the API reference of Volume and "Projected Volumes".
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from hyperpy.components.kubelet import downward
from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.components.kubelet.environment import Reference
from hyperpy.components.kubelet.volumes.atomic_writer import File

Obj = dict[str, Any]
Files = dict[str, File]

DEFAULT_MODE = 0o644
_PROJECTED: tuple[tuple[str, Literal["ConfigMap", "Secret"]], ...] = (("configMap", "ConfigMap"), ("secret", "Secret"))


class VolumeProblem(Exception):
    """A volume cannot be made; the message becomes a FailedMount event."""

    def __init__(self, volume: str, message: str) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {message}')


def references(pod: Obj) -> set[Reference]:
    """The ConfigMaps and Secrets that the Pod's volumes show."""
    found: set[Reference] = set()
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("configMap"):
            found.add(Reference("ConfigMap", volume["configMap"].get("name", "")))
        if volume.get("secret"):
            found.add(Reference("Secret", volume["secret"].get("secretName", "")))
        for source in (volume.get("projected") or {}).get("sources") or ():
            for key, kind in _PROJECTED:
                if source.get(key):
                    found.add(Reference(kind, source[key].get("name", "")))
    return found


def of_object(source: Obj, reference: Reference, obj: Obj | None, *, default_mode: int, volume: str) -> Files:
    """The files of a ConfigMap or Secret.

    Args:
        source: the volume source or projection: `items` and `optional` are read.
        obj: the object, or None when there is none.
    Raises:
        VolumeProblem: it must be there and is not, or lacks a named key.
    """
    optional = bool(source.get("optional"))
    if obj is None:
        if optional:
            return {}
        raise VolumeProblem(volume, f'{reference.kind.lower()} "{reference.name}" not found')
    data = entries(reference.kind, obj)
    items = source.get("items")
    if not items:
        return {key: File(value, default_mode) for key, value in data.items()}
    files: Files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = File(data[item["key"]], _mode(item, default_mode))
        elif not optional:
            raise VolumeProblem(volume, f"references non-existent {reference.kind.lower()} key: {item['key']}")
    return files


def entries(kind: str, obj: Obj) -> dict[str, bytes]:
    """All entries of a ConfigMap or Secret as bytes."""
    if kind == "Secret":
        return downward.secret_data(obj)
    text = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _mode(item: Obj, default_mode: int) -> int:
    return default_mode if item.get("mode") is None else int(item["mode"])


def of_downward(pod: Obj, items: Sequence[Obj], *, node: NodeFacts, default_mode: int) -> Files:
    """The files of a downward API volume.

    Raises:
        ConfigError: a field that the downward API does not offer.
    """
    files: Files = {}
    for item in items:
        if item.get("fieldRef"):
            text = downward.field_value(pod, item["fieldRef"]["fieldPath"], node=node, pod_ips=())
        else:
            text = downward.resource_value(pod, item["resourceFieldRef"], default="", node=node)
        files[item["path"]] = File(text.encode(), _mode(item, default_mode))
    return files


def of_projected(
    pod: Obj,
    volume: Obj,
    *,
    objects: Mapping[Reference, Obj],
    tokens: Mapping[str, str],
    node: NodeFacts,
) -> Files:
    """The files of a projected volume, later sources over earlier ones.

    Args:
        tokens: ServiceAccount tokens by their path in the volume.
    """
    mode = _default_mode(volume["projected"])
    files: Files = {}
    for source in volume["projected"].get("sources") or ():
        for key, kind in _PROJECTED:
            if source.get(key):
                reference = Reference(kind, source[key].get("name", ""))
                found = objects.get(reference)
                files |= of_object(source[key], reference, found, default_mode=mode, volume=volume["name"])
        if source.get("downwardAPI"):
            items = source["downwardAPI"].get("items") or ()
            files |= of_downward(pod, items, node=node, default_mode=mode)
        if source.get("serviceAccountToken"):
            path = source["serviceAccountToken"]["path"]
            files[path] = token_file(pod, tokens[path], default_mode=mode)
    return files


def token_file(pod: Obj, token: str, *, default_mode: int) -> File:
    """A token's file: readable by the one user or group that the Pod's containers run as, where there is one.

    Source: KEP-1205, "File Permission".
    """
    context = pod["spec"].get("securityContext") or {}
    if context.get("fsGroup") is not None:
        return File(token.encode(), 0o600)
    containers = [*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ())]
    users = {(c.get("securityContext") or {}).get("runAsUser", context.get("runAsUser")) for c in containers}
    only = users.pop() if len(users) == 1 else None
    return File(token.encode(), 0o600, only) if only is not None else File(token.encode(), default_mode)


def _default_mode(source: Obj) -> int:
    return DEFAULT_MODE if source.get("defaultMode") is None else int(source["defaultMode"])


def of_volume(
    pod: Obj,
    volume: Obj,
    *,
    objects: Mapping[Reference, Obj],
    tokens: Callable[[], Mapping[str, str]],
    node: NodeFacts,
) -> Files | None:
    """The files of any volume that is made of files; None for the other types.

    Raises:
        VolumeProblem, ConfigError: something it shows is not there.
    """
    name = volume["name"]
    if "configMap" in volume:
        source = volume["configMap"]
        reference = Reference("ConfigMap", source.get("name", ""))
        found = objects.get(reference)
        return of_object(source, reference, found, default_mode=_default_mode(source), volume=name)
    if "secret" in volume:
        source = volume["secret"]
        reference = Reference("Secret", source.get("secretName", ""))
        found = objects.get(reference)
        return of_object(source, reference, found, default_mode=_default_mode(source), volume=name)
    if "downwardAPI" in volume:
        source = volume["downwardAPI"]
        items = source.get("items") or ()
        return of_downward(pod, items, node=node, default_mode=_default_mode(source))
    if "projected" in volume:
        return of_projected(pod, volume, objects=objects, tokens=tokens(), node=node)
    return None
