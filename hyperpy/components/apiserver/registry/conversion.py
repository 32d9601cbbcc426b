"""Versions: what is stored as objects of the version a request asks for, and back.

    stored bytes ── served / decoded ──▶ the request's version ── to_store ──▶ bytes of the storage version

Most kinds have one version: for them nothing is done here. Built-in kinds convert by pure functions, custom ones by
their definition, which may ask a webhook. Custom objects are also pruned and given defaults when they are read, because
their schema may be younger than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hyperpy.api import conversion
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.change import Change
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.store.protocol import KeyValue


async def objects(kind: Kind, objs: Sequence[Obj]) -> list[Obj]:
    """Objects of any version as objects of this kind, in the same order. Raises StatusError."""
    if kind.definition is not None:
        return await kind.definition.convert(objs)
    return [conversion.convert(obj, kind) for obj in objs]


async def decoded(kind: Kind, kv: KeyValue) -> Obj:
    """A stored pair as an object of this kind, with its resourceVersion. Raises StatusError."""
    obj = form.decoded(kv)
    if not kind.converts or _fits(kind, obj):
        return obj
    return (await objects(kind, [obj]))[0]


async def served(kind: Kind, kvs: Sequence[KeyValue]) -> Sequence[KeyValue]:
    """Stored pairs with their bytes in this kind's version. Raises StatusError."""
    if not kind.converts:
        return kvs
    other = [index for index, kv in enumerate(kvs) if not _is_served(kind, kv.value)]
    if not other:
        return kvs
    converted = await objects(kind, [form.decoded(kvs[index]) for index in other])
    result = list(kvs)
    for index, obj in zip(other, converted, strict=True):
        result[index] = replace(kvs[index], value=form.encode(obj))
    return result


async def to_store(kind: Kind, value: bytes, obj: Obj) -> bytes:
    """The bytes to keep for an object of this kind.

    Args:
        value: the encoded object, kept as it is when the kind is its own storage version.
    """
    if kind.stored is None:
        return value
    return form.encode((await objects(kind.stored, [obj]))[0])


async def answered(kind: Kind, value: bytes, kept: bytes) -> bytes:
    """What is answered to a write of `value`, which is kept as `kept`: a custom object as its storage version has it.

    Raises:
        StatusError: it cannot be converted back.
    """
    if kind.stored is None or kind.definition is None:
        return value
    return form.encode((await objects(kind, [form.decode(kept, 0)]))[0])


async def change(kind: Kind, item: Change) -> Change:
    """A change with its objects in this kind's version, made once for all watchers of that version."""
    known = item.versions.get(kind.api_version)
    if known is None:
        new = await _version(kind, item.value, item.revision)
        old = await _version(kind, item.previous, item.revision)
        known = item.versions[kind.api_version] = item.of(value=new or b"", previous=old)
    return known


async def _version(kind: Kind, value: bytes | None, revision: int) -> bytes | None:
    if not value or _is_served(kind, value):
        return value
    return form.encode((await objects(kind, [form.decode(value, revision)]))[0])


def _is_served(kind: Kind, value: bytes) -> bool:
    """Whether stored bytes can be served as they are: of this version, and for a custom kind as its schema wants."""
    if not value.startswith(form.head(kind)):
        return False
    return kind.definition is None or kind.definition.is_settled(form.decode(value, 0))


def _fits(kind: Kind, obj: Obj) -> bool:
    if kind.definition is not None:
        return kind.definition.is_settled(obj)
    return bool(obj["apiVersion"] == kind.api_version)
