"""Compacts a store that nobody uses: all history goes, and all free space is given back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, exc
from sqlalchemy.pool import StaticPool

from hyperpy.store.sql import reading, rows, schema
from hyperpy.store.sql.errors import unavailable
from hyperpy.store.sql.file_lock import FileLock
from hyperpy.store.sql.reading import Figures

_STEP_ROWS = 10_000


def compact(path: Path) -> Figures:
    """Forget everything but the live set, and make the file as small as that is.

    Returns:
        What the store holds then.
    Raises:
        Unavailable: the store is in use, or cannot be read or written.
    """
    with reading.opened(path):  # refuses what is no store of this schema
        pass
    lock = FileLock(path)
    lock.acquire()
    try:
        _compact(path)
        with reading.opened(path) as connection:
            return reading.figures(connection)
    except (exc.DBAPIError, sqlite3.Error, OSError) as error:
        raise unavailable(error, path) from error
    finally:
        lock.release()


def _compact(path: Path) -> None:
    database = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path),
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",
    )
    try:
        with database.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous = FULL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            floor = reading.figures(connection).revision
            schema.set_number(connection, "floor", floor)
            while (swept := schema.number(connection, "swept")) < floor:
                rows.sweep(connection, swept, floor, amount=_STEP_ROWS)
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.dispose()
