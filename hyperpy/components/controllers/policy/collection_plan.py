"""What the garbage collector does with one object, given the state of its owners. Pure.

Source: Concepts, "Garbage Collection", and the design "Garbage Collection" (background, foreground, orphan).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from hyperpy.api import meta
from hyperpy.client.protocol import Obj

FOREGROUND_FINALIZER = "foregroundDeletion"
ORPHAN_FINALIZER = "orphan"


class Owner(Enum):
    """The state of one owner: it holds the object, is gone, or waits for the object to go first."""

    HOLDS = "holds"
    GONE = "gone"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class DropOwners:
    """Someone still holds the object: only the references to the others go."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delete:
    """Nobody holds the object any more."""

    propagation: str


@dataclass(frozen=True, slots=True)
class Unblock:
    """The object waits for a dependent that waits for the object: it must hold its owners up no longer."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """The object goes and its dependents stay: take their references away, then its finalizer."""


@dataclass(frozen=True, slots=True)
class Release:
    """Nothing that blocks is left: take the foreground finalizer away."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Dependents have to go before the object may."""


Action = Keep | DropOwners | Delete | Unblock | Orphan | Release | Wait


def plan(obj: Obj, owners: Mapping[str, Owner], *, dependents: Sequence[Obj]) -> Action:
    """Decide on one object.

    Args:
        owners: the state of each of its owners, by uid.
        dependents: the objects that name it as an owner.
    """
    finalizers = obj["metadata"].get("finalizers") or ()
    if meta.is_deleting(obj):
        if ORPHAN_FINALIZER in finalizers:
            return Orphan()
        if FOREGROUND_FINALIZER in finalizers:
            return Wait() if any(blocks(each, obj) for each in dependents) else Release()
        return Keep()
    if not owners:
        return Keep()
    if Owner.HOLDS in owners.values():
        others = frozenset(uid for uid, state in owners.items() if state is not Owner.HOLDS)
        return DropOwners(others) if others else Keep()
    if Owner.WAITS in owners.values() and dependents:
        circle = any(state_of(each) is Owner.WAITS for each in dependents)
        return Unblock() if circle and _holds_up(obj) else Delete("Foreground")
    return Delete(_propagation(finalizers))


def _propagation(finalizers: Sequence[str]) -> str:
    """How an object wants to be deleted when nobody asks for a way: its finalizers tell."""
    if ORPHAN_FINALIZER in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND_FINALIZER in finalizers else "Background"


def _holds_up(obj: Obj) -> bool:
    return any(each.get("blockOwnerDeletion") for each in obj["metadata"].get("ownerReferences") or ())


def blocks(dependent: Obj, owner: Obj) -> bool:
    """Whether the owner's foreground deletion has to wait for this dependent."""
    uid = owner["metadata"]["uid"]
    references = dependent["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)


def state_of(owner: Obj) -> Owner:
    """The state of an owner that is there."""
    waits = meta.is_deleting(owner) and FOREGROUND_FINALIZER in (owner["metadata"].get("finalizers") or ())
    return Owner.WAITS if waits else Owner.HOLDS


def unblocked(obj: Obj) -> list[Obj]:
    """The object's owner references, none of which holds its owner up."""
    return [{**each, "blockOwnerDeletion": False} for each in obj["metadata"].get("ownerReferences") or ()]


def without_owners(obj: Obj, uids: frozenset[str]) -> list[Obj]:
    """The object's owner references without some."""
    return [each for each in obj["metadata"].get("ownerReferences") or () if each["uid"] not in uids]
