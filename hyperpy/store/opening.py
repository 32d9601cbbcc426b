"""Opens the store that an address names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hyperpy.store.protocol import Unavailable

if TYPE_CHECKING:
    from hyperpy.store.engine.clock import Clock
    from hyperpy.store.engine.engine import Engine
    from hyperpy.store.engine.options import Options


def is_shared(where: str | Path) -> bool:
    """Whether several servers may have the store at one time."""
    return str(where).lower().startswith(("postgresql://", "postgres://"))


def sqlite_file(where: str) -> Path | None:
    """The file of an address of the form sqlite:///PATH; None: it has another form."""
    scheme, _, rest = where.partition("://")
    return Path(rest[1:]) if scheme == "sqlite" and rest.startswith("/") else None


async def open_store(
    where: str | Path, *, options: Options | None = None, clock: Clock | None = None, wait_s: float = 0.0
) -> Engine:
    """Open a store, making it when there is none. The caller closes it.

    Args:
        where: the path of a SQLite file, `sqlite:///PATH`, or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
        clock: what timers go by; the running loop when None.
        wait_s: for so long a database server that is not there yet is waited for.
    Raises:
        Unavailable: it cannot be used; says why and what to do.
    """
    address = str(where)
    scheme, separator, _ = address.partition("://")
    if is_shared(address):
        from hyperpy.store.sql import postgres

        return await postgres.open_store(address, options=options, clock=clock, wait_s=wait_s)
    if separator and scheme != "sqlite":
        raise Unavailable(f"a store at {scheme}:// is not known; give a file, sqlite:///PATH or postgresql://")
    from hyperpy.store.sql import sqlite

    return await sqlite.open_store(where, options=options, clock=clock)
