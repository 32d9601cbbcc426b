"""Messages with descriptors over a socket, whole or in pieces."""

import asyncio
import json
import os
import socket
import struct

import pytest

from hyperpy.runtime.embedded import wire


class Side:
    def __init__(self, loop, connection):
        self.messages = asyncio.Queue()
        self.ended = asyncio.Event()
        self.link = wire.Link(
            loop,
            connection,
            on_message=lambda message, handles: self.messages.put_nowait((message, handles)),
            on_end=lambda reason: self.ended.set(),
        )


@pytest.fixture
async def pair():
    loop = asyncio.get_running_loop()
    sides = [Side(loop, connection) for connection in socket.socketpair()]
    yield sides
    for side in sides:
        side.link.close()


async def test_messages_arrive_in_order_with_their_descriptors(pair):
    here, there = pair
    read_end, write_end = os.pipe()
    here.link.send({"id": 1})
    here.link.send({"id": 2}, [write_end])
    here.link.send({"id": 3, "text": "x" * 1_000_000})
    async with asyncio.timeout(5):
        assert await there.messages.get() == ({"id": 1}, [])
        message, (handle,) = await there.messages.get()
        assert message == {"id": 2}
        assert not os.get_inheritable(handle)
        os.write(handle, b"through")
        os.close(handle)
        assert (await there.messages.get())[0]["id"] == 3
    assert os.read(read_end, 100) == b"through"
    # The sender's own copy is closed, so this is the end.
    assert os.read(read_end, 100) == b""
    os.close(read_end)


async def test_the_end_of_one_side_is_seen_by_the_other(pair):
    here, there = pair
    here.link.close()
    async with asyncio.timeout(5):
        await there.ended.wait()


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(struct.pack("!I", wire.MAX_BYTES + 1), id="too long"),
        pytest.param(struct.pack("!I", 4) + b"nope", id="no JSON"),
        pytest.param(struct.pack("!I", 2) + b"[]", id="no object"),
        pytest.param(wire.pack({"handles": 2}), id="missing descriptors"),
    ],
)
async def test_a_broken_peer_is_cut_off(garbage):
    ours, theirs = socket.socketpair()
    side = Side(asyncio.get_running_loop(), ours)
    theirs.sendall(garbage)
    async with asyncio.timeout(5):
        await side.ended.wait()
    assert side.messages.empty()
    theirs.close()


async def test_a_peer_that_does_not_read_is_cut_off():
    ours, theirs = socket.socketpair()
    side = Side(asyncio.get_running_loop(), ours)
    for _ in range(40):
        side.link.send({"text": "x" * 1_000_000})
    assert side.ended.is_set()
    theirs.close()


async def test_a_message_in_pieces_is_put_together():
    ours, theirs = socket.socketpair()
    side = Side(asyncio.get_running_loop(), ours)
    for byte in wire.pack({"id": 7}):
        theirs.send(bytes([byte]))
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await side.messages.get() == ({"id": 7}, [])
    side.link.close()
    theirs.close()


def test_a_message_says_its_length():
    packed = wire.pack({"a": 1})
    assert struct.unpack("!I", packed[:4])[0] == len(packed) - 4
    assert json.loads(packed[4:]) == {"a": 1}
