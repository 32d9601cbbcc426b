"""What a log in PostgreSQL has beside the tables of `schema`, and the statements of its hot path."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, MetaData, String, Table, insert, select

from hyperpy.store.sql import schema
from hyperpy.store.sql.schema import META

METADATA = MetaData()

# Records that are not changes, in one count of positions with these. `revision`: the newest one before the record.
# granted: number and ttl_s of a lease; revoked: number of a lease; floor: number is the revision.
MARKS = Table(
    "marks",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("ttl_s", BigInteger, nullable=False),
    Index("marks_revision", "revision"),
)

# When each lease ends, by the database's clock.
DEADLINES = Table(
    "deadlines",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("ends", DateTime(timezone=True), nullable=False),
)

# An index entry has to fit into a third of a page of 8 KiB, beside a number.
MAX_KEY_BYTES = 2600
OLDEST_SERVER = 13
CHANNEL = "hyperpy_log"
# Advisory locks, by two numbers that are ours.
MIGRATING = (0x68797065, 1)
SWEEPING = (0x68797065, 2)


def _create(connection: Connection) -> None:
    METADATA.create_all(connection, checkfirst=False)
    connection.execute(insert(META).values(name="position", number=0))


# Entry n brings these tables from version n to n + 1; those of `schema` are there before.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_create,)
VERSION = len(MIGRATIONS)


def migrate(connection: Connection) -> None:
    """Bring a database to this program's schema; the caller holds a transaction and the lock.

    Raises NewerSchema, ForeignFile.
    """
    schema.migrate(connection)
    known = connection.execute(select(META.c.number).where(META.c.name == "shared_version")).scalar()
    if known is None:
        known = 0
        connection.execute(insert(META).values(name="shared_version", number=0))
    if known > VERSION:
        raise schema.NewerSchema(f"its shared log has version {known}, this program knows up to {VERSION}")
    for step in MIGRATIONS[known:]:
        step(connection)
    if known < VERSION:
        schema.set_number(connection, "shared_version", VERSION)


# The whole of a commit in one statement, which is its own transaction: the row with the position is the log's lock, and
# when somebody else has moved it nothing happens. $1 is the position before, $2 the one after; then a column each.
APPEND = f"""
WITH turn AS (UPDATE meta SET number = $2 WHERE name = 'position' AND number = $1 RETURNING number),
written AS (
    INSERT INTO changes (position, revision, key, value, create_revision, version, lease, prev_revision,
        checksum)
    SELECT change.* FROM turn, unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bigint[], $8::bigint[],
        $9::bigint[], $10::bigint[], $11::bigint[]) AS change)
SELECT pg_notify('{CHANNEL}', number::text) FROM turn"""

NEWEST = "SELECT number FROM meta WHERE name = 'position'"
TAKE_TURN = "SELECT number FROM meta WHERE name = 'position' FOR UPDATE"

# One statement, so that all of it is of one moment. $1: after this position; $2: up to this one.
PULL = """
SELECT name AS kind, 0 AS position, number AS revision, NULL::bytea AS key, NULL::bytea AS value,
    0::bigint AS create_revision, 0::bigint AS version, 0::bigint AS lease, 0::bigint AS prev_revision,
    NULL::bigint AS checksum
FROM meta WHERE name IN ('position', 'swept')
UNION ALL
SELECT 'change', position, revision, key, value, create_revision, version, lease, prev_revision, checksum
FROM changes WHERE position > $1 AND position <= $2
UNION ALL
SELECT kind, position, revision, NULL, NULL, number, ttl_s, 0, 0, NULL
FROM marks WHERE position > $1 AND position <= $2
ORDER BY position"""

ADD_MARK = "INSERT INTO marks (position, revision, kind, number, ttl_s) VALUES ($1, $2, $3, $4, $5)"
ADD_LEASE = "INSERT INTO leases (id, ttl_s) VALUES ($1, $2)"
ADD_DEADLINE = "INSERT INTO deadlines (id, ends) VALUES ($1, clock_timestamp() + $2 * interval '1 second')"
DROP_LEASE = "DELETE FROM leases WHERE id = $1"
DROP_DEADLINE = "DELETE FROM deadlines WHERE id = $1"
RAISE_FLOOR = "UPDATE meta SET number = $1 WHERE name = 'floor'"
RENEW = """
UPDATE deadlines SET ends = clock_timestamp() + leases.ttl_s * interval '1 second'
FROM leases WHERE leases.id = deadlines.id AND deadlines.id = $1 RETURNING leases.ttl_s"""
_LEFT = "SELECT id, extract(epoch FROM ends - clock_timestamp())::float8 AS remaining_s FROM deadlines"
REMAINING = f"{_LEFT} WHERE id = $1"
HOLD_DEADLINES = f"{_LEFT} WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"
ALL_REMAINING = _LEFT
SIZE = "SELECT pg_database_size(current_database())"
