"""An exec or attach of a CRI runtime as a `Process`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from hyperpy.runtime.cri import spdy
from hyperpy.runtime.protocol import Output, RuntimeFailure

_OUTPUTS = {"stdout": 1, "stderr": 2}
#: What a shell returns for a program that is not there, and for one that cannot be run.
_NOT_FOUND, _CANNOT_RUN = 127, 126


class StreamedProcess:
    """A `Process` over the streams of a runtime's streaming server.

    Args:
        wait: gives the exit code once the streams have ended; None: the server's status tells it.
    """

    def __init__(self, streams: spdy.Streams, *, wait: Callable[[], Awaitable[int]] | None = None) -> None:
        self._streams = streams
        self._wait = wait
        self._status = b""
        self._ended = False

    async def read(self) -> Output | None:
        while not self._ended:
            part = await self._streams.read()
            if part is None:
                return self._end()
            if part.stream == "error":
                # The server writes one status, after all output.
                self._status += part.data
                return self._end()
            if part.stream in _OUTPUTS and part.data:
                return Output(_OUTPUTS[part.stream], part.data)
        return None

    async def write(self, data: bytes) -> None:
        await self._send("stdin", data)

    async def close_stdin(self) -> None:
        try:
            await self._streams.write("stdin", b"", end=True)
        except OSError:
            pass  # the process has ended already: nobody waits for the end of its input

    async def resize(self, *, width: int, height: int) -> None:
        await self._send("resize", json.dumps({"Width": width, "Height": height}).encode() + b"\n")

    async def wait(self) -> int:
        while await self.read() is not None:
            pass  # whoever waits wants no output
        return await self._wait() if self._wait is not None else exit_code(self._status)

    async def aclose(self) -> None:
        await self._streams.aclose()

    def _end(self) -> Output | None:
        """The end of the streams; a process that was never started tells why, as a shell would."""
        self._ended = True
        told = failure(self._status) if self._wait is None else ""
        return Output(2, told.encode() + b"\n") if told else None

    async def _send(self, name: str, data: bytes) -> None:
        try:
            await self._streams.write(name, data)
        except KeyError as error:
            raise RuntimeFailure(f"the process has no {name}: it was started without") from error
        except OSError as error:
            raise RuntimeFailure("the process does not read its input any more") from error


async def connect(
    url: str, *, tty: bool, stdin: bool, wait: Callable[[], Awaitable[int]] | None = None
) -> StreamedProcess:
    """Join the streams that the runtime serves at a URL.

    Raises:
        RuntimeFailure: its streaming server does not answer, or refuses.
    """
    names = ["error", *(["stdin"] if stdin else []), "stdout", "resize" if tty else "stderr"]
    try:
        return StreamedProcess(await spdy.open_streams(url, names), wait=wait)
    except (OSError, spdy.UpgradeRefused) as error:
        raise RuntimeFailure(f"the container runtime's streaming server at {url}: {error}") from error


def exit_code(status: bytes) -> int:
    """The exit code in a server's closing Status object. Pure."""
    found = _read(status)
    if found.get("status") == "Success":
        return 0
    for cause in (found.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    return _NOT_FOUND if "not found" in str(found.get("message")) else _CANNOT_RUN


def failure(status: bytes) -> str:
    """What went wrong, when it was not the process that failed. Pure."""
    found = _read(status)
    if found.get("status") == "Success" or found.get("reason") == "NonZeroExitCode":
        return ""
    return str(found.get("message") or "the container runtime broke off the streams")


def _read(status: bytes) -> dict[str, Any]:
    try:
        found = json.loads(status or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
