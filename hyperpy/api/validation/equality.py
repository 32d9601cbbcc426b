"""Equality as the API means it: absent, null and empty are the same; so are absent and false where Go has no null."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Plain booleans and numbers of pod specs: false or 0 is how "not given" decodes. Others tell the two apart.
_ZERO_IS_ABSENT = frozenset(
    ("hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "readOnly", "hostPort", "initialDelaySeconds")
)


def same(new: Any, old: Any) -> bool:
    """Whether two values mean the same."""
    return bool(new == old) or _normal(new) == _normal(old)


def changed(new: Any, old: Any, path: str = "") -> Iterator[str]:
    """Paths of what differs, each as deep as both sides have the same shape."""
    if same(new, old):
        return
    if isinstance(new, dict) and isinstance(old, dict):
        for name in (*old, *(name for name in new if name not in old)):
            yield from changed(new.get(name), old.get(name), f"{path}.{name}" if path else name)
    elif isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        for i, (one, other) in enumerate(zip(new, old, strict=True)):
            yield from changed(one, other, f"{path}[{i}]")
    else:
        yield path


def _normal(value: Any) -> Any:
    """Without members that mean nothing; None when nothing is left."""
    if isinstance(value, dict):
        members = {name: _normal(member) for name, member in value.items()}
        kept = {
            name: member
            for name, member in members.items()
            if member is not None and not (name in _ZERO_IS_ABSENT and not member)
        }
        return kept or None
    if isinstance(value, list):
        return [_normal(item) for item in value] or None
    return None if value == "" else value
