"""Rules of the subresource `resize`: only CPU and memory of containers change, and the Pod's QoS class stays.

Source: Tasks, "Resize CPU and Memory Resources assigned to Containers"; KEP-1287; message texts of Kubernetes v1.34.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hyperpy.api import pods, qos, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation.equality import same

Obj = dict[str, Any]

MIRROR = "kubernetes.io/config.mirror"
_FIELDS = ("containers", "initContainers")
_MUTABLE = ("cpu", "memory")
_MIXED_UP = "containers may not be renamed or reordered on resize"


def resized(new: Obj, old: Obj) -> Obj:
    """The old Pod with the resources and resize policies of the new one.

    A new Pod whose containers are others, or in another order, comes back with them, so that it is refused.
    """
    spec = dict(old["spec"])
    for field in _FIELDS:
        now, before = (new.get("spec") or {}).get(field) or [], spec.get(field) or []
        if [each.get("name") for each in now] != [each.get("name") for each in before]:
            spec[field] = now
        elif before:
            spec[field] = [_resized(one, other) for one, other in zip(now, before, strict=True)]
    return {**old, "spec": spec}


def _resized(new: Obj, old: Obj) -> Obj:
    container = dict(old)
    for name in ("resources", "resizePolicy"):
        container.pop(name, None)
        if name in new:
            container[name] = new[name]
    return container


def check(new: Obj, old: Obj) -> Iterator[Cause]:
    """What is wrong with a resize; the rest of the new Pod is the old one's already."""
    spec, before = new["spec"], old["spec"]
    if (before.get("resources") or {}).get("requests") or (before.get("resources") or {}).get("limits"):
        yield cause.forbidden("", "pods with pod-level resources cannot be resized")
    if MIRROR in (old["metadata"].get("annotations") or {}):
        yield cause.forbidden("", "static pods cannot be resized")
    if (before.get("os") or {}).get("name") == "windows":
        yield cause.forbidden("", "windows pods cannot be resized")
    if len(spec.get("containers") or ()) != len(before.get("containers") or ()):
        yield cause.forbidden("spec.containers", "containers may not be added or removed on resize")
        return
    if len(spec.get("initContainers") or ()) != len(before.get("initContainers") or ()):
        yield cause.forbidden("spec.initContainers", "initContainers may not be added or removed on resize")
        return
    class_now = qos.qos_class(new)
    if class_now != ((old.get("status") or {}).get("qosClass") or qos.qos_class(old)):
        yield cause.invalid("metadata", class_now, "Pod QOS Class may not change as a result of resizing")
    yield from _containers(spec, before)


def _containers(spec: Obj, before: Obj) -> Iterator[Cause]:
    others = False
    for field in _FIELDS:
        pairs = list(zip(spec.get(field) or (), before.get(field) or (), strict=True))
        if any(new.get("name") != old.get("name") for new, old in pairs):
            yield cause.forbidden("spec", _MIXED_UP)
            return
        for i, (new, old) in enumerate(pairs):
            path = f"spec.{field}[{i}]"
            if field == "initContainers" and not pods.is_sidecar(old):
                if not same(new.get("resources"), old.get("resources")):
                    text = "resources for non-sidecar init containers are immutable"
                    yield cause.forbidden(f"{path}.resources", text)
                continue
            yield from _removed(new, old, path)
            yield from _less_memory(new, old, path)
            others = others or not same(_but_resizable(new), _but_resizable(old))
    if others:
        yield cause.forbidden("spec", "only cpu and memory resources are mutable")


def _removed(new: Obj, old: Obj, path: str) -> Iterator[Cause]:
    for side in ("limits", "requests"):
        now, before = _side(new, side), _side(old, side)
        if any(name in before and name not in now for name in _MUTABLE):
            yield cause.forbidden(f"{path}.resources.{side}", f"resource {side} cannot be removed")


def _less_memory(new: Obj, old: Obj, path: str) -> Iterator[Cause]:
    now, before = _side(new, "limits").get("memory"), _side(old, "limits").get("memory")
    if now is None or before is None or quantity.compare(now, before) >= 0:
        return
    policies = {each.get("resourceName"): each.get("restartPolicy") for each in old.get("resizePolicy") or ()}
    if policies.get("memory") != "RestartContainer":
        text = "memory limits cannot be decreased unless resizePolicy is RestartContainer"
        yield cause.forbidden(f"{path}.resources.limits", text)


def _side(container: Obj, side: str) -> Mapping[str, str]:
    return (container.get("resources") or {}).get(side) or {}


def _but_resizable(container: Obj) -> Obj:
    """A container less the amounts of CPU and memory."""
    resources = dict(container.get("resources") or {})
    for side in ("limits", "requests"):
        resources[side] = {name: amount for name, amount in _side(container, side).items() if name not in _MUTABLE}
    return {**container, "resources": resources}
