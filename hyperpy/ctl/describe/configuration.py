"""The pages of ConfigMaps and Secrets; of a Secret only the sizes are shown."""

from __future__ import annotations

import base64
from typing import Any

from hyperpy.ctl.describe import sections
from hyperpy.ctl.describe.page import Page
from hyperpy.ctl.describe.surroundings import Surroundings

Obj = dict[str, Any]


def config_map(obj: Obj, around: Surroundings) -> Page:
    """Everything about a ConfigMap."""
    page = Page()
    sections.head(page, obj)
    sections.labels(page, obj)
    for text in ("", "Data", "===="):
        page.heading(text)
    for key, value in sorted((obj.get("data") or {}).items()):
        for text in (f"{key}:", "----", *str(value).split("\n"), ""):
            page.heading(text)
    for text in ("", "BinaryData", "===="):
        page.heading(text)
    for key, value in sorted((obj.get("binaryData") or {}).items()):
        page.heading(f"{key}: {_size(value)} bytes")
    page.heading("")
    sections.events(page, around.events(), now=around.now)
    return page


def secret(obj: Obj, around: Surroundings) -> Page:
    """Everything about a Secret that may be shown."""
    page = Page()
    sections.head(page, obj)
    sections.labels(page, obj)
    page.heading("")
    page.field("Type", obj.get("type") or "Opaque")
    for text in ("", "Data", "===="):
        page.heading(text)
    for key, value in sorted((obj.get("data") or {}).items()):
        page.field(key, f"{_size(value)} bytes")
    return page


def _size(encoded: str) -> int:
    return len(base64.b64decode(encoded))
