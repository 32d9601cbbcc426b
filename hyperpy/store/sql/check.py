"""The rules that a log in a SQL database keeps: what breaks one is told in a line.

One query a rule, for SQLite and PostgreSQL. A rule speaks of what must hold after every commit and every step of a
sweep, so a running store keeps it as well as a copy does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, exc, inspect, select, text

from hyperpy.store.sql import schema
from hyperpy.store.sql.rows import Damaged, pair_of
from hyperpy.store.sql.schema import META

_LINES = 20  # of one rule; more of the same say no more


@dataclass(frozen=True, slots=True)
class Rule:
    """`query` finds what breaks it; `line` tells it, with the query's columns."""

    query: str
    line: str


_SWEPT = "(SELECT number FROM meta WHERE name = 'swept')"
_FLOOR = "(SELECT number FROM meta WHERE name = 'floor')"

_RULES = (
    Rule(
        f"SELECT {_SWEPT} AS swept, {_FLOOR} AS floor FROM meta WHERE name = 'floor' AND {_SWEPT} > {_FLOOR}",
        "history is swept up to revision {swept}, beyond the floor {floor}",
    ),
    Rule(
        """SELECT position, revision, before FROM (
            SELECT position, revision, lag(revision) OVER (ORDER BY position) AS before FROM changes) AS log
        WHERE revision < before""",
        "position {position}: revision {revision} stands behind revision {before}",
    ),
    Rule(
        "SELECT position, revision FROM changes WHERE revision < 1 OR position < 1",
        "position {position}: revision {revision} is not possible",
    ),
    Rule(
        """SELECT key, revision, version, create_revision FROM changes WHERE CASE
            WHEN value IS NULL THEN version <> 0 OR create_revision <> 0 OR prev_revision = 0
            WHEN prev_revision = 0 THEN version <> 1 OR create_revision <> revision
            ELSE version < 2 OR create_revision >= revision OR prev_revision >= revision END""",
        "{key} at revision {revision}: version {version} and creation at {create_revision} are not possible there",
    ),
    Rule(
        f"""SELECT key, revision, prev_revision, coalesce(before, 0) AS before FROM (
            SELECT key, revision, prev_revision, lag(revision) OVER history AS before,
                lag(CASE WHEN value IS NULL THEN 1 ELSE 0 END) OVER history AS deleted
            FROM changes WINDOW history AS (PARTITION BY key ORDER BY revision)) AS log
        WHERE CASE
            WHEN before IS NULL THEN prev_revision <> 0 AND revision > {_SWEPT}
            WHEN deleted = 1 THEN prev_revision <> 0
            ELSE prev_revision <> before END""",
        "{key} at revision {revision} says it replaced revision {prev_revision}, but the one before is {before}",
    ),
    Rule(
        """SELECT newer.key AS key, newer.revision AS revision, newer.version AS version,
            newer.create_revision AS create_revision
        FROM changes AS newer JOIN changes AS older
            ON older.key = newer.key AND older.revision = newer.prev_revision
        WHERE newer.prev_revision > 0 AND newer.value IS NOT NULL
            AND (newer.version <> older.version + 1 OR newer.create_revision <> older.create_revision)""",
        "{key} at revision {revision}: version {version} and creation at {create_revision} do not follow from before",
    ),
    Rule(
        f"""SELECT older.key AS key, older.revision AS revision, newer.revision AS newer
        FROM changes AS newer JOIN changes AS older
            ON older.key = newer.key AND older.revision = newer.prev_revision
        WHERE newer.prev_revision > 0 AND newer.revision <= {_SWEPT}""",
        "{key} at revision {revision} was replaced at {newer}, which is swept, and is still there",
    ),
    Rule(
        f"SELECT key, revision FROM changes WHERE value IS NULL AND revision < {_SWEPT}",
        "{key}: the deletion at revision {revision} is swept and still there",
    ),
    Rule(
        """SELECT key, revision, lease FROM changes AS bound WHERE value IS NOT NULL AND lease <> 0
            AND NOT EXISTS (SELECT 1 FROM leases WHERE id = lease)
            AND NOT EXISTS (SELECT 1 FROM changes AS newer WHERE newer.key = bound.key
                AND newer.revision > bound.revision)""",
        "{key} at revision {revision} is bound to lease {lease}, which does not exist",
    ),
    Rule("SELECT id, ttl_s FROM leases WHERE ttl_s < 1", "lease {id} lives for {ttl_s} s"),
)

# Above the floor no row is ever deleted. In PostgreSQL other records than changes have positions too.
_DENSE = Rule(
    f"""SELECT position, before FROM (
        SELECT position, lag(position) OVER (ORDER BY position) AS before FROM changes WHERE revision > {_FLOOR}) AS log
    WHERE position <> before + 1""",
    "position {position}: what stood between {before} and it is missing",
)

_NUMBERS = ("schema_version", "floor", "swept")


def findings(connection: Connection) -> Iterator[str]:
    """What breaks a rule, a line each. The caller sees to it that all queries look at one moment."""
    for name in _NUMBERS:
        count = connection.execute(text("SELECT count(*) FROM meta WHERE name = :name"), {"name": name}).scalar_one()
        if count != 1:
            yield f"the table {META.name} has {count} rows named {name}"
            return
    dense = () if inspect(connection).has_table("marks") else (_DENSE,)
    for rule in (*_RULES, *dense):
        for row in islice(connection.execute(text(rule.query)), _LINES):
            yield rule.line.format(**{name: _shown(value) for name, value in row._mapping.items()})
    yield from islice(_altered(connection), _LINES)


def _altered(connection: Connection) -> Iterator[str]:
    """Rows that are not what was written; those of an older schema carry no checksum."""
    if len(schema.columns(connection)) < len(schema.CHANGES.columns):
        return
    for row in connection.execute(select(*schema.ROW).order_by(schema.CHANGES.c.position)):
        try:
            pair_of(row)
        except Damaged as error:
            yield str(error)


def damage(connection: Connection) -> Iterator[str]:
    """What SQLite itself finds wrong with the file's pages and indexes."""
    for (line,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_LINES})"):
        if line != "ok":
            yield f"the file is damaged: {line}"


def all_findings(connection: Connection) -> Iterator[str]:
    """Both, for a SQLite file; of a damaged one as far as it can be read."""
    try:
        found = False
        for line in damage(connection):
            found = True
            yield line
        if not found:  # what is read past damage says nothing
            yield from findings(connection)
    except exc.DBAPIError as error:
        yield f"the file is damaged: {error.orig}"


def _shown(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
