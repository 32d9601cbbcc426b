"""Forwarding over real sockets: bytes, half-close, back-pressure, refusal, sessions."""

import asyncio
import socket

import pytest

from hyperpy.netproxy import sockets
from hyperpy.netproxy.balance import Endpoint, RoundRobin
from hyperpy.netproxy.tcp import TcpForwarder
from hyperpy.netproxy.udp import UdpForwarder


@pytest.fixture
async def forwarder():
    made = TcpForwarder(sockets.listen("TCP", "127.0.0.1", 0), RoundRobin())
    made.start()
    yield made
    await made.aclose()


def address_of(forwarder):
    return forwarder._listener.getsockname()


async def serve(handler):
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    return server, Endpoint(*server.sockets[0].getsockname())


async def test_bytes_pass_both_ways_and_half_close_is_kept(forwarder):
    async def upper_at_the_end(reader, writer):
        everything = await reader.read()
        writer.write(everything.upper())
        await writer.drain()
        writer.close()

    server, endpoint = await serve(upper_at_the_end)
    async with server:
        forwarder.set_endpoints([endpoint])
        reader, writer = await asyncio.open_connection(*address_of(forwarder))
        writer.write(b"hello " * 1000)
        writer.write_eof()
        assert await reader.read() == b"HELLO " * 1000
        writer.close()
        await writer.wait_closed()
    while forwarder.open_connections:
        await asyncio.sleep(0)


async def test_a_slow_reader_holds_the_sender_and_loses_nothing(forwarder):
    size = 8 * 1024 * 1024
    done = asyncio.Event()

    async def send_much(reader, writer):
        writer.write(bytes(size))
        await writer.drain()
        writer.close()
        done.set()

    server, endpoint = await serve(send_much)
    async with server:
        forwarder.set_endpoints([endpoint])
        reader, writer = await asyncio.open_connection(*address_of(forwarder), limit=1024)
        got = len(await reader.readexactly(1))
        assert not done.is_set()
        got += len(await reader.read())
        assert got == size
        writer.close()
        await writer.wait_closed()


async def test_an_endpoint_that_does_not_answer_is_passed_over(forwarder):
    async def hello(reader, writer):
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    unused = socket.socket()
    unused.bind(("127.0.0.1", 0))
    server, endpoint = await serve(hello)
    async with server:
        forwarder.set_endpoints([Endpoint(*unused.getsockname()), endpoint])
        for _ in range(4):
            reader, writer = await asyncio.open_connection(*address_of(forwarder))
            assert await reader.read() == b"hello"
            writer.close()
            await writer.wait_closed()
    unused.close()


async def test_without_an_endpoint_the_client_is_reset(forwarder):
    reader, writer = await asyncio.open_connection(*address_of(forwarder))
    with pytest.raises(ConnectionResetError):
        await reader.readexactly(1)
    writer.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


async def test_udp_answers_come_back_to_their_client_and_silent_sessions_end():
    loop = asyncio.get_running_loop()

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            self.transport.sendto(b"re:" + data, addr)

    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    made = UdpForwarder(sockets.listen("UDP", "127.0.0.1", 0), RoundRobin(), idle_s=0.05, max_sessions=2)
    made.set_endpoints([Endpoint(*transport.get_extra_info("sockname"))])
    made.start()
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for number, client in enumerate(clients):
        client.setblocking(False)
        await loop.sock_connect(client, made._listener.getsockname())
        await loop.sock_sendall(client, b"%d" % number)
        async with asyncio.timeout(5):
            assert await loop.sock_recv(client, 100) == b"re:%d" % number
    assert len(made._sessions) == 2
    async with asyncio.timeout(5):
        while made._sessions:
            await asyncio.sleep(0.01)
    for client in clients:
        client.close()
    await made.aclose()
    transport.close()
