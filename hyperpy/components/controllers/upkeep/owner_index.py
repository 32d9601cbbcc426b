"""Indexes of shared caches by controller, and which changes matter: no pass walks over what is not its own."""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.upkeep.ownership import controller_uid

BY_CONTROLLER = "controller-uid"
ORPHANS_OF_NAMESPACE = "orphans-of-namespace"


def index_by_controller(informer: Informer) -> None:
    """Find objects by their controller's uid, and those without a controller by namespace."""
    informer.add_index(BY_CONTROLLER, _controller)
    informer.add_index(ORPHANS_OF_NAMESPACE, _orphan)


def candidates(informer: Informer, owner: Obj) -> list[Obj]:
    """The objects that `owner` controls, and those of its namespace that nobody does."""
    return [
        *informer.by_index(BY_CONTROLLER, owner["metadata"]["uid"]),
        *informer.by_index(ORPHANS_OF_NAMESPACE, owner["metadata"]["namespace"]),
    ]


def differs_beyond_status(event: str, old: Obj | None, new: Obj | None) -> bool:
    """Whether an event is more than a new status: a loop's own status writes need no second look."""
    if event != "MODIFIED" or old is None or new is None:
        return True
    before, after = ({**obj["metadata"], "resourceVersion": "", "managedFields": None} for obj in (old, new))
    return before != after or old.get("spec") != new.get("spec")


def _controller(obj: Obj) -> Iterable[str]:
    uid = controller_uid(obj)
    return (uid,) if uid else ()


def _orphan(obj: Obj) -> Iterable[str]:
    return () if controller_uid(obj) else (obj["metadata"].get("namespace", ""),)
