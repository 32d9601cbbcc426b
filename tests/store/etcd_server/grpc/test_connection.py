"""HTTP/2 as clients may speak it, frame by frame: padding, cut headers, little room, and rules that are broken."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from hpack import Decoder, Encoder

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd_server.grpc import frames
from hyperpy.store.etcd_server.grpc.frames import Code, Kind, Setting
from hyperpy.store.etcd_server.grpc.server import GrpcServer

MAX_BYTES = 100_000
FIELDS = [(":method", "POST"), (":scheme", "http"), ("content-type", "application/grpc"), ("te", "trailers")]


class Echo:
    """Methods that answer with what they were sent, not at all, or with an error."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

    def __mapping__(self) -> dict[str, Handler]:
        return {
            f"/test/{name}": Handler(method, Cardinality.STREAM_STREAM, pb.PutRequest, pb.PutRequest)
            for name, method in (("Echo", self._echo), ("Wait", self._wait), ("Fail", self._fail))
        }

    async def _echo(self, stream: Any) -> None:
        async for message in stream:
            await stream.send_message(message)

    async def _wait(self, stream: Any) -> None:
        try:
            self.waiting.set()
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    async def _fail(self, stream: Any) -> None:
        raise GRPCError(Status.NOT_FOUND, "no such thing: 100% ü")


class Client:
    """Writes frames, reads frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder = Encoder()
        self._decoder = Decoder()

    def send(self, *parts: bytes) -> None:
        self._writer.write(b"".join(parts))

    def headers(self, number: int, path: str, *more: tuple[str, str], flags: int = frames.END_HEADERS) -> bytes:
        block = self._encoder.encode([*FIELDS, (":path", path), *more])
        return frames.frame(Kind.HEADERS, flags, number, block)

    def block(self, path: str) -> bytes:
        return self._encoder.encode([*FIELDS, (":path", path)])

    async def frame(self, *, of: int | None = None) -> tuple[int, int, int, bytes]:
        """The next frame; of a kind, when one is named: others are passed over."""
        while True:
            head = await self._reader.readexactly(frames.HEAD_BYTES)
            kind, flags, number = struct.unpack(">BBI", head[3:])
            payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
            if of is None or kind == of:
                return kind, flags, number, payload

    async def answer(self, number: int) -> tuple[bytes, dict[str, str]]:
        """All the data of a call, and its last headers."""
        data = b""
        while True:
            kind, flags, of, payload = await self.frame()
            if of != number:
                continue
            if kind == Kind.DATA:
                data += payload
            if kind == Kind.HEADERS:
                fields = dict(self._decoder.decode(payload))
                if flags & frames.END_STREAM:
                    return data, fields

    async def ended(self) -> int:
        """The code with which the server ended the connection."""
        _, _, _, payload = await self.frame(of=Kind.GOAWAY)
        assert await self._reader.read() == b""
        return int.from_bytes(payload[4:8], "big")


@asynccontextmanager
async def connected(service: Echo) -> AsyncIterator[Client]:
    grpc = GrpcServer([service], max_bytes=MAX_BYTES)
    server = await asyncio.get_running_loop().create_server(grpc.connection, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    client = Client(reader, writer)
    client.send(frames.PREFACE, frames.settings({}))
    try:
        yield client
    finally:
        writer.close()
        server.close()
        await grpc.aclose()


def message(size: int = 10) -> bytes:
    raw = pb.PutRequest(value=b"x" * size).SerializeToString()
    return b"\0" + len(raw).to_bytes(4, "big") + raw


def data(number: int, payload: bytes, flags: int = frames.END_STREAM) -> bytes:
    return frames.frame(Kind.DATA, flags, number, payload)


async def test_a_message_comes_back_and_the_status_is_ok() -> None:
    async with connected(Echo()) as client:
        for number in (1, 3, 5):  # the second time its headers are known
            client.send(client.headers(number, "/test/Echo"), data(number, message()))
            answer, fields = await client.answer(number)
            assert answer == message() and fields["grpc-status"] == "0"


async def test_padding_and_priority_and_headers_in_parts_are_understood() -> None:
    async with connected(Echo()) as client:
        block = client.block("/test/Echo")
        first = b"\x03" + b"\0\0\0\0\x10" + block[:5] + b"\0\0\0"
        client.send(
            frames.frame(Kind.HEADERS, frames.PADDED | frames.PRIORITY, 1, first),
            frames.frame(Kind.CONTINUATION, 0, 1, block[5:9]),
            frames.frame(Kind.CONTINUATION, frames.END_HEADERS, 1, block[9:]),
            frames.frame(Kind.DATA, frames.PADDED, 1, b"\x04" + message()[:7] + b"\0" * 4),
            frames.frame(0x77, 0, 1, b"of a kind nobody knows"),
            data(1, message()[7:]),
        )
        assert await client.answer(1) == (message(), {"grpc-status": "0"})


async def test_an_answer_waits_for_room_and_is_cut_to_the_frames_of_the_client() -> None:
    async with connected(Echo()) as client:
        client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 1000}))
        client.send(client.headers(1, "/test/Echo"), *(data(1, part, 0) for part in _cut(message(50_000))))
        first = await client.frame(of=Kind.DATA)
        assert len(first[3]) == 1000
        client.send(frames.window_update(1, 20_000))
        assert [len((await client.frame(of=Kind.DATA))[3]) for _ in range(2)] == [16_384, 3_616]
        client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 100_000}), data(1, b""))
        rest, _ = await client.answer(1)
        assert 21_000 + len(rest) == len(message(50_000))


async def test_the_room_of_the_connection_is_shared_by_its_calls() -> None:
    async with connected(Echo()) as client:
        client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 1 << 20}))
        for number in (1, 3):
            client.send(client.headers(number, "/test/Echo"))
            client.send(*(data(number, part, 0) for part in _cut(message(40_000))), data(number, b""))
        seen = 0
        while seen < 65_535:
            seen += len((await client.frame(of=Kind.DATA))[3])
        assert seen == 65_535
        client.send(frames.window_update(0, 1 << 20))
        while seen < 2 * len(message(40_000)):
            seen += len((await client.frame(of=Kind.DATA))[3])
        assert seen == 2 * len(message(40_000))


async def test_room_for_requests_comes_back_as_they_are_read() -> None:
    async with connected(Echo()) as client:
        client.send(frames.window_update(0, 1 << 30), frames.settings({Setting.INITIAL_WINDOW_SIZE: 1 << 30}))
        client.send(client.headers(1, "/test/Echo"))
        given = 0
        for _ in range(30):
            client.send(*(data(1, part, 0) for part in _cut(message(90_000))))
        while given < 1 << 20:
            _, _, number, payload = await client.frame(of=Kind.WINDOW_UPDATE)
            given += int.from_bytes(payload, "big") if number == 1 else 0
        client.send(data(1, b""))


async def test_an_error_is_told_in_the_trailers() -> None:
    async with connected(Echo()) as client:
        client.send(client.headers(1, "/test/Fail"))
        _, fields = await client.answer(1)
        assert fields["grpc-status"] == "5" and fields["grpc-message"] == "no such thing: 100%25 %C3%BC"
        kind, _, number, payload = await client.frame()
        assert (kind, number, payload[-1]) == (Kind.RST_STREAM, 1, Code.NO_ERROR)


async def test_an_unknown_method_is_refused_by_name() -> None:
    async with connected(Echo()) as client:
        client.send(client.headers(1, "/test/Nothing"))
        _, fields = await client.answer(1)
        assert fields["grpc-status"] == "12" and "/test/Nothing" in fields["grpc-message"]


async def test_a_message_that_is_too_large_is_refused_by_its_head() -> None:
    async with connected(Echo()) as client:
        client.send(client.headers(1, "/test/Echo"), data(1, message(MAX_BYTES + 1)[:100], 0))
        _, fields = await client.answer(1)
        assert fields["grpc-status"] == "8" and "larger than max" in fields["grpc-message"]


@pytest.mark.parametrize(
    "payload", [b"\0\0\0\0\x02\xff\xff", b"\0\0\0\0\x09\x01", b"\x01\0\0\0\0"], ids=["garbage", "cut", "compressed"]
)
async def test_a_message_that_cannot_be_read_fails_its_call_alone(payload: bytes) -> None:
    async with connected(Echo()) as client:
        client.send(client.headers(1, "/test/Echo"), data(1, payload))
        _, fields = await client.answer(1)
        assert fields["grpc-status"] in ("12", "13")
        client.send(client.headers(3, "/test/Echo"), data(3, message()))
        assert (await client.answer(3))[1]["grpc-status"] == "0"


async def test_a_reset_cancels_the_call_and_no_other() -> None:
    service = Echo()
    async with connected(service) as client:
        client.send(client.headers(1, "/test/Wait"))
        await service.waiting.wait()
        client.send(frames.reset(1, Code.NO_ERROR))
        await service.cancelled.wait()
        client.send(client.headers(3, "/test/Echo"), data(3, message()))
        assert (await client.answer(3))[1]["grpc-status"] == "0"


async def test_a_call_whose_time_is_up_is_told_so() -> None:
    service = Echo()
    async with connected(service) as client:
        client.send(client.headers(1, "/test/Wait", ("grpc-timeout", "1m")))
        assert (await client.answer(1))[1]["grpc-status"] == str(Status.DEADLINE_EXCEEDED.value)
        assert service.cancelled.is_set()


async def test_the_call_beyond_the_hundredth_is_refused() -> None:
    async with connected(Echo()) as client:
        client.send(*(client.headers(number, "/test/Wait") for number in range(1, 203, 2)))
        kind, _, number, payload = await client.frame(of=Kind.RST_STREAM)
        assert (kind, number, payload[-1]) == (Kind.RST_STREAM, 201, Code.REFUSED_STREAM)


async def test_a_ping_is_answered_with_what_it_holds() -> None:
    async with connected(Echo()) as client:
        client.send(frames.frame(Kind.PING, 0, 0, b"12345678"))
        _, flags, _, payload = await client.frame(of=Kind.PING)
        assert flags == frames.ACK and payload == b"12345678"


class Pipe(asyncio.Transport):
    """A socket that takes nothing."""

    reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """It stays where it is."""

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def test_a_client_that_takes_no_answers_is_not_read() -> None:
    connection, pipe = GrpcServer([Echo()], max_bytes=MAX_BYTES).connection(), Pipe()
    connection.connection_made(pipe)
    connection.pause_writing()
    assert not pipe.reading
    connection.resume_writing()
    assert pipe.reading


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frames.frame(Kind.DATA, 0, 0, b""), Code.PROTOCOL_ERROR),
        (frames.frame(Kind.DATA, 0, 7, b""), Code.PROTOCOL_ERROR),
        (frames.frame(Kind.HEADERS, frames.END_HEADERS, 1, b"\xbe"), Code.COMPRESSION_ERROR),
        (frames.frame(Kind.HEADERS, frames.END_HEADERS, 2, b"\x83"), Code.PROTOCOL_ERROR),
        (frames.frame(Kind.HEADERS, frames.PADDED, 1, b"\x09"), Code.PROTOCOL_ERROR),
        (frames.frame(Kind.CONTINUATION, 0, 1, b""), Code.PROTOCOL_ERROR),
        (frames.frame(Kind.HEADERS, 0, 1, b"\x83") + frames.frame(Kind.PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
        (frames.frame(Kind.SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        (frames.frame(Kind.WINDOW_UPDATE, 0, 0, b"1"), Code.FRAME_SIZE_ERROR),
        (frames.frame(Kind.DATA, 0, 1, bytes(16_385)), Code.FRAME_SIZE_ERROR),
    ],
    ids=[
        "data-0",
        "data-of-none",
        "no-entry",
        "even",
        "padding",
        "goes-on",
        "interrupted",
        "settings",
        "window",
        "size",
    ],
)
async def test_a_broken_rule_ends_the_connection_with_its_code(sent: bytes, code: Code) -> None:
    async with connected(Echo()) as client:
        client.send(sent)
        assert await client.ended() == code


def _cut(payload: bytes) -> list[bytes]:
    return [payload[at : at + frames.MAX_FRAME] for at in range(0, len(payload), frames.MAX_FRAME)]
