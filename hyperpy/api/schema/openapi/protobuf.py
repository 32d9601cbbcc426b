"""A v2 document in the protobuf form that kubectl's older code reads: `openapi.v2.Document`, definitions without paths.

Source: gnostic's `OpenAPIv2.proto` (message and field numbers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

Obj = Mapping[str, Any]

#: Document, Info
_SWAGGER, _INFO, _PATHS, _DEFINITIONS = 1, 2, 8, 9
_TITLE, _VERSION = 1, 2
#: Schema
_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_DEFAULT, _REQUIRED, _ENUM, _ADDITIONAL, _TYPE, _ITEMS, _PROPERTIES, _EXTENSION = 5, 19, 20, 21, 22, 23, 25, 31


def encode(document: Obj) -> bytes:
    """The bytes of a document as `swagger.document` makes it."""
    info = document["info"]
    named = b"".join(_named(name, schema) for name, schema in document["definitions"].items())
    return b"".join((
        _text(_SWAGGER, document["swagger"]),
        _field(_INFO, _text(_TITLE, info["title"]) + _text(_VERSION, info["version"])),
        _field(_PATHS, b""),
        _field(_DEFINITIONS, named),
    ))  # fmt: skip


def _named(name: str, schema: Any) -> bytes:
    """NamedSchema, as an entry of Definitions or Properties."""
    return _field(1, _text(1, name) + _field(2, _schema(schema)))


def _schema(schema: Any) -> bytes:
    parts = [_text(number, schema[key]) for key, number in _TEXTS.items() if schema.get(key)]
    if "default" in schema:
        parts.append(_field(_DEFAULT, _any(schema["default"])))
    parts += [_text(_REQUIRED, name) for name in schema.get("required", ())]
    parts += [_field(_ENUM, _any(value)) for value in schema.get("enum", ())]
    additional = schema.get("additionalProperties")
    if isinstance(additional, bool):
        parts.append(_field(_ADDITIONAL, b"\x10\x01" if additional else b"\x10\x00"))
    elif additional is not None:
        parts.append(_field(_ADDITIONAL, _field(1, _schema(additional))))
    if "type" in schema:
        parts.append(_field(_TYPE, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_field(_ITEMS, _field(1, _schema(schema["items"]))))
    if "properties" in schema:
        named = b"".join(_named(name, child) for name, child in schema["properties"].items())
        parts.append(_field(_PROPERTIES, named))
    parts += _extensions((key, value) for key, value in schema.items() if key.startswith("x-"))
    return b"".join(parts)


def _extensions(pairs: Iterable[tuple[str, Any]]) -> list[bytes]:
    return [_field(_EXTENSION, _text(1, key) + _field(2, _any(value))) for key, value in pairs]


def _any(value: Any) -> bytes:
    """Any: a value as YAML, of which JSON is a part."""
    return _field(2, orjson.dumps(value) + b"\n")


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
