"""Numbers of a status that Go writes even when they are 0, and that typed clients insist on."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def fill(obj: Obj, *names: str) -> None:
    """Set the named numbers of the status to 0 where they are absent."""
    status = obj.setdefault("status", {})
    for name in names:
        if status.get(name) is None:
            status[name] = 0
