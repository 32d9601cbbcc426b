"""Turns a connected socket into a WebSocket. Source: RFC 6455, section 4."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from collections.abc import Mapping

from hyperpy.client.websocket import WebSocket

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEAD = 64 * 1024


class Refused(Exception):
    """The server answered with something else; `status` and `body` are its answer."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"the server answered {status}")
        self.status = status
        self.body = body


def upgrade(sock: socket.socket, *, target: str, headers: Mapping[str, str], protocols: tuple[str, ...]) -> WebSocket:
    """Ask for a WebSocket. On success the socket is the WebSocket's, else it stays the caller's.

    Args:
        sock: connected and blocking.
        target: path and query.
        headers: further ones, with `Host`.
        protocols: subprotocols, the best one first.
    Raises:
        Refused: the server has answered otherwise.
        OSError: the connection broke, or what came is no answer.
    """
    key = base64.b64encode(os.urandom(16))
    fields = {
        **headers,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key.decode(),
        "Sec-WebSocket-Protocol": ", ".join(protocols),
    }
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    sock.sendall("\r\n".join(lines).encode())
    status, answer, rest = _read_head(sock)
    if status != 101:
        raise Refused(status, _read_body(sock, answer, rest))
    expected = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
    if answer.get("sec-websocket-accept") != expected:
        raise ConnectionResetError("the server does not speak WebSocket")
    return WebSocket(sock, answer.get("sec-websocket-protocol", ""), rest)


def _read_head(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers (names in lower case) and the first bytes of the body of an answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk or len(data) > _MAX_HEAD:
            raise ConnectionResetError("the server closed the connection")
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[1].isdigit():
        raise ConnectionResetError("the server does not speak HTTP")
    pairs = (line.partition(":") for line in lines)
    return int(parts[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}, rest


def _read_body(sock: socket.socket, headers: Mapping[str, str], body: bytes) -> bytes:
    """The body of a refusal, which has a length."""
    length = min(int(headers.get("content-length") or 0), _MAX_HEAD)
    while len(body) < length and (chunk := sock.recv(65536)):
        body += chunk
    return body
