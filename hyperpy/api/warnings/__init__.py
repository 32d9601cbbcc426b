"""Warnings: what is allowed and will surprise its writer, told beside the answer of a write.

Source: the functions `WarningsOnCreate` and `WarningsOnUpdate` of Kubernetes' registries (v1.34): texts and conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.warnings import configuration, extensions, network, persistentvolume, pod, workload

Obj = dict[str, Any]

_ON_CREATE: dict[tuple[str, str], Callable[[Obj], Iterator[str]]] = {
    ("", "Pod"): pod.on_create,
    **workload.ON_CREATE,
    **persistentvolume.ALWAYS,
    **configuration.ALWAYS,
    **network.ALWAYS,
    **extensions.ALWAYS,
    **network.ON_CREATE,
}
_ON_UPDATE: dict[tuple[str, str], Callable[[Obj], Iterator[str]]] = {
    **workload.ON_CHANGE,
    **persistentvolume.ALWAYS,
    **configuration.ALWAYS,
    **network.ALWAYS,
    **extensions.ALWAYS,
}


def on_create(kind: Kind, obj: Obj) -> list[str]:
    """What to tell about a new object; it is valid and complete."""
    check = _ON_CREATE.get((kind.group, kind.kind))
    return list(check(obj)) if check is not None else []


def on_update(kind: Kind, new: Obj, old: Obj) -> list[str]:
    """What to tell about a changed object. Of Pods nothing: people do not write them, and they change often."""
    check = _ON_UPDATE.get((kind.group, kind.kind))
    if check is None or new is old:
        return []
    if (kind.group, kind.kind) in workload.ON_CHANGE and _generation(new) == _generation(old):
        return []
    return list(check(new))


def _generation(obj: Obj) -> Any:
    return obj["metadata"].get("generation")
