"""Which objects a controller keeps, adopts and releases, by selector and owner reference. Pure.

Source: the API reference of OwnerReference and the design "Controller Ref".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.client.protocol import Obj

Matches = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a controller does with the objects it could have: keep `owned`, take `adopt`, let `release` go."""

    owned: tuple[Obj, ...]
    adopt: tuple[Obj, ...]
    release: tuple[Obj, ...]


def controller_uid(obj: Obj) -> str:
    """The uid of the object's controller, or ""."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def claim(owner: Obj, candidates: Iterable[Obj], *, matches: Matches) -> Claims:
    """Sort candidates into owned, to adopt and to release. Objects of other controllers are left alone.

    Args:
        owner: the controller object; when it is being deleted it adopts and releases nothing.
        matches: its selector, asked with labels.
    """
    uid, leaving = owner["metadata"]["uid"], meta.is_deleting(owner)
    owned: list[Obj] = []
    adopt: list[Obj] = []
    release: list[Obj] = []
    for obj in candidates:
        holder = controller_uid(obj)
        fits = matches(obj["metadata"].get("labels") or {})
        if holder == uid and fits:
            owned.append(obj)
        elif leaving or meta.is_deleting(obj):
            continue
        elif holder == uid:
            release.append(obj)
        elif not holder and fits:
            adopt.append(obj)
    return Claims(tuple(owned), tuple(adopt), tuple(release))
