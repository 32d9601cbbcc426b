"""HTTP/2's frames as bytes (RFC 9113, section 6), and the header blocks that a gRPC server sends."""

from __future__ import annotations

import struct
from enum import IntEnum
from urllib.parse import quote

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
MAX_FRAME = 16_384  # the largest payload of a frame where nothing else was agreed on

END_STREAM, ACK = 0x1, 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20


class Kind(IntEnum):
    """Kinds of frames."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """Names of settings."""

    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5


class Code(IntEnum):
    """Reasons to end a stream or a connection."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    COMPRESSION_ERROR = 9


class Broken(Exception):
    """The peer broke a rule of HTTP/2; the connection ends with this code."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


_HEAD = struct.Struct(">HBBBI")
_NUMBER = struct.Struct(">I")
_SETTING = struct.Struct(">HI")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def settings(values: dict[Setting, int]) -> bytes:
    """SETTINGS of ours."""
    return frame(Kind.SETTINGS, 0, 0, b"".join(_SETTING.pack(name, value) for name, value in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The peer's SETTINGS, names and values. Raises Broken."""
    if len(payload) % _SETTING.size:
        raise Broken(Code.FRAME_SIZE_ERROR, "SETTINGS of a size that cannot be")
    return list(_SETTING.iter_unpack(payload))


def window_update(stream: int, size: int) -> bytes:
    """Room for `size` more bytes of data."""
    return frame(Kind.WINDOW_UPDATE, 0, stream, _NUMBER.pack(size))


def reset(stream: int, code: Code) -> bytes:
    """The end of a stream, at once."""
    return frame(Kind.RST_STREAM, 0, stream, _NUMBER.pack(code))


def go_away(last: int, code: Code, text: str = "") -> bytes:
    """The end of a connection; streams after `last` were not looked at."""
    return frame(Kind.GOAWAY, 0, 0, _NUMBER.pack(last) + _NUMBER.pack(code) + text.encode())


def unpadded(payload: bytes, flags: int) -> bytes:
    """A payload without its padding. Raises Broken."""
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Broken(Code.PROTOCOL_ERROR, "padding longer than its frame")
    return payload[1 : len(payload) - payload[0]]


def number(payload: bytes) -> int:
    """The one number of a WINDOW_UPDATE or RST_STREAM. Raises Broken."""
    if len(payload) != _NUMBER.size:
        raise Broken(Code.FRAME_SIZE_ERROR, "a frame of one number has another size")
    return int(_NUMBER.unpack(payload)[0]) & 0x7FFF_FFFF


# -- header blocks of ours: literals that enter no table (RFC 7541, section 6.2.2), so they are the same on every stream


def _string(value: bytes) -> bytes:
    size = len(value)
    if size < 127:
        return bytes((size,)) + value
    size -= 127
    head = [127]
    while size >= 128:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes((*head, size)) + value


def _field(name: str, value: str) -> bytes:
    return b"\0" + _string(name.encode()) + _string(value.encode())


_STATUS_200 = b"\x88"  # an entry of the static table
#: The headers of every answer.
HEAD = _STATUS_200 + _field("content-type", "application/grpc")
#: Its end when all went well.
DONE = _field("grpc-status", "0")


def failure(status: int, message: str) -> bytes:
    """The end of an answer that failed; the message in percent code, as gRPC has it."""
    text = quote(message, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")
    return _field("grpc-status", str(status)) + _field("grpc-message", text)


def http_failure(status: int) -> bytes:
    """The end of a request that is not gRPC."""
    return _field(":status", str(status))
