"""Values on their way into an evaluation: what JSON cannot say (times, bytes, doubles) is made from what a type says.

A converter exists only for types that need one; everything else goes in as it is, which costs nothing.
"""

from __future__ import annotations

import base64
import binascii
import datetime
from collections.abc import Callable
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from hyperpy.api.cel import types
from hyperpy.api.cel.durations import parse_duration
from hyperpy.api.cel.types import Object, Type

Converter = Callable[[Any], Any]


def converter(kind: Type) -> Converter | None:
    """What makes JSON values of this type ready, or None when they are as they come."""
    return _Converters().of(kind)


class _Converters:
    def __init__(self) -> None:
        self._objects: dict[int, Converter | None] = {}

    def of(self, kind: Type) -> Converter | None:
        if isinstance(kind, Object):
            return self._object(kind)
        if kind.name in _SCALARS:
            return _SCALARS[kind.name]
        if kind.name not in ("list", "map"):
            return None
        inner = self.of(kind.parameters[-1])
        if inner is None:
            return None
        return _each_item(inner) if kind.name == "list" else _each_value(inner)

    def _object(self, kind: Object) -> Converter | None:
        """A type that contains itself is converted down to its second occurrence, where it stays as it is."""
        if id(kind) not in self._objects:
            self._objects[id(kind)] = None
            parts = {field.key: (name, self.of(field.type)) for name, field in kind.fields.items()}
            needed = {key: part for key, part in parts.items() if part[1] is not None or part[0] != key}
            self._objects[id(kind)] = _fields(needed) if needed else None
        return self._objects[id(kind)]


def _fields(parts: dict[str, tuple[str, Converter | None]]) -> Converter:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        result = dict(value)
        for key, (name, inner) in parts.items():
            if key in value:
                given = result.pop(key)
                result[name] = given if inner is None or given is None else inner(given)
        return result

    return convert


def _each_item(inner: Converter) -> Converter:
    return lambda value: [inner(item) for item in value] if isinstance(value, list) else value


def _each_value(inner: Converter) -> Converter:
    def convert(value: Any) -> Any:
        return {key: inner(item) for key, item in value.items()} if isinstance(value, dict) else value

    return convert


def _double(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value


def _timestamp(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return timestamp(value)
    try:
        moment = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC))


def timestamp(moment: datetime.datetime) -> Timestamp:
    """A time as the evaluation takes it."""
    result = Timestamp()
    result.FromDatetime(moment)
    return result


def _duration(value: Any) -> Any:
    if isinstance(value, datetime.timedelta):
        return duration(value)
    parsed = parse_duration(value) if isinstance(value, str) else None
    return value if parsed is None else duration(parsed)


def duration(span: datetime.timedelta) -> Duration:
    """A span of time as the evaluation takes it."""
    result = Duration()
    result.FromTimedelta(span)
    return result


_SCALARS: dict[str, Converter] = {
    types.DOUBLE.name: _double,
    types.INT.name: _int,
    types.BYTES.name: _bytes,
    types.TIMESTAMP.name: _timestamp,
    types.DURATION.name: _duration,
}
