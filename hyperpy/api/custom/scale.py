"""Where a custom kind keeps what its `scale` subresource shows.

Source: Kubernetes' documentation, "Scale subresource".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

Obj = dict[str, Any]
_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Paths with a dot before every step; `selector` is "" when the kind has none."""

    replicas: str
    status_replicas: str
    selector: str = ""

    def wanted(self, obj: Obj) -> int | None:
        """The replicas that are wanted, or None when the field is not there."""
        return _number(_find(obj, self.replicas))

    def actual(self, obj: Obj) -> int:
        """The replicas there are; 0 while nobody says."""
        return _number(_find(obj, self.status_replicas)) or 0

    def selected(self, obj: Obj) -> str:
        """The label selector as text, or ""."""
        found = _find(obj, self.selector) if self.selector else None
        return found if isinstance(found, str) else ""

    def set_wanted(self, obj: Obj, replicas: int) -> None:
        """Put the replicas that are wanted into an object, in place."""
        *parents, last = _steps(self.replicas)
        for step in parents:
            inner = obj.get(step)
            if not isinstance(inner, dict):
                inner = obj[step] = {}
            obj = inner
        obj[last] = replicas

    def causes(self, obj: Obj) -> Iterator[Cause]:
        """What is wrong with the numbers of replicas in an object."""
        for path in (self.replicas, self.status_replicas):
            count = _number(_find(obj, path))
            if count is not None and count < 0:
                yield cause.invalid(path.removeprefix("."), count, "should be a non-negative integer")
            elif count is not None and count > _MAX:
                yield cause.invalid(path.removeprefix("."), count, f"should be less than or equal to {_MAX}")


def of(entry: Obj | None) -> ScalePaths | None:
    """The paths of `subresources.scale`, or None."""
    if entry is None:
        return None
    return ScalePaths(entry["specReplicasPath"], entry["statusReplicasPath"], entry.get("labelSelectorPath") or "")


def _steps(path: str) -> list[str]:
    return path.removeprefix(".").split(".")


def _find(obj: Any, path: str) -> Any:
    for step in _steps(path):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
