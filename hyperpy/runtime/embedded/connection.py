"""The kubelet's side of the shim's socket: calls with answers, events, exits of extra processes."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperpy.runtime.embedded import wire
from hyperpy.runtime.protocol import NoSuchContainer, RuntimeFailure, RuntimeUnavailable

_END_S = 20.0
_LOST = "the shim of the embedded runtime was lost during the call"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shim answered. `handle` is a descriptor that now belongs to the caller, -1 for none."""

    body: dict[str, Any] = field(default_factory=dict)
    handle: int = -1
    number: int = 0


class Connection:
    """One connection. Ends when either side closes it; calls under way then fail.

    Args:
        on_event: gets every event, in the order of things.
        on_lost: called once at the end with this connection.
    """

    def __init__(self, *, on_event: Callable[[dict[str, Any]], None], on_lost: Callable[[Connection], None]) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Answer]] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._link: wire.Link | None = None
        self._shim_pid = 0

    @property
    def open(self) -> bool:
        """Whether calls can be made."""
        return self._link is not None

    async def connect(self, root: Path) -> None:
        """Connect to the shim that serves `root`.

        Raises:
            ConnectionRefusedError, FileNotFoundError: none does.
            RuntimeUnavailable: somebody else listens there.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # By way of the directory's descriptor, because a socket's path may have 107 bytes only.
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{directory}/shim.sock")
        except BaseException:
            connection.close()
            raise
        finally:
            os.close(directory)
        self._shim_pid, user = wire.peer(connection)
        if user not in (0, os.geteuid()):
            connection.close()
            raise RuntimeUnavailable(f"{root / 'shim.sock'} belongs to another user; remove it")
        loop = asyncio.get_running_loop()
        self._link = wire.Link(loop, connection, on_message=self._take, on_end=self._end)

    async def call(self, operation: str, target: str = "", *, handles: Sequence[int] = (), **fields: Any) -> Answer:
        """Ask and wait for the answer. The descriptors are sent and closed here.

        Raises:
            NoSuchContainer: the shim does not know the target.
            RuntimeFailure: it refuses, or was lost.
        """
        if self._link is None:
            wire.close_all(handles)
            raise RuntimeFailure(_LOST)
        number = next(self._numbers)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._calls[number] = future
        if operation == "exec":
            self._exits[number] = asyncio.get_running_loop().create_future()
        self._link.send({"id": number, "op": operation, "target": target, **fields}, handles)
        try:
            return await future
        except BaseException:
            self._exits.pop(number, None)
            raise
        finally:
            self._calls.pop(number, None)

    async def end_shim(self, operation: str) -> None:
        """Make a call that ends the shim, and wait until its process is gone.

        Raises:
            RuntimeFailure: it refuses, or does not end.
        """
        process = os.pidfd_open(self._shim_pid)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(process, ended.set)
        try:
            await self.call(operation)
            async with asyncio.timeout(_END_S):
                await ended.wait()
        except TimeoutError as error:
            raise RuntimeFailure(f"the shim (process {self._shim_pid}) does not end") from error
        finally:
            loop.remove_reader(process)
            os.close(process)

    async def exit_of(self, number: int) -> int:
        """The exit code of the process that the `exec` call of this number started (negative: a signal).

        Raises:
            RuntimeFailure: the shim was lost before.
        """
        return await asyncio.shield(self._exits[number])

    def forget(self, number: int) -> None:
        """Nobody will ask for that exit code any more."""
        future = self._exits.pop(number, None)
        if future is not None and not future.done():
            future.cancel()
        elif future is not None and not future.cancelled():
            # Looked at, so that it is not reported as never retrieved.
            future.exception()

    def close(self) -> None:
        """End the connection."""
        if self._link is not None:
            self._link.close()

    def _take(self, message: dict[str, Any], handles: list[int]) -> None:
        if "event" in message:
            self._on_event(message["event"])
        elif "exit" in message:
            exited = self._exits.get(message["exit"])
            if exited is not None and not exited.done():
                exited.set_result(message["code"])
        else:
            self._answer(message, handles)

    def _answer(self, message: dict[str, Any], handles: list[int]) -> None:
        call = self._calls.get(message["id"])
        if call is None or call.done():
            wire.close_all(handles)
        elif "error" in message:
            kind = NoSuchContainer if message.get("missing") else RuntimeFailure
            call.set_exception(kind(message["error"]))
        else:
            call.set_result(Answer(message["ok"], handles[0] if handles else -1, message["id"]))

    def _end(self, reason: str) -> None:
        self._link = None
        text = f"{_LOST} ({reason})" if reason else _LOST
        futures: list[asyncio.Future[Any]] = [*self._calls.values(), *self._exits.values()]
        for future in futures:
            if not future.done():
                future.set_exception(RuntimeFailure(text))
                # Looked at, so that one nobody waits for is not reported.
                future.exception()
        self._on_lost(self)
