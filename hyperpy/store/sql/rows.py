"""The log as rows: a change made a row, the whole log read at the start, old rows deleted. For every SQL database."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select

from hyperpy.store import failpoints
from hyperpy.store.engine.log import LeaseGranted, Loaded
from hyperpy.store.engine.options import Options
from hyperpy.store.protocol import Event, EventType, KeyValue
from hyperpy.store.sql import schema
from hyperpy.store.sql.schema import CHANGES, LEASES

SWEEP_ROWS = 100  # of one step where nothing better is known, so that a commit beside it waits a few ms at most


# revision, create_revision, version, lease, prev_revision, length of the key, is it a deletion
_NUMBERS = struct.Struct("<5qi?")
WIDTH = len(schema.ROW)


class Damaged(ValueError):
    """A row that this program cannot have written."""


def row(position: int, event: Event) -> tuple[int | bytes | None, ...]:
    """A change as a row of the log, in the order of the table's columns."""
    pair = event.kv
    content = (
        pair.mod_revision,
        pair.key,
        pair.value if event.type is EventType.PUT else None,
        pair.create_revision,
        pair.version,
        pair.lease,
        event.prev.mod_revision if event.prev is not None else 0,
    )
    return (position, *content, checksum(*content))


def checksum(
    revision: int, key: bytes, value: bytes | None, create_revision: int, version: int, lease: int, prev_revision: int
) -> int:
    """CRC-32 of a row's content, whatever its position: a copy of the log may count those anew."""
    numbers = _NUMBERS.pack(revision, create_revision, version, lease, prev_revision, len(key), value is None)
    return zlib.crc32(value or b"", zlib.crc32(key, zlib.crc32(numbers)))


def load(connection: Connection, options: Options) -> Loaded:
    """Read the whole log once, in order: what is left at its end is the live set."""
    floor = schema.number(connection, "floor")
    newest = connection.execute(select(func.max(CHANGES.c.position))).scalar() or 0
    window = newest - options.window_events  # what stands behind this position is recent
    pairs: dict[bytes, KeyValue] = {}
    recent: list[Event] = []
    recent_after = max(1, floor - 1)
    revision = 0
    for found in connection.execute(select(*schema.ROW, CHANGES.c.position).order_by(CHANGES.c.position)):
        pair, value, position = pair_of(found[:WIDTH]), found[2], found[WIDTH]
        if pair.mod_revision < revision:
            raise Damaged(f"revision {pair.mod_revision} stands behind revision {revision}")
        key, revision = pair.key, pair.mod_revision
        prev = pairs.pop(key, None)
        if value is not None:
            pairs[key] = pair
        if position <= window:
            recent_after = max(recent_after, revision)
        elif revision > recent_after:
            recent.append(Event(EventType.DELETE if value is None else EventType.PUT, pair, prev))
    return Loaded(
        pairs=list(pairs.values()),
        recent=recent,
        recent_after=recent_after,
        revision=max(1, floor, revision),  # the floor of a restored store is ahead of its rows
        floor=floor,
        leases=[LeaseGranted(lease_id, ttl_s) for lease_id, ttl_s in connection.execute(select(LEASES))],
    )


def pair_of(found: Sequence[Any]) -> KeyValue:
    """A row with the columns of `schema.ROW` as a pair; of a deletion, without a value.

    What a broken disk has made of a row may be of any type. Raises Damaged.
    """
    revision, key, value, create_revision, version, lease, prev_revision, stored = found
    numbers = (revision, create_revision, version, lease, prev_revision)
    if any(type(number) is not int for number in numbers) or type(key) is not bytes:
        raise Damaged(f"the row of key {key!r} at revision {revision!r} is none of ours")
    if value is not None and type(value) is not bytes:
        raise Damaged(f"the value of key {key!r} at revision {revision} is none of ours")
    if stored is not None and stored != checksum(*found[:-1]):
        raise Damaged(f"the row of key {key!r} at revision {revision} is not what was written: its checksum differs")
    return KeyValue(key, value or b"", create_revision, revision, version, lease)


def event_of(found: Sequence[Any]) -> Event:
    """A row with the columns of `schema.ROW` as a change, without what it replaced. Raises Damaged."""
    return Event(EventType.DELETE if found[2] is None else EventType.PUT, pair_of(found))


def sweep(connection: Connection, swept: int, floor: int, *, amount: int = SWEEP_ROWS) -> None:
    """Delete what the changes after `swept` replaced, and their deletions, for the next `amount` of them.

    A row goes together with or after every older row of its key, so a crash between two steps brings nothing back.
    Rows of the floor's own revision stay: a watch may start there.
    """
    last = connection.execute(
        select(CHANGES.c.revision)
        .where(CHANGES.c.revision > swept)
        .order_by(CHANGES.c.revision)
        .limit(1)
        .offset(amount)
    ).scalar()
    last = min(floor, last or floor)
    newer, older = CHANGES.alias("newer"), CHANGES.alias("older")
    replaced = (
        select(older.c.position)
        .join(newer, (older.c.key == newer.c.key) & (older.c.revision == newer.c.prev_revision))
        .where(newer.c.revision.between(swept, last), newer.c.prev_revision > 0)
    )
    connection.execute(delete(CHANGES).where(CHANGES.c.position.in_(replaced)))
    failpoints.reach("sweep/rows")
    connection.execute(
        delete(CHANGES).where(CHANGES.c.revision.between(swept, min(last, floor - 1)), CHANGES.c.value.is_(None))
    )
    schema.set_number(connection, "swept", last)
    failpoints.reach("sweep/commit")
