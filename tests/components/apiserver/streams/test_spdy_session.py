"""SPDY sessions over a pipe in memory."""

import asyncio

import pytest

from hyperpy.components.apiserver.streams import spdy
from hyperpy.components.apiserver.streams.spdy_session import Session


class Pipe:
    """What the client sends is put in; what the server sends is collected."""

    def __init__(self):
        self.incoming = asyncio.Queue()
        self.sent = bytearray()

    async def receive(self):
        return await self.incoming.get()

    async def send(self, data):
        self.sent += data


@pytest.fixture
def pipe():
    return Pipe()


async def test_a_stream_carries_bytes_both_ways_and_ends(pipe):
    client = spdy.Encoder()
    session = Session(pipe)
    pipe.incoming.put_nowait(
        client.syn(1, {"streamType": "data"}) + client.data(1, b"hi") + client.data(1, b"", fin=True)
    )
    pipe.incoming.put_nowait(b"")
    async for stream in session.streams():
        assert stream.headers == {"streamtype": "data"}
        reading = asyncio.create_task(_all(stream))
        await stream.write(b"answer")
        await stream.close()
        await stream.close()
    assert await reading == b"hi"
    sent = list(spdy.Decoder().feed(bytes(pipe.sent)))
    assert sent == [spdy.Data(1, b"answer"), spdy.Data(1, b"", fin=True)]


async def _all(stream):
    found = b""
    while part := await stream.read():
        found += part
    return found


async def test_a_ping_is_answered(pipe):
    pipe.incoming.put_nowait(spdy.Encoder().ping(5))
    pipe.incoming.put_nowait(b"")
    assert [stream async for stream in Session(pipe).streams()] == []
    assert list(spdy.Decoder().feed(bytes(pipe.sent))) == [spdy.Ping(5)]


async def test_readers_wake_when_the_client_goes(pipe):
    pipe.incoming.put_nowait(spdy.Encoder().syn(1, {}))
    pipe.incoming.put_nowait(b"")
    streams = [stream async for stream in Session(pipe).streams()]
    assert await streams[0].read() == b""
    with pytest.raises(ConnectionError):
        await streams[0].write(b"x")


async def test_a_reset_stream_ends_alone(pipe):
    client = spdy.Encoder()
    pipe.incoming.put_nowait(client.syn(1, {}) + client.syn(3, {}) + client.reset(1) + client.data(3, b"on"))
    session = Session(pipe)
    streams = []
    async for stream in session.streams():
        streams.append(stream)
        if len(streams) == 2:
            pipe.incoming.put_nowait(client.go_away(3))
    assert await streams[0].read() == b""


@pytest.mark.parametrize("stream_id", [2, 1], ids=["even", "twice"])
async def test_a_client_cannot_open_streams_as_it_likes(pipe, stream_id):
    client = spdy.Encoder()
    pipe.incoming.put_nowait(client.syn(1, {}) + client.syn(stream_id, {}))
    with pytest.raises(spdy.ProtocolError, match="cannot open"):
        [stream async for stream in Session(pipe).streams()]
