"""port-forward over a WebSocket: for each port in the query a data channel and an error channel (2n and 2n + 1).

The first message of each channel is the port, two bytes, little endian. The connection to the pod is made at once for
every port. Source: the kubelet's `v4.channel.k8s.io` port-forward.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from hyperpy.components.kubelet.server.remote_command import CLOSE
from hyperpy.runtime.protocol import Process, RuntimeFailure

if TYPE_CHECKING:
    from aiohttp import web

Dial = Callable[[int], Awaitable[Process]]


async def serve(socket: web.WebSocketResponse, ports: Sequence[int], dial: Dial, *, shown: str) -> None:
    """Carry connections until the client leaves or every pod side has ended.

    Args:
        dial: connects to a port of the pod.
        shown: the pod, for messages.
    """
    for index, port in enumerate(ports):
        number = struct.pack("<H", port)
        await socket.send_bytes(bytes((2 * index,)) + number)
        await socket.send_bytes(bytes((2 * index + 1,)) + number)
    connections: dict[int, Process] = {}
    for index, port in enumerate(ports):
        try:
            connections[2 * index] = await dial(port)
        except RuntimeFailure as error:
            text = f"error forwarding port {port} to pod {shown}: {error}"
            await socket.send_bytes(bytes((2 * index + 1,)) + text.encode())
    readers = {asyncio.create_task(_drain(socket, channel, process)) for channel, process in connections.items()}
    feeder = asyncio.create_task(_feed(socket, connections), name="kubelet/forward-in")
    try:
        waiting = {feeder, *readers} if readers else set()
        while waiting and not feeder.done() and not all(reader.done() for reader in readers):
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (feeder, *readers):
            task.cancel()
        await asyncio.gather(feeder, *readers, return_exceptions=True)
        for process in connections.values():
            await process.aclose()


async def _drain(socket: web.WebSocketResponse, channel: int, process: Process) -> None:
    while (output := await process.read()) is not None:
        await socket.send_bytes(bytes((channel,)) + output.data)


async def _feed(socket: web.WebSocketResponse, connections: dict[int, Process]) -> None:
    """The client's bytes to the pod; the end of its side is passed on (channel 255)."""
    from aiohttp import WSMsgType

    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, body = message.data[0], message.data[1:]
        closing = channel == CLOSE and body
        process = connections.get(body[0] if closing else channel)
        if process is None:
            continue
        try:
            if closing:
                await process.close_stdin()
            elif body:
                await process.write(body)
        except RuntimeFailure:
            continue
