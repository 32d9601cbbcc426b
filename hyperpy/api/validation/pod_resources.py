"""Rules of what a pod asks for as a whole, beside what its containers ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import pod_resources, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import resources

Obj = dict[str, Any]

_HUGE_PAGES = "hugepages-"
_SUPPORTED = frozenset(("cpu", "memory", _HUGE_PAGES))


def check(spec: Obj, path: str) -> Iterator[Cause]:
    """The field `resources` of a pod spec."""
    given = spec["resources"]
    if (spec.get("os") or {}).get("name") == "windows":
        yield cause.forbidden(path, "may not be set for a windows pod")
        return
    if given.get("claims") is not None:
        yield cause.forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level")
    for side in ("limits", "requests"):
        for name in given.get(side) or ():
            if name not in _SUPPORTED and not name.startswith(_HUGE_PAGES):
                yield cause.not_supported(f"{path}.{side}[{name}]", name, _SUPPORTED)
    yield from resources.requirements({name: given.get(name) for name in ("limits", "requests")}, path)
    yield from _containers(spec, path)


def _containers(spec: Obj, path: str) -> Iterator[Cause]:
    """What the containers ask for fits into what the pod asks for."""
    given = spec["resources"]
    for side in ("requests", "limits"):
        bounds = given.get(side) or {}
        for name, amount in pod_resources.of_containers({"spec": spec}, side).items():
            if name not in bounds or (side == "limits" and not name.startswith(_HUGE_PAGES)):
                continue
            if quantity.compare(amount, bounds[name]) > 0:
                text = f"must be greater than or equal to aggregate container {side} of {amount}"
                yield cause.invalid(f"{path}.{side}[{name}]", bounds[name], text)
    limits = given.get("limits") or {}
    for i, container in enumerate(spec.get("containers") or ()):
        for name, amount in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and quantity.compare(amount, limits[name]) > 0:
                text = f"must be less than or equal to pod limits of {limits[name]}"
                yield cause.invalid(f"{path}.containers[{i}][{name}].limits", amount, text)
