"""The tables of the SQL store and their migrations, and the statements of its hot path rendered once to text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
# `prev_revision` is the row that this one replaced, 0 for a new key.
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
)


class NewerSchema(Exception):
    """The file was written by a later version of this program."""


class OlderSchema(Exception):
    """The file was written by an earlier version of this program, and is not migrated here."""


class ForeignFile(Exception):
    """A database, but not one of ours."""


def _create(connection: Connection) -> None:
    METADATA.create_all(connection, checkfirst=False)
    for name in ("schema_version", "floor", "swept"):
        connection.execute(insert(META).values(name=name, number=0))


# Entry n brings a file of schema version n to n + 1.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create,)
VERSION = len(MIGRATIONS)


def migrate(connection: Connection) -> None:
    """Bring a database to this program's schema; the caller holds a transaction. Raises NewerSchema, ForeignFile."""
    version = _version(connection)
    if version > VERSION:
        raise NewerSchema(f"it has schema version {version}, this program knows up to {VERSION}")
    if version == VERSION:
        return
    for step in MIGRATIONS[version:]:
        step(connection)
    set_number(connection, "schema_version", VERSION)


def require(connection: Connection) -> None:
    """See that a database has this schema already. Raises NewerSchema, OlderSchema, ForeignFile."""
    version = _version(connection)
    if version > VERSION:
        raise NewerSchema(
            f"it has schema version {version}, this program knows up to {VERSION}; use the version that wrote it"
        )
    if version == 0:
        raise ForeignFile("it is not a store: it is empty")
    if version < VERSION:
        raise OlderSchema(f"it has schema version {version}, not yet {VERSION}; start a server on it once")


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
