"""Objects as the cache shows them, or as the scheduler assumes or wrote them while the cache is not newer. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hyperpy.api import meta
from hyperpy.client.protocol import Obj


class Overlay:
    """Objects of one kind by key. What lies over them is bounded by the Pods whose binding is under way."""

    def __init__(self) -> None:
        self._cached: dict[str, Obj] = {}
        self._over: dict[str, Obj] = {}

    def __iter__(self) -> Iterator[Obj]:
        return (self._over.get(key, obj) for key, obj in self._cached.items())

    def get(self, key: str) -> Obj | None:
        """The newest version that is known or assumed, or None."""
        return self._over.get(key) or self._cached.get(key)

    def put(self, obj: Obj) -> None:
        """The cache shows an object. Versions of one kind grow as numbers. Source: KEP-5504."""
        key = meta.key(obj)
        self._cached[key] = obj
        over = self._over.get(key)
        if over is not None and (not _same_object(over, obj) or _version(obj) > _version(over)):
            del self._over[key]

    def remove(self, key: str) -> None:
        """The object is gone."""
        self._cached.pop(key, None)
        self._over.pop(key, None)

    def lay(self, obj: Obj) -> None:
        """Assume that an object is as given, or note the API's answer to a write of it."""
        key = meta.key(obj)
        cached = self._cached.get(key)
        if cached is not None and _same_object(cached, obj) and _version(obj) >= _version(cached):
            self._over[key] = obj

    def lift(self, obj: Obj) -> None:
        """Assume it no longer; what was written since stays."""
        key = meta.key(obj)
        if self._over.get(key) is obj:
            del self._over[key]


def _same_object(one: Obj, other: Obj) -> bool:
    return bool(one["metadata"].get("uid") == other["metadata"].get("uid"))


def _version(obj: Obj) -> int:
    return int(obj["metadata"].get("resourceVersion") or 0)
