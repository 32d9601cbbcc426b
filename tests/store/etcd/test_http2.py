"""One connection to a member, against the other side of h2 in memory: what ends a call, and whether it was sent."""

from __future__ import annotations

import asyncio

import pytest
from grpclib.exceptions import GRPCError
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from hyperpy.store.etcd.call import Lost, framed
from hyperpy.store.etcd.http2 import Http2

HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


class Server(asyncio.Transport):
    """The member's side, and the transport between."""

    def __init__(self, **settings: int) -> None:
        super().__init__()
        self.client = Http2("m0:2379", secure=False)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.asked: asyncio.Queue[int] = asyncio.Queue()
        self.got: dict[int, bytes] = {}
        self.headers: dict[str, str] = {}
        self.h2.initiate_connection()
        self.h2.update_settings({SettingCodes[name]: value for name, value in settings.items()})
        self.client.connection_made(self)
        self.flush()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        for event in self.h2.receive_data(bytes(data)):
            if isinstance(event, events.RequestReceived):
                self.headers = dict(event.headers or [])
            elif isinstance(event, events.DataReceived):
                stream_id = event.stream_id or 0
                self.got[stream_id] = self.got.get(stream_id, b"") + (event.data or b"")
            elif isinstance(event, events.StreamEnded):
                self.asked.put_nowait(event.stream_id or 0)

    def abort(self) -> None:
        self.client.connection_lost(None)

    def flush(self) -> None:
        self.client.data_received(self.h2.data_to_send())

    def answer(self, stream_id: int, message: bytes, *, status: int = 0, told: str = "", piece: int = 1 << 14) -> None:
        self.h2.send_headers(stream_id, HEADERS)
        data = framed(message) if message else b""
        for at in range(0, len(data), piece):
            self.h2.send_data(stream_id, data[at : at + piece])
            self.flush()
        trailers = [("grpc-status", str(status)), ("grpc-message", told)]
        self.h2.send_headers(stream_id, trailers, end_stream=True)
        self.flush()


async def begun(server: Server, message: bytes = b"question") -> tuple[asyncio.Task[bytes], int]:
    """A call that the member has got."""
    task = asyncio.create_task(server.client.unary("/etcdserverpb.KV/Put", message))
    return task, await server.asked.get()


@pytest.mark.parametrize("piece", [1, 7, 1 << 14])
async def test_an_answer_comes_in_any_pieces(piece: int) -> None:
    server = Server()
    task, stream_id = await begun(server)
    assert server.got[stream_id] == framed(b"question")
    assert (server.headers[":path"], server.headers["hasleader"]) == ("/etcdserverpb.KV/Put", "true")
    server.answer(stream_id, b"answer" * 9, piece=piece)
    assert await task == b"answer" * 9


async def test_a_refusal_is_raised_with_its_text() -> None:
    server = Server()
    task, stream_id = await begun(server)
    server.answer(stream_id, b"", status=7, told="etcdserver: permission denied%21")
    with pytest.raises(GRPCError, match="permission denied!"):
        await task


@pytest.mark.parametrize(("last", "sent"), [(0, False), (1, True)], ids=["not taken", "perhaps taken"])
async def test_a_member_that_is_going_away_says_which_calls_it_did_not_take(last: int, sent: bool) -> None:
    server = Server()
    task, _ = await begun(server)
    server.h2.close_connection(last_stream_id=last)
    server.flush()
    with pytest.raises(Lost) as told:
        await task
    assert told.value.sent is sent
    with pytest.raises(Lost) as later:
        await server.client.unary("/etcdserverpb.KV/Put", b"")
    assert not later.value.sent


@pytest.mark.parametrize(("code", "sent"), [(ErrorCodes.REFUSED_STREAM, False), (ErrorCodes.INTERNAL_ERROR, True)])
async def test_a_call_that_is_broken_off_was_sent_unless_it_was_refused(code: ErrorCodes, sent: bool) -> None:
    server = Server()
    task, stream_id = await begun(server)
    server.h2.reset_stream(stream_id, code)
    server.flush()
    with pytest.raises(Lost) as told:
        await task
    assert told.value.sent is sent


async def test_a_large_message_waits_for_room_and_then_goes_on() -> None:
    server = Server(INITIAL_WINDOW_SIZE=1000)
    task = asyncio.create_task(server.client.unary("/etcdserverpb.KV/Put", b"x" * 2500))
    while len(server.got.get(1, b"")) < 1000:
        await asyncio.sleep(0)
    server.h2.increment_flow_control_window(3000, 1)
    server.flush()
    stream_id = await server.asked.get()
    assert server.got[stream_id] == framed(b"x" * 2500)
    server.answer(stream_id, b"done")
    assert await task == b"done"


async def test_a_caller_that_gives_up_ends_the_call_and_leaves_the_connection() -> None:
    server = Server()
    task, _ = await begun(server)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    task, stream_id = await begun(server)
    server.answer(stream_id, b"well")
    assert await task == b"well"
