"""The kinds that the garbage collector and the namespace controller act on, without knowing any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION, EVENT, Kind
from hyperpy.client.informer import IndexFunction, Informer
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.context import Context

KindCallback = Callable[[Kind, str, Obj | None, Obj | None], None]


def deletable(context: Context) -> list[Kind]:
    """The kinds whose objects are stored and can be deleted; not those that show another kind's objects."""
    return [kind for kind in context.registry if kind.stored is None and {"list", "watch", "delete"} <= set(kind.verbs)]


def watched(context: Context) -> list[Kind]:
    """Those that are worth a cache: Events are many, own nothing, are owned by nothing, and go by themselves."""
    return [kind for kind in deletable(context) if kind != EVENT]


def watch_all(context: Context, callback: KindCallback) -> dict[str, Informer]:
    """Watch every kind with one callback; returns the informers by the kind's qualified name."""

    def of(kind: Kind) -> Informer:
        return context.watch(kind, lambda event, old, new: callback(kind, event, old, new))

    return {kind.qualified: of(kind) for kind in watched(context)}


class EveryKind:
    """The kinds there are now, built-in and custom, each with its cache: custom kinds come and go while this runs.

    Args:
        callback: told of every change of an object of any kind. When a custom kind goes, its objects are told as
            deleted, if they were not before.
        indexes: for every cache, by name.
    Attributes:
        kinds: by qualified name; those that are worth a cache.
        caches: by the same names.
    """

    def __init__(
        self, context: Context, callback: KindCallback, *, indexes: Mapping[str, IndexFunction] | None = None
    ) -> None:
        self.kinds: dict[str, Kind] = {}
        self.caches: dict[str, Informer] = {}
        self._informers = context.informers
        self._callback = callback
        self._indexes = indexes or {}
        self._custom: dict[str, Kind] = {}
        self._leaving: dict[str, Callable[[], None]] = {}
        for kind in watched(context):
            self._add(kind)
        context.subscriptions.append(self._leave)
        context.watch(CUSTOM_RESOURCE_DEFINITION, self._defined)

    @property
    def custom(self) -> list[Kind]:
        """The custom kinds that are served now."""
        return list(self._custom.values())

    @property
    def synced(self) -> bool:
        """Whether every cache has its first list; those of custom kinds are not waited for at the start."""
        return all(cache.has_synced for cache in self.caches.values())

    def _add(self, kind: Kind) -> None:
        name = kind.qualified
        cache = self._informers.of(kind)
        for index, function in self._indexes.items():
            cache.add_index(index, function)
        self.kinds[name], self.caches[name] = kind, cache
        self._leaving[name] = cache.subscribe(lambda event, old, new: self._callback(kind, event, old, new))

    def _remove(self, kind: Kind) -> None:
        self._informers.drop(kind)
        self._leaving.pop(kind.qualified)()
        del self.kinds[kind.qualified], self.caches[kind.qualified]

    def _leave(self) -> None:
        for leave in self._leaving.values():
            leave()
        self._leaving.clear()

    def _defined(self, event: str, old: Obj | None, new: Obj | None) -> None:
        crd = new or old
        assert crd is not None
        name = crd["metadata"]["name"]
        before, after = self._custom.get(name), None if event == "DELETED" else served(crd)
        if before == after:
            return
        if before is not None:
            del self._custom[name]
            self._remove(before)
        if after is not None and after.qualified not in self.kinds:
            self._custom[name] = after
            self._add(after)


def served(crd: Obj) -> Kind | None:
    """The kind of a definition in the version that is best read: the one objects are kept in, if it is served."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    if not any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
        return None
    spec, names = crd["spec"], crd["status"]["acceptedNames"]
    versions = sorted((each for each in spec["versions"] if each["served"]), key=lambda each: not each["storage"])
    if not versions:
        return None
    return Kind(spec["group"], versions[0]["name"], names["kind"], names["plural"], spec["scope"] == "Namespaced")
