"""SPDY/3.1 frames, pure: bytes to frames and back. As much of the protocol as Kubernetes clients use.

kubectl speaks it inside a WebSocket for port-forward (KEP-4006), older clients speak it bare. These clients ignore
flow control windows, so this side does too: the transport's own back-pressure holds the sender.
Source: "SPDY Protocol - Draft 3.1", section 2.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_VERSION = 3
_CONTROL = 0x8000
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY, _HEADERS = 1, 2, 3, 6, 7, 8
_FIN = 0x01

#: A control frame beyond this, packed or unpacked, is an attack.
MAX_CONTROL_BYTES = 64 * 1024


class ProtocolError(Exception):
    """The peer sent something that is not SPDY/3.1; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Syn:
    """A new stream. Header names are in lower case."""

    stream: int
    headers: Mapping[str, str] = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """A part of a stream; a long frame arrives as several of these, the end mark on the last."""

    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class Ping:
    id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    last_stream: int


Frame = Syn | Data | Reset | Ping | GoAway


class Decoder:
    """Takes bytes as they come and gives the frames in them. Keeps the connection's header decompression."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._headers = zlib.decompressobj(zdict=_DICTIONARY)
        self._data_stream = 0
        self._data_left = 0
        self._data_fin = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes.

        Raises:
            ProtocolError: the bytes are not SPDY/3.1.
        """
        self._buffer += data
        while True:
            if self._data_left:
                if not self._buffer:
                    return
                yield self._take_data()
                continue
            if len(self._buffer) < 8:
                return
            first, second = struct.unpack_from(">II", self._buffer)
            flags, length = second >> 24, second & 0xFFFFFF
            if not first >> 31:
                del self._buffer[:8]
                self._data_stream, self._data_left, self._data_fin = first, length, bool(flags & _FIN)
                if not length:
                    yield Data(first, b"", self._data_fin)
                continue
            if first >> 16 != _CONTROL | _VERSION:
                raise ProtocolError("the frame is not of SPDY version 3")
            if length > MAX_CONTROL_BYTES:
                raise ProtocolError("the control frame is too long")
            if len(self._buffer) < 8 + length:
                return
            payload = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            frame = self._control(first & 0xFFFF, flags, payload)
            if frame is not None:
                yield frame

    def _take_data(self) -> Data:
        chunk = bytes(self._buffer[: self._data_left])
        del self._buffer[: len(chunk)]
        self._data_left -= len(chunk)
        return Data(self._data_stream, chunk, self._data_fin and not self._data_left)

    def _control(self, kind: int, flags: int, payload: bytes) -> Frame | None:
        """A control frame; None for kinds that need no answer (settings, headers, window updates)."""
        try:
            if kind == _SYN_STREAM:
                (stream,) = struct.unpack_from(">I", payload)
                return Syn(stream & 0x7FFFFFFF, self._unpack(payload[10:]), bool(flags & _FIN))
            if kind == _RST_STREAM:
                stream, status = struct.unpack(">II", payload)
                return Reset(stream & 0x7FFFFFFF, status)
            if kind == _PING:
                return Ping(*struct.unpack(">I", payload))
            if kind == _GOAWAY:
                return GoAway(struct.unpack_from(">I", payload)[0] & 0x7FFFFFFF)
            if kind in (_SYN_REPLY, _HEADERS):
                self._unpack(payload[4:])  # the compression state must see every header block
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise ProtocolError(f"a control frame of type {kind} does not parse: {error}") from error
        return None

    def _unpack(self, block: bytes) -> dict[str, str]:
        plain = self._headers.decompress(block, MAX_CONTROL_BYTES)
        if self._headers.unconsumed_tail:
            raise ProtocolError("the header block is too long")
        if not plain:
            return {}
        (count,) = struct.unpack_from(">I", plain)
        headers: dict[str, str] = {}
        at = 4
        for _ in range(count):
            name, at = _text(plain, at)
            headers[name.lower()], at = _text(plain, at)
        return headers


class Encoder:
    """Makes frames. Keeps the connection's header compression, so frames must be sent in the order they were made."""

    def __init__(self) -> None:
        self._headers = zlib.compressobj(wbits=zlib.MAX_WBITS, zdict=_DICTIONARY)

    def reply(self, stream: int) -> bytes:
        """Accept a stream, without headers."""
        return _frame(_SYN_REPLY, 0, struct.pack(">I", stream) + self._pack({}))

    def syn(self, stream: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        """Open a stream."""
        return _frame(_SYN_STREAM, _FIN if fin else 0, struct.pack(">IIxx", stream, 0) + self._pack(headers))

    @staticmethod
    def data(stream: int, data: bytes, *, fin: bool = False) -> bytes:
        """A part of a stream; `fin` says that no more follows from this side."""
        return struct.pack(">II", stream, (_FIN if fin else 0) << 24 | len(data)) + data

    @staticmethod
    def reset(stream: int, *, status: int = 5) -> bytes:
        """End a stream at once; status 5 is "cancelled", 1 is "protocol error"."""
        return _frame(_RST_STREAM, 0, struct.pack(">II", stream, status))

    @staticmethod
    def ping(ping_id: int) -> bytes:
        return _frame(_PING, 0, struct.pack(">I", ping_id))

    @staticmethod
    def go_away(last_stream: int) -> bytes:
        return _frame(_GOAWAY, 0, struct.pack(">II", last_stream, 0))

    def _pack(self, headers: Mapping[str, str]) -> bytes:
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                plain += struct.pack(">I", len(text)) + text
        return self._headers.compress(plain) + self._headers.flush(zlib.Z_SYNC_FLUSH)


def _frame(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", _CONTROL | _VERSION, kind, flags << 24 | len(payload)) + payload


def _text(block: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">I", block, at)
    end = at + 4 + length
    if end > len(block):
        raise ProtocolError("a header is longer than its block")
    return block[at + 4 : end].decode(), end


_NAMES = (
    "options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,accept-language,accept-ranges,"
    "age,allow,authorization,cache-control,connection,content-base,content-encoding,content-language,"
    "content-length,content-location,content-md5,content-range,content-type,date,etag,expect,expires,from,"
    "host,if-match,if-modified-since,if-none-match,if-range,if-unmodified-since,last-modified,location,"
    "max-forwards,pragma,proxy-authenticate,proxy-authorization,range,referer,retry-after,server,te,trailer,"
    "transfer-encoding,upgrade,user-agent,vary,via,warning,www-authenticate,method,get,status,200 OK,version,"
    "HTTP/1.1,url,public,set-cookie,keep-alive,origin"
)

_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)

#: What both sides' header compression starts from (section 2.6.10.1); its Adler-32 is e3c6a7c2.
_DICTIONARY = b"".join(struct.pack(">I", len(name)) + name.encode() for name in _NAMES.split(",")) + _TAIL.encode()
