"""From protobuf to the object's JSON form, by the field numbers in fields.json.

What Go's JSON encoder would leave out is left out: empty values of fields that are not pointers. Fields that the
definitions do not have are passed over, as an older server does.
Source: "Kubernetes protobuf encoding" in API concepts (the envelope), and generated.proto of the API packages.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import orjson

from hyperpy.api.protobuf import wire
from hyperpy.api.protobuf.wire import ProtobufError, fields
from hyperpy.api.schema import definitions

__all__ = ["MEDIA_TYPE", "ProtobufError", "decode", "fields_of"]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\0"
_ZERO = ("", 0, False, 0.0, None)
#: Deeper nesting than any built-in kind has.
_MAX_DEPTH = 64


def decode(raw: bytes) -> dict[str, Any]:
    """The object in a request body.

    Args:
        raw: the envelope: four bytes of magic, then `Unknown` (typeMeta 1, raw 2, contentEncoding 3, contentType 4).
    Raises:
        ProtobufError: it is damaged, or of a kind that has no protobuf form here.
    """
    if not raw.startswith(_MAGIC):
        raise ProtobufError("the body does not begin with the magic number of Kubernetes' protobuf")
    envelope = dict(fields(raw[len(_MAGIC) :]))
    type_meta = dict(fields(_bytes(envelope.get(1, b""))))
    api_version, kind = _text(type_meta.get(1, b"")), _text(type_meta.get(2, b""))
    if envelope.get(3) or envelope.get(4):
        raise ProtobufError("the object is wrapped in another encoding, which is not understood")
    message = _message_of(api_version, kind)
    return {"apiVersion": api_version, "kind": kind, **_message(message, _bytes(envelope.get(2, b"")), 0)}


def _message_of(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    for name in (definitions.name_of(group, version, kind), f"{definitions.META}{kind}"):
        if name in _lines():
            return name
    raise ProtobufError(f'{kind} of "{api_version}" has no protobuf form here; send JSON')


def _message(name: str, raw: bytes, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise ProtobufError("the message is nested too deep")
    known = _fields_of(name)
    found: dict[str, Any] = {}
    for number, value in fields(raw):
        entry = known.get(str(number))
        if entry is not None:
            _put(found, entry, value, depth + 1)
    return found


def _put(found: dict[str, Any], entry: list[str], raw: int | bytes, depth: int) -> None:
    """Set a field of `found` from its value on the wire."""
    name, flags, of = entry
    if "[" in flags:
        found.setdefault(name, []).extend(_items(of, raw, depth))
    elif "{" in flags:
        pair = dict(fields(_bytes(raw)))
        found.setdefault(name, {})[_text(pair.get(1, b""))] = _value(of, pair.get(2, _EMPTY.get(of, b"")), depth)
    else:
        value = _value(of, raw, depth)
        if "i" in flags:
            found.update(value)
        elif value is not None and ("z" in flags or value not in _ZERO):
            found[name] = value


def _items(of: str, raw: int | bytes, depth: int) -> list[Any]:
    """One item, or several numbers packed into one field."""
    if isinstance(raw, bytes) and of in ("i", "b"):
        numbers, at = [], 0
        while at < len(raw):
            number, at = wire.varint(raw, at)
            numbers.append(_value(of, number, depth))
        return numbers
    return [_value(of, raw, depth)]


def _value(of: str, raw: int | bytes, depth: int) -> Any:
    scalar = _SCALARS.get(of)
    if scalar is not None:
        return scalar(raw)
    special = _SPECIAL.get(of.rpartition(".")[2])
    if special is not None:
        return special(_bytes(raw))
    return _message(of, _bytes(raw), depth)


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise ProtobufError("a number stands where bytes are expected")
    return raw


def _integer(raw: int | bytes) -> int:
    if not isinstance(raw, int):
        raise ProtobufError("bytes stand where a number is expected")
    return raw


def _text(raw: int | bytes) -> str:
    try:
        return _bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise ProtobufError("a text is not UTF-8") from error


def _time(raw: bytes) -> str | None:
    return _stamp(raw, digits=0)


def _micro_time(raw: bytes) -> str | None:
    return _stamp(raw, digits=6)


def _stamp(raw: bytes, *, digits: int) -> str | None:
    """Seconds (1) and nanoseconds (2); nothing at all is Go's zero time, which is no time."""
    if not raw:
        return None
    parts = dict(fields(raw))
    seconds, nanos = wire.signed(_integer(parts.get(1, 0))), _integer(parts.get(2, 0))
    try:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise ProtobufError(f"the time {seconds} is out of range") from error
    fraction = f".{nanos // 1000:06d}" if digits else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _quantity(raw: bytes) -> str:
    return _text(dict(fields(raw)).get(1, b"")) or "0"


def _int_or_string(raw: bytes) -> int | str:
    parts = dict(fields(raw))
    if parts.get(1, 0):
        return _text(parts.get(3, b""))
    return wire.signed(_integer(parts.get(2, 0)))


def _json(raw: bytes) -> Any:
    content = _bytes(dict(fields(raw)).get(1, b""))
    try:
        return orjson.loads(content) if content else None
    except orjson.JSONDecodeError as error:
        raise ProtobufError("an embedded object is not JSON") from error


def _strings(raw: bytes) -> list[str]:
    return [_text(value) for number, value in fields(raw) if number == 1]


_SCALARS: dict[str, Callable[[int | bytes], Any]] = {
    "s": _text,
    "i": lambda raw: wire.signed(_integer(raw)),
    "b": lambda raw: bool(_integer(raw)),
    "d": lambda raw: wire.double(_integer(raw)),
    "y": lambda raw: base64.b64encode(_bytes(raw)).decode(),
}
#: The value of a map's entry that leaves it out.
_EMPTY: dict[str, int | bytes] = {"i": 0, "b": 0, "d": 0}
_SPECIAL: dict[str, Callable[[bytes], Any]] = {
    "Time": _time,
    "MicroTime": _micro_time,
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "RawExtension": _json,
    "FieldsV1": _json,
    "ExtraValue": _strings,
    "Verbs": _strings,
}


@cache
def _fields_of(name: str) -> dict[str, list[str]]:
    """Field number -> JSON name, flags and type; see tools/generate_protobuf_fields.py for both."""
    line = _lines().get(name)
    if line is None:
        raise ProtobufError(f"{name} has no protobuf form here; send JSON")
    described: dict[str, list[str]] = orjson.loads(line)
    return described


def fields_of(name: str) -> list[tuple[str, str, str]]:
    """JSON name, flags and type of each field of a message, see tools/generate_protobuf_fields.py; none: not known."""
    return [(entry[0], entry[1], entry[2]) for entry in _fields_of(name).values()] if name in _lines() else []


@cache
def _lines() -> dict[str, bytes]:
    """The file by message: it holds one a line, so that only those that are used are parsed."""
    data = resources.files("hyperpy.api.protobuf").joinpath("fields.json").read_bytes()
    pairs = (line.partition(b":") for line in data.splitlines())
    return {name[1:-1].decode(): text.removesuffix(b",") for name, colon, text in pairs if colon}
