"""The rules of one kind: what is asked of a new object, of a change and of a status write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hyperpy.api.schema.cause import Cause

Obj = dict[str, Any]
Check = Callable[[Obj], Iterator[Cause]]
Change = Callable[[Obj, Obj], Iterator[Cause]]


def _nothing(obj: Obj) -> Iterator[Cause]:
    yield from ()


def _no_change(new: Obj, old: Obj) -> Iterator[Cause]:
    yield from ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a kind.

    Args:
        create: of a new object.
        change: of a new version against the old one.
        status: of a status write.
        whole: whether `create` holds for a changed object too.
        named: whether such objects have a name; reviews have not.
    """

    create: Check = _nothing
    change: Change = _no_change
    status: Change = _no_change
    whole: bool = True
    named: bool = True
