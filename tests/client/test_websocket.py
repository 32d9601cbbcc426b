"""The WebSocket client: frames cut anywhere, messages in parts, pings, the end, a full socket."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.client import handshake
from hyperpy.client.websocket import FrameReader, WebSocket, WebSocketError, encode


def _frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame as servers send it."""
    first = (0x80 if final else 0) | opcode
    if len(payload) < 126:
        return struct.pack("!BB", first, len(payload)) + payload
    if len(payload) < 65536:
        return struct.pack("!BBH", first, 126, len(payload)) + payload
    return struct.pack("!BBQ", first, 127, len(payload)) + payload


def _unmask(data: bytes) -> tuple[int, bytes]:
    """One masked frame, taken apart the slow way."""
    size, start = data[1] & 0x7F, 2
    if size >= 126:
        shape, start = ("!H", 4) if size == 126 else ("!Q", 10)
        (size,) = struct.unpack_from(shape, data, 2)
    mask, body = data[start : start + 4], data[start + 4 :]
    assert data[1] & 0x80 and len(body) == size
    return data[0] & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_frames_are_found_however_the_stream_is_cut(payloads: list[bytes], step: int) -> None:
    stream = b"".join(_frame(2, payload) for payload in payloads)
    reader, found = FrameReader(), []
    for start in range(0, len(stream), step):
        found += reader.feed(stream[start : start + step])
    assert [frame.payload for frame in found] == payloads


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 100_001])
def test_what_is_sent_is_masked_and_whole(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    assert _unmask(encode(2, payload)) == (2, payload)
    (frame,) = FrameReader().feed(_frame(2, payload))
    assert (frame.payload, frame.final) == (payload, True)


def test_messages_in_parts_are_joined_and_pings_answered(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    ws = WebSocket(ours, "v5", early=_frame(2, b"first"))
    theirs.sendall(_frame(1, b"se", final=False) + _frame(9, b"hi") + _frame(0, b"cond") + _frame(8, b"\x03\xe8"))
    assert ws.receive() == [b"first", b"second"]
    assert ws.closed
    answers = theirs.recv(100)
    assert _unmask(answers[:8]) == (10, b"hi")
    assert _unmask(answers[8:]) == (8, b"\x03\xe8")
    ws.close()


def test_the_end_of_the_connection_is_seen(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    ws = WebSocket(ours, "v5")
    assert ws.receive() == []
    assert not ws.closed
    theirs.close()
    assert ws.receive() == []
    assert ws.closed


def test_a_full_socket_does_not_block(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    ws = WebSocket(ours, "v5")
    ws.send(b"x" * 4_000_000)
    assert ws.unsent > 0
    received = 0
    while ws.unsent:
        received += len(theirs.recv(1 << 20))
        ws.flush()
    ws.close()
    while chunk := theirs.recv(1 << 20):
        received += len(chunk)
    assert received == len(encode(2, b"x" * 4_000_000)) + len(encode(8, b"xx"))


@pytest.mark.parametrize("data", [encode(2, b"masked"), _frame(3, b"?"), b"\x82\x7f" + struct.pack("!Q", 1 << 40)])
def test_a_broken_stream_is_refused(ends: tuple[socket.socket, socket.socket], data: bytes) -> None:
    ours, theirs = ends
    ws = WebSocket(ours, "v5")
    theirs.sendall(data)
    with pytest.raises(WebSocketError):
        ws.receive()


def _answer(sock: socket.socket, head: str, *, key_from: bool = True) -> threading.Thread:
    def run() -> None:
        request = sock.recv(65536).decode()
        key = next(line.split(": ")[1] for line in request.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = base64.b64encode(digest).decode() if key_from else "wrong"
        sock.sendall(head.format(accept=accept).encode() + _frame(2, b"early"))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_the_handshake_tells_the_protocol_and_keeps_early_frames(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    head = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4\r\n\r\n"
    thread = _answer(theirs, head)
    ws = handshake.upgrade(ours, target="/x?y=1", headers={"Host": "h"}, protocols=("v5", "v4"))
    thread.join()
    assert (ws.protocol, ws.receive()) == ("v4", [b"early"])


def test_a_server_without_websocket_is_found_out(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    thread = _answer(theirs, "HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: {accept}\r\n\r\n", key_from=False)
    with pytest.raises(ConnectionResetError, match="does not speak WebSocket"):
        handshake.upgrade(ours, target="/", headers={}, protocols=())
    thread.join()
