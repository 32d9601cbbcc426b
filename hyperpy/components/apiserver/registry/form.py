"""The stored form of an object: its key, and its JSON without resourceVersion, which is spliced in when it is read.

The stored JSON begins with apiVersion, kind and metadata in this order, so that splicing is one search near the start
and no decoding: `{"apiVersion":"v1","kind":"Pod","metadata":{` + `"resourceVersion":"7",` + the rest.
"""

from __future__ import annotations

from typing import Any, cast

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.store.protocol import KeyValue

Obj = dict[str, Any]

_FORBIDDEN = frozenset("/%")
_METADATA = b'"metadata":{'


def prefix(kind: Kind, namespace: str | None = None) -> bytes:
    """The key prefix of all objects of a kind, or of those in one namespace.

    Raises:
        BadRequest: the namespace cannot be a part of a key.
    """
    storage = kind.storage
    base = f"/registry/{storage.group or 'core'}/{storage.plural}/"
    if kind.namespaced and namespace:
        base = f"{base}{_segment(namespace)}/"
    return base.encode()


def key(kind: Kind, namespace: str | None, name: str) -> bytes:
    """The key of one object.

    Raises:
        BadRequest: the name or namespace cannot be a part of a key, or a namespaced object has no namespace.
    """
    if kind.namespaced and not namespace:
        raise errors.BadRequest(f"an empty namespace may not be set when a {kind.qualified} object is named")
    return prefix(kind, namespace) + _segment(name).encode()


def _segment(text: str) -> str:
    """The rules of path segments (Kubernetes' `path.IsValidPathSegmentName`)."""
    if not text or text in (".", "..") or not _FORBIDDEN.isdisjoint(text) or not text.isprintable():
        raise errors.BadRequest(
            f'{text!a} may not be a name: it must be printable, not empty, "." or "..", and contain no "/" or "%"'
        )
    return text


def head(kind: Kind) -> bytes:
    """How the stored bytes of an object of this version begin."""
    return b'{"apiVersion":"%b",' % kind.api_version.encode()


def ordered(obj: Obj) -> Obj:
    """The same object with apiVersion, kind and metadata first and without resourceVersion: what is stored."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
    rest = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind", "metadata")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, **rest}


def encode(obj: Obj) -> bytes:
    """The bytes to store for an object; raises BadRequest for one that is nested too deeply."""
    try:
        return orjson.dumps(ordered(obj))
    except TypeError as error:
        raise errors.BadRequest(f"the object cannot be stored: {error}") from error


def same(one: bytes, other: bytes) -> bool:
    """Whether two encoded objects hold the same, in whatever order."""
    return one == other or orjson.loads(one) == orjson.loads(other)


def splice(value: bytes, revision: int) -> bytes:
    """Stored bytes as clients see them: with the resourceVersion."""
    at = value.index(_METADATA) + len(_METADATA)
    return b'%b"resourceVersion":"%d",%b' % (value[:at], revision, value[at:])


def spliced_parts(value: bytes, revision: int) -> tuple[bytes, memoryview]:
    """What `splice` gives, in two parts of which the long one is not copied."""
    at = value.index(_METADATA) + len(_METADATA)
    return b'%b"resourceVersion":"%d",' % (value[:at], revision), memoryview(value)[at:]


def decode(value: bytes, revision: int) -> Obj:
    """Stored bytes as a dict with the resourceVersion."""
    obj = cast(Obj, orjson.loads(value))
    obj["metadata"]["resourceVersion"] = str(revision)
    return obj


def decoded(kv: KeyValue) -> Obj:
    """A stored pair as a dict with the resourceVersion."""
    return decode(kv.value, kv.mod_revision)
