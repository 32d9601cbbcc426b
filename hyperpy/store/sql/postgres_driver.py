"""asyncpg: connections to a PostgreSQL server, made when they are needed and again after they were lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc

from hyperpy.store.protocol import Unavailable
from hyperpy.store.sql.postgres_address import Address
from hyperpy.store.sql.postgres_errors import lost, unavailable

if TYPE_CHECKING:
    import asyncpg

_CONNECT_S = 10.0
_CALL_S = 10.0
_CLOSE_S = 2.0
_KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


def _settings(call_s: float) -> dict[str, str]:
    return {
        "application_name": "hyperpy",
        "default_transaction_isolation": "read committed",
        # A server that stands still in its turn is thrown out by the database, so that the others go on.
        "idle_in_transaction_session_timeout": str(int(call_s * 1000)),
        "lock_timeout": "8000",
    }


async def connect(address: Address, *, call_s: float = _CALL_S) -> asyncpg.Connection[Any]:
    """A connection to a server that takes writes. The caller closes it.

    Args:
        call_s: seconds that a statement may take, and that a transaction may stand still.
    Raises:
        Unavailable: there is none to be had.
    """
    try:
        import asyncpg
    except ImportError:
        raise Unavailable(
            "a store in PostgreSQL needs the package asyncpg; install it by `pip install hyperpy[postgres]`"
        ) from None
    with told(address):
        connection = await asyncpg.connect(
            address.dsn,
            timeout=_CONNECT_S,
            command_timeout=call_s,
            server_settings=_settings(call_s),
            target_session_attrs="read-write",
        )
    _notice_silence(connection)
    return connection


def _notice_silence(connection: asyncpg.Connection[Any]) -> None:
    """Let the kernel find out that the server's machine is gone: one that only listens would never know."""
    # The driver has no option for it.
    transport = connection._transport
    there = transport.get_extra_info("socket")
    if there is not None and there.family != socket.AF_UNIX:
        there.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE.items():
            if hasattr(socket, option):
                there.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


@contextmanager
def told(address: Address, *, unsure: bool = False) -> Iterator[None]:
    """Failures of the driver as Unavailable; see `postgres_errors.unavailable`."""
    import asyncpg

    try:
        yield
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        exc.SQLAlchemyError,
        OSError,
        ValueError,
    ) as error:
        raise unavailable(error, address, unsure=unsure) from error


class Session:
    """One connection, for one call at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: asyncpg.Connection[Any] | None = None
        self._busy = asyncio.Lock()

    @asynccontextmanager
    async def use(self, *, unsure: bool = False) -> AsyncIterator[asyncpg.Connection[Any]]:
        """The connection, made when there is none. Raises Unavailable for what fails in the block, too.

        Args:
            unsure: the block commits what it writes.
        """
        async with self._busy:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(self._address)
            connection = self._connection
            try:
                with told(self._address, unsure=unsure):
                    yield connection
            except Unavailable as error:
                if error.__cause__ is not None and lost(error.__cause__):
                    connection.terminate()
                raise

    async def aclose(self) -> None:
        """Say goodbye where the server listens, else hang up."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with suppress(Unavailable), told(self._address):
                await connection.close(timeout=_CLOSE_S)
        finally:
            connection.terminate()


async def listen(address: Address, channel: str, heard: Callable[[str], None], *, ready: Callable[[], None]) -> None:
    """Listen on a channel until the connection is lost.

    Args:
        heard: called with the payload of each notification.
        ready: called once everything that is notified from now on will be heard.
    Raises:
        Unavailable: there is no connection to be had.
    """
    connection = await connect(address)
    try:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        with told(address):
            await connection.add_listener(channel, lambda *said: heard(str(said[3])))
        ready()
        await ended.wait()
    finally:
        connection.terminate()
