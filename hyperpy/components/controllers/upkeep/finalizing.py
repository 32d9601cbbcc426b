"""A finalizer that a controller looks after: whether an object lacks it, waits for it, and what it is without. Pure."""

from __future__ import annotations

from hyperpy.api import meta
from hyperpy.client.protocol import Obj


def waits_for(obj: Obj, finalizer: str) -> bool:
    """Whether the object is being deleted and this finalizer holds it."""
    return meta.is_deleting(obj) and finalizer in (obj["metadata"].get("finalizers") or ())


def lacks(obj: Obj, finalizer: str) -> bool:
    """Whether the object should have the finalizer and has it not."""
    return not meta.is_deleting(obj) and finalizer not in (obj["metadata"].get("finalizers") or ())


def put_on(obj: Obj, finalizer: str) -> Obj:
    """The object with the finalizer."""
    return _having(obj, [*(obj["metadata"].get("finalizers") or ()), finalizer])


def taken_off(obj: Obj, finalizer: str) -> Obj:
    """The object without the finalizer."""
    return _having(obj, [name for name in obj["metadata"]["finalizers"] if name != finalizer])


def _having(obj: Obj, finalizers: list[str]) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}
