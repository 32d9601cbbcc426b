"""Protobuf's wire format: a message as its fields' numbers and raw values. Source: protobuf.dev, "Encoding"."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """The bytes are not a message of the kind that they claim to be."""


def fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field, in order: an unsigned integer for numbers of any width, else bytes.

    Raises:
        ProtobufError: the bytes are cut short or not protobuf.
    """
    at, end = 0, len(raw)
    while at < end:
        key, at = varint(raw, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = varint(raw, at)
        elif kind == _BYTES:
            length, at = varint(raw, at)
            value = raw[at : at + length]
            at += length
        elif kind in (_FIXED64, _FIXED32):
            width = 8 if kind == _FIXED64 else 4
            value = int.from_bytes(raw[at : at + width], "little")
            at += width
        else:
            raise ProtobufError(f"a field has the unknown wire type {kind}")
        if at > end:
            raise ProtobufError("the message is cut short")
        yield key >> 3, value


def varint(raw: bytes, at: int) -> tuple[int, int]:
    """A number of variable length and the place after it."""
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise ProtobufError("a number does not end")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(value: int) -> int:
    """An int32 or int64 as Go writes it: negative ones take all 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def double(value: int) -> float:
    return float(struct.unpack("<d", value.to_bytes(8, "little"))[0])
