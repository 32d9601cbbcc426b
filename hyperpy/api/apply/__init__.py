"""Server-side apply: who owns which fields of an object, and what an applied configuration makes of it. Pure."""

from __future__ import annotations

from hyperpy.api.apply.conflicts import Conflicts
from hyperpy.api.apply.managers import Entry, Managed, Manager
from hyperpy.api.apply.shape import Shape
from hyperpy.api.apply.tracking import SYSTEM_FIELDS, Applied, Operation, Versions, apply, reconciled, update

__all__ = [
    "SYSTEM_FIELDS",
    "Applied",
    "Conflicts",
    "Entry",
    "Managed",
    "Manager",
    "Operation",
    "Shape",
    "Versions",
    "apply",
    "reconciled",
    "update",
]
