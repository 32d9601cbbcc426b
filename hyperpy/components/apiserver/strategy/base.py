"""One row of per-kind rules. Functions change the new object in place and are pure otherwise.

Source: the strategies of Kubernetes' registries (`pkg/registry/*/*/strategy.go`), behaviour only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hyperpy.api.wire import UserInfo

Obj = dict[str, Any]


def _nothing(new: Obj, /) -> None:
    """Leave the object as it is."""


def _no_change(new: Obj, old: Obj, /) -> None:
    """Leave the new object as it is."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """What is special about a kind.

    Args:
        create: prepares a new object.
        update: prepares a changed object (new, old); the status is already the old one.
        update_status: prepares a status write (new, old); all but status and metadata is already the old one.
        requested_by: notes on a new object who asked for it.
        note_times: fills in times of conditions in a changed object (new, old, now as a `Time`).
        generation: whether metadata.generation counts changes of what the user wants.
        counted_annotations: whether a changed annotation counts too.
        counts_status: whether a changed status counts too: for custom kinds it is a field like any other, unless it
            is a subresource.
        status_on_create: whether a status given at creation is kept.
        create_on_update: whether PUT makes a missing object.
        needs_resource_version: whether PUT must say the resourceVersion it is based on.
        orphans: whether dependents stay when a delete does not say (ReplicationController of v1, Jobs).
        warns_of_orphans: told to whoever deletes without saying what becomes of dependents; "" for nothing.
        grace_s: seconds between the request to delete and the end, given the object and the seconds asked for
            (None: not asked); None instead of a function: such objects end at once.
        returns_deleted: whether a delete answers with the object instead of a Status.
        expires: whether objects go away by themselves (Events, after `--event-ttl`).
    """

    create: Callable[[Obj], None] = _nothing
    update: Callable[[Obj, Obj], None] = _no_change
    update_status: Callable[[Obj, Obj], None] = _no_change
    requested_by: Callable[[Obj, UserInfo | None], None] | None = None
    note_times: Callable[[Obj, Obj, str], None] | None = None
    generation: bool = False
    counted_annotations: bool = False
    counts_status: bool = False
    status_on_create: bool = False
    create_on_update: bool = False
    needs_resource_version: bool = False
    orphans: bool = False
    warns_of_orphans: str = ""
    grace_s: Callable[[Obj, int | None], int] | None = None
    returns_deleted: bool = False
    expires: bool = False
