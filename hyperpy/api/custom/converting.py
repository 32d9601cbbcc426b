"""Conversion between the versions of a custom kind: what does it, and the strategy None.

Source: "Versions in CustomResourceDefinitions", "Webhook conversion" and the strategy None.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hyperpy.api.patch import values

Obj = dict[str, Any]

#: Objects of other versions as objects of the apiVersion that is asked for, in the same order.
Convert = Callable[[Sequence[Obj], str], Awaitable[list[Obj]]]


async def rename(objs: Sequence[Obj], api_version: str) -> list[Obj]:
    """Conversion strategy None: only the apiVersion changes."""
    return [{**values.clone(obj), "apiVersion": api_version} for obj in objs]
