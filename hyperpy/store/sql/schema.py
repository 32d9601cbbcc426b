"""The tables of the SQL store and their migrations, and the statements of its hot path rendered once to text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement

METADATA = MetaData()

# The revision log: one row a change, `position` in order of commit. `value` NULL is a deletion (version 0);
# `prev_revision` is the row that this one replaced, 0 for a new key. `checksum` is over all the rest but the position
# (see `rows`), for neither SQLite nor a PostgreSQL of the usual make notices a bit that its disk has flipped; NULL in
# rows from before schema version 2.
CHANGES = Table(
    "changes",
    METADATA,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary),
    Column("create_revision", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("lease", BigInteger, nullable=False),
    Column("prev_revision", BigInteger, nullable=False),
    Column("checksum", BigInteger),
    UniqueConstraint("key", "revision"),
    Index("changes_revision", "revision"),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("ttl_s", BigInteger, nullable=False),
)

# schema_version; floor: history below it is forgotten; swept: up to it the rows are gone too.
META = Table(
    "meta",
    METADATA,
    Column("name", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

ROW = (
    CHANGES.c.revision,
    CHANGES.c.key,
    CHANGES.c.value,
    CHANGES.c.create_revision,
    CHANGES.c.version,
    CHANGES.c.lease,
    CHANGES.c.prev_revision,
    CHANGES.c.checksum,
)


class NewerSchema(Exception):
    """The file was written by a later version of this program."""


class ForeignFile(Exception):
    """A database, but not one of ours."""


def _create(connection: Connection) -> None:
    METADATA.create_all(connection, checkfirst=False)
    for name in ("schema_version", "floor", "swept"):
        connection.execute(insert(META).values(name=name, number=0))


def _add_checksums(connection: Connection) -> None:
    connection.exec_driver_sql(f"ALTER TABLE {CHANGES.name} ADD COLUMN checksum BIGINT")


# Entry n brings a file of schema version n + 1 to n + 2; an empty one gets the newest tables at once.
UPGRADES: tuple[Callable[[Connection], None], ...] = (_add_checksums,)
VERSION = 1 + len(UPGRADES)


def migrate(connection: Connection) -> None:
    """Bring a database to this program's schema; the caller holds a transaction. Raises NewerSchema, ForeignFile."""
    version = _version(connection)
    if version > VERSION:
        raise NewerSchema(f"it has schema version {version}, this program knows up to {VERSION}")
    if version == VERSION:
        return
    for step in UPGRADES[version - 1 :] if version else (_create,):
        step(connection)
    set_number(connection, "schema_version", VERSION)


def require(connection: Connection) -> None:
    """See that a database can be read: its schema is this one or an older one. Raises NewerSchema, ForeignFile."""
    version = _version(connection)
    if version > VERSION:
        raise NewerSchema(
            f"it has schema version {version}, this program knows up to {VERSION}; use the version that wrote it"
        )
    if version == 0:
        raise ForeignFile("it is not a store: it is empty")


def columns(connection: Connection) -> list[Column[Any]]:
    """Those of the log that a database has: an older one has fewer."""
    there = {each["name"] for each in inspect(connection).get_columns(CHANGES.name)}
    return [column for column in CHANGES.columns if column.name in there]


def _version(connection: Connection) -> int:
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if META.name not in tables:
        raise ForeignFile("it holds the tables of another program")
    return number(connection, "schema_version")


def number(connection: Connection, name: str) -> int:
    """One number of the meta table."""
    return int(connection.execute(select(META.c.number).where(META.c.name == name)).scalar_one())


def set_number(connection: Connection, name: str, value: int) -> None:
    """Change one number of the meta table."""
    connection.execute(update(META).where(META.c.name == name).values(number=value))


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text for the driver and the order of its parameters."""

    text: str
    names: tuple[str, ...]


def render(clause: ClauseElement, dialect: Dialect, columns: list[str] | None = None) -> Statement:
    """Compile a Core statement for direct use on the driver's connection."""
    compiled = clause.compile(dialect=dialect, column_keys=columns)
    names = getattr(compiled, "positiontup", None) or ()
    return Statement(str(compiled), tuple(names))


def insert_change(dialect: Dialect) -> Statement:
    """A row of the log, its parameters in the order of the table's columns."""
    return render(insert(CHANGES), dialect, [column.name for column in CHANGES.columns])


def insert_lease(dialect: Dialect) -> Statement:
    """A lease: id, ttl_s."""
    return render(insert(LEASES), dialect, ["id", "ttl_s"])


def delete_lease(dialect: Dialect) -> Statement:
    """A lease by id."""
    from sqlalchemy import bindparam

    return render(delete(LEASES).where(LEASES.c.id == bindparam("lease")), dialect)


def update_number(dialect: Dialect) -> Statement:
    """A number of the meta table: number, name."""
    from sqlalchemy import bindparam

    statement = update(META).where(META.c.name == bindparam("which")).values(number=bindparam("value"))
    return render(statement, dialect)
