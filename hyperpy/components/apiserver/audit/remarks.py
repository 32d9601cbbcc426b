"""The hook for whoever has something to say in the audit event of the request at hand, such as an admission plugin."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

_current: ContextVar[Callable[[str, str], None] | None] = ContextVar("audit", default=None)


def add(key: str, value: str) -> None:
    """Annotate the audit event of the request that is worked on; without one, nothing happens. The first value stays.

    Args:
        key: names its author, such as `pod-security.kubernetes.io/enforce-policy`.
    """
    annotate = _current.get()
    if annotate is not None:
        annotate(key, value)


def open_for(annotate: Callable[[str, str], None] | None) -> None:
    """From now on, annotations in this task and its children go to `annotate`."""
    _current.set(annotate)
