"""Paths of fields as messages write them: `spec.containers[0].name`, `data[tls.crt]`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*", re.ASCII)


def text(steps: Iterable[str | int]) -> str:
    """A path of keys and indexes as one string; a key that is no field name stands in brackets."""
    result = ""
    for step in steps:
        if isinstance(step, int) or not _NAME.fullmatch(step):
            result += f"[{step}]"
        else:
            result += f".{step}" if result else step
    return result


def dotted(steps: Iterable[str | int]) -> str:
    """The path of an unknown field: every key after a dot, as strict decoding errors write it."""
    result = ""
    for step in steps:
        result += f"[{step}]" if isinstance(step, int) else f".{step}" if result else step
    return result
