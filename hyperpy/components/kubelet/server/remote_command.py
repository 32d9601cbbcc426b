"""exec and attach over a WebSocket: channels 0 stdin, 1 stdout, 2 stderr, 3 error (a Status), 4 terminal size.

`v5.channel.k8s.io` adds channel 255, whose one byte names a channel that its sender has closed (KEP-4006).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from hyperpy.runtime.protocol import Process, RuntimeFailure

if TYPE_CHECKING:
    from aiohttp import web

Obj = dict[str, Any]

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
SUCCESS: Obj = {"metadata": {}, "status": "Success"}


@dataclass(frozen=True, slots=True)
class Streams:
    """Which streams the client wants."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool


async def serve(socket: web.WebSocketResponse, process: Process, wanted: Streams) -> None:
    """Join a process and a client until one of them ends, and tell how it ended. The process is closed."""
    incoming = asyncio.create_task(_feed(socket, process, wanted), name="kubelet/stream-in")
    try:
        # An empty message tells the client that the streams are joined.
        await socket.send_bytes(bytes((STDOUT if wanted.stdout else STDERR if wanted.stderr else ERROR,)))
        outgoing = asyncio.create_task(_drain(socket, process, wanted), name="kubelet/stream-out")
        await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
        if outgoing.done():
            outgoing.result()
            await _say(socket, await _result(process))
        else:
            outgoing.cancel()
            await asyncio.gather(outgoing, return_exceptions=True)
    except ConnectionError:
        pass  # the client has gone; the process is let go below
    finally:
        incoming.cancel()
        await asyncio.gather(incoming, return_exceptions=True)
        await process.aclose()


async def _drain(socket: web.WebSocketResponse, process: Process, wanted: Streams) -> None:
    while (output := await process.read()) is not None:
        if output.data and (wanted.stdout if output.stream == STDOUT else wanted.stderr):
            await socket.send_bytes(bytes((output.stream,)) + output.data)


async def _feed(socket: web.WebSocketResponse, process: Process, wanted: Streams) -> None:
    """The client's messages, until it leaves. What is written to a process that reads no more is dropped."""
    from aiohttp import WSMsgType

    async for message in socket:
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY) or not data:
            continue
        channel, body = data[0], data[1:]
        try:
            if channel == STDIN and wanted.stdin and body:
                await process.write(body)
            elif channel == CLOSE and body[:1] == bytes((STDIN,)):
                await process.close_stdin()
            elif channel == RESIZE and wanted.tty:
                await _resize(process, body)
        except RuntimeFailure:
            continue


async def _resize(process: Process, body: bytes) -> None:
    try:
        size = orjson.loads(body)
        width, height = int(size["Width"]), int(size["Height"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return
    if width > 0 and height > 0:
        await process.resize(width=width, height=height)


async def _result(process: Process) -> Obj:
    try:
        code = await process.wait()
    except RuntimeFailure as error:
        return failure(str(error))
    return SUCCESS if code == 0 else exit_status(code)


async def _say(socket: web.WebSocketResponse, status: Obj) -> None:
    await socket.send_bytes(bytes((ERROR,)) + orjson.dumps(status))


def exit_status(code: int) -> Obj:
    """The Status of a command that failed; clients take the exit code from its causes."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure(message: str) -> Obj:
    """The Status of what could not be done."""
    return {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}
