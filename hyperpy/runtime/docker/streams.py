"""An exec or attach of the engine as a `Process`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from hyperpy.runtime.docker.engine import Engine
from hyperpy.runtime.protocol import Output, RuntimeFailure

if TYPE_CHECKING:
    from aiodocker.execs import Exec
    from aiodocker.stream import Stream

#: The engine notes an exec's exit code a moment after its streams end: looks, and the pause between them.
_LOOKS, _PAUSE_S = 100, 0.02


class EngineProcess:
    """A `Process` over one of the engine's hijacked connections.

    Args:
        wait: gives the exit code when the streams have ended.
        resize: sets width and height of the terminal.
    """

    def __init__(
        self, stream: Stream, *, wait: Callable[[], Awaitable[int]], resize: Callable[[int, int], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._wait = wait
        self._resize = resize

    async def read(self) -> Output | None:
        try:
            message = await self._stream.read_out()
        except OSError:
            return None
        return Output(message.stream, message.data) if message is not None else None

    async def write(self, data: bytes) -> None:
        try:
            await self._stream.write_in(data)
        except (OSError, AssertionError, RuntimeError) as error:
            raise RuntimeFailure("the process does not read its input any more") from error

    async def close_stdin(self) -> None:
        # aiodocker closes both directions at once; a process that reads to the end needs only its input closed.
        response = self._stream._resp
        transport = response.connection.transport if response is not None and response.connection else None
        if transport is not None and transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()

    async def resize(self, *, width: int, height: int) -> None:
        await self._resize(width, height)

    async def wait(self) -> int:
        return await self._wait()

    async def aclose(self) -> None:
        response = self._stream._resp
        if response is not None and response.connection is not None:
            await self._stream.close()


async def start_exec(prepared: Exec) -> EngineProcess:
    """Run a prepared exec.

    Raises:
        RuntimeFailure: the program cannot be run.
    """
    import aiodocker

    stream = prepared.start(detach=False)
    try:
        await stream._init()
    except (aiodocker.DockerError, OSError) as error:
        raise RuntimeFailure(str(getattr(error, "message", error))) from error

    async def wait() -> int:
        for _ in range(_LOOKS):
            found = await prepared.inspect()
            if not found["Running"] and found["ExitCode"] is not None:
                return int(found["ExitCode"])
            await asyncio.sleep(_PAUSE_S)
        raise RuntimeFailure("the process closed its streams and runs on")

    async def resize(width: int, height: int) -> None:
        await prepared.resize(h=height, w=width)

    return EngineProcess(stream, wait=wait, resize=resize)


async def start_attach(engine: Engine, container_id: str, *, stdin: bool) -> EngineProcess:
    """Join the streams of a running container.

    Raises:
        RuntimeFailure: it does not run.
    """
    import aiodocker

    stream = engine.attach(container_id, stdin=stdin)
    try:
        await stream._init()
    except (aiodocker.DockerError, OSError) as error:
        raise RuntimeFailure(str(getattr(error, "message", error))) from error

    async def resize(width: int, height: int) -> None:
        await engine.resize(container_id, width=width, height=height)

    return EngineProcess(stream, wait=lambda: engine.wait(container_id), resize=resize)
