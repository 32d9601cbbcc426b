"""The kinds that the garbage collector and the namespace controller act on, without knowing any of them."""

from __future__ import annotations

from collections.abc import Callable

from hyperpy.api.kinds import EVENT, Kind
from hyperpy.client.informer import Informer
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
