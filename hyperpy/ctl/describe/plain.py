"""The page of any other kind: its fields, one below the other."""

from __future__ import annotations

import re
from typing import Any

from hyperpy.ctl.describe import sections
from hyperpy.ctl.describe.page import NONE, Page
from hyperpy.ctl.describe.surroundings import Surroundings

Obj = dict[str, Any]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]")
_KNOWN = ("apiVersion", "kind", "metadata")


def describe(obj: Obj, around: Surroundings) -> Page:
    """Everything about an object of any kind."""
    page = Page()
    sections.head(page, obj, namespaced="namespace" in obj["metadata"])
    sections.labels(page, obj)
    page.field("API Version", obj.get("apiVersion", ""))
    page.field("Kind", obj.get("kind", ""))
    page.field("CreationTimestamp", sections.moment(obj["metadata"].get("creationTimestamp")))
    for name, value in sorted(obj.items()):
        if name not in _KNOWN:
            _add(page, title(name), value, 0)
    sections.events(page, around.events(), now=around.now)
    return page


def title(name: str) -> str:
    """`leaseDurationSeconds` as `Lease Duration Seconds`; a name that is no such word stays as it is."""
    words = _WORD.findall(name)
    if "".join(words) != name:
        return name
    return " ".join(word[:1].upper() + word[1:] for word in words)


def _add(page: Page, name: str, value: Any, level: int) -> None:
    if isinstance(value, dict) and value:
        page.heading(f"{name}:", level=level)
        for key, inner in sorted(value.items()):
            _add(page, title(key), inner, level + 1)
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value) and value:
        page.heading(f"{name}:", level=level)
        for item in value:
            for key, inner in sorted(item.items()):
                _add(page, title(key), inner, level + 1)
            page.heading("")
    elif isinstance(value, list):
        page.listed(name, map(str, value), level=level)
    else:
        page.field(name, NONE if value in (None, {}) else value, level=level)
