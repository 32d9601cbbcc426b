"""A look into a store's SQLite file from outside, while a server may be writing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, exc, text
from sqlalchemy.pool import StaticPool

from hyperpy.store.protocol import Unavailable
from hyperpy.store.sql import schema
from hyperpy.store.sql.errors import unavailable

_BUSY_S = 5.0

_NEWEST = "SELECT count(*), coalesce(max(revision), 0) FROM changes"
_KEYS = """
SELECT count(*) FROM changes JOIN (SELECT key, max(revision) AS revision FROM changes GROUP BY key) AS newest
    ON changes.key = newest.key AND changes.revision = newest.revision WHERE changes.value IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a log holds. `floor`: history below it is forgotten; `swept`: up to there its rows are gone too."""

    revision: int
    floor: int
    swept: int
    keys: int
    changes: int


def uri(path: Path) -> str:
    """How SQLite is told to open a file for reading only."""
    return f"file:{quote(str(path.absolute()))}?mode=ro"


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """The file, for reading; never more than that, so nothing that happens here can harm it.

    Raises:
        Unavailable: there is no such file, it is no store of ours or of a later version, or it cannot be read; so does
            what is done with it.
    """
    if not path.is_file():
        raise Unavailable(f"there is no file {path}; check the path")
    database = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri(path), uri=True, timeout=_BUSY_S),
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",
    )
    try:
        with database.connect() as connection:
            schema.require(connection)
            yield connection
    except (schema.NewerSchema, schema.ForeignFile) as error:
        raise Unavailable(f"the store {path} cannot be used: {error}") from error
    except (exc.DBAPIError, sqlite3.Error, OSError) as error:
        raise unavailable(error, path) from error
    finally:
        database.dispose()


def figures(connection: Connection) -> Figures:
    """Count what the log holds; the caller sees to it that it is all of one moment."""
    floor = schema.number(connection, "floor")
    changes, newest = connection.execute(text(_NEWEST)).one()
    keys = connection.execute(text(_KEYS)).scalar_one()
    return Figures(max(1, floor, newest), floor, schema.number(connection, "swept"), keys, changes)


def schema_version(connection: Connection) -> int:
    """The version of the file's tables."""
    return schema.number(connection, "schema_version")


def free_bytes(connection: Connection) -> int:
    """Bytes of the file that hold nothing and are filled again before it grows."""
    free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    page_bytes = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    return int(free * page_bytes)
