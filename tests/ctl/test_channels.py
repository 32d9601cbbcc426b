"""A remote command's streams over one WebSocket: output, input, its end, back-pressure, the exit code."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest

from hyperpy.client.websocket import WebSocket
from hyperpy.commands import UserError
from hyperpy.ctl.channels import Channels, Streams, exit_code

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
OK = orjson.dumps({"status": "Success"})


class Peer:
    """The server's end of the connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")

    def send(self, channel: int, data: bytes) -> None:
        payload = bytes([channel]) + data
        self._sock.sendall(struct.pack("!BBH", 0x82, 126, len(payload)) + payload)

    def receive(self) -> tuple[int, bytes]:
        head = self._file.read(2)
        size = head[1] & 0x7F
        if size >= 126:
            (size,) = struct.unpack("!H" if size == 126 else "!Q", self._file.read(2 if size == 126 else 8))
        mask, body = self._file.read(4), self._file.read(size)
        repeated = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(body, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
        return payload[0], payload[1:]

    def close(self) -> None:
        self._file.close()
        self._sock.close()


@dataclass
class Ends:
    """Everything that a command touches."""

    ours: socket.socket
    peer: Peer
    out: int
    err: int
    out_read: int
    err_read: int

    def run(self, *, protocol: str = V5, stdin: int | None = None) -> int:
        with Channels(WebSocket(self.ours, protocol), Streams(stdin, self.out, self.err)) as channels:
            return channels.run()


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    pipes = [os.pipe() for _ in range(2)]
    (out_read, out), (err_read, err) = pipes
    peer = Peer(theirs)
    yield Ends(ours, peer, out, err, out_read, err_read)
    for fd in (out, err, out_read, err_read):
        os.close(fd)
    peer.close()
    ours.close()


def test_output_goes_to_its_stream_and_the_exit_code_is_passed_on(ends: Ends) -> None:
    ends.peer.send(1, b"out")
    ends.peer.send(2, b"err")
    causes = [{"reason": "ExitCode", "message": "7"}]
    ends.peer.send(3, orjson.dumps({"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}))
    assert ends.run() == 7
    assert (os.read(ends.out_read, 10), os.read(ends.err_read, 10)) == (b"out", b"err")


@pytest.mark.parametrize("protocol", [V5, V4])
def test_input_is_passed_on_and_its_end_where_the_protocol_can(ends: Ends, protocol: str) -> None:
    read, write = os.pipe()
    os.write(write, b"hello")
    os.close(write)
    received = []

    def serve() -> None:
        received.append(ends.peer.receive())
        if protocol == V5:
            received.append(ends.peer.receive())
        ends.peer.send(3, OK)

    thread = threading.Thread(target=serve)
    thread.start()
    assert ends.run(protocol=protocol, stdin=read) == 0
    thread.join()
    os.close(read)
    assert received == [(0, b"hello"), (255, b"\0")][: 2 if protocol == V5 else 1]


def test_a_large_file_is_sent_while_output_comes_back(ends: Ends) -> None:
    size, echoed = 3_000_000, []

    def echo() -> None:
        seen = 0
        while seen < size:
            _, data = ends.peer.receive()
            seen += len(data)
            ends.peer.send(1, data)
        ends.peer.send(3, OK)

    def drain() -> None:
        while sum(map(len, echoed)) < size:
            echoed.append(os.read(ends.out_read, 1 << 16))

    threads = [threading.Thread(target=work) for work in (echo, drain)]
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * size)
        file.seek(0)
        for thread in threads:
            thread.start()
        assert ends.run(stdin=file.fileno()) == 0
    for thread in threads:
        thread.join()
    assert sum(map(len, echoed)) == size


def test_a_lost_connection_is_an_error(ends: Ends) -> None:
    ends.peer.close()
    with pytest.raises(UserError, match="the connection ended before the command did"):
        ends.run()


def test_other_failures_are_told() -> None:
    with pytest.raises(UserError, match="no such file"):
        exit_code({"status": "Failure", "message": "exec: no such file"})
