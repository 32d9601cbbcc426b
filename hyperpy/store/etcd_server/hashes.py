"""etcd's two hashes of what a store holds: of the whole database, and of its keys up to a revision.

The second is the one that `etcdctl endpoint hashkv` compares between members. It equals that of a real etcd with the
same history, but where a compaction took a part of a transaction of several keys (see `buckets.ChangePairs`). The first
covers etcd's bookkeeping too, which differs from member to member: it tells one state of this store from another.
Source: etcd 3.4, `mvcc/kvstore.go`, `HashByRev`, and `mvcc/backend/backend.go`, `Hash`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hyperpy.store.etcd_server.buckets import ChangePairs, Pairs, after_key
from hyperpy.store.etcd_server.crc32c import crc32c
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.protocol import Compacted, EventType, Export, FutureRevision


@dataclass(frozen=True, slots=True)
class KeysHash:
    """The hash of the keys, the newest revision, and the floor, -1 when nothing was ever compacted."""

    value: int
    revision: int
    floor: int


async def hash_all(export: Export, identity: Identity) -> int:
    """Of every bucket, but for the index that etcd leaves out too."""
    value = crc32c(b"key")
    pairs = ChangePairs()
    async for events in export.changes():
        value = await asyncio.to_thread(_over, value, pairs.of(events))
    for name, found in after_key(export, identity):
        value = _over(crc32c(name, value), [pair for pair in found if pair[0] != b"consistent_index"])
    return value


async def hash_keys(export: Export, revision: int) -> KeysHash:
    """Of every change up to a revision (0: the newest); up to the floor only what is still there at that revision.

    Raises:
        Compacted, FutureRevision: the revision is out of history.
    """
    if 0 < revision <= export.floor:
        raise Compacted(export.floor)
    if revision > export.revision:
        raise FutureRevision(f"required revision {revision} is a future revision (now {export.revision})")
    last = revision if revision > 0 else export.revision
    changed, any_left = await _changed_since_floor(export, last)
    value = crc32c(b"key")
    pairs = ChangePairs()
    async for events in export.changes():
        kept = [
            pair
            for event, pair in zip(events, pairs.of(events), strict=True)
            if event.kv.mod_revision <= last
            and (event.kv.mod_revision > export.floor or not any_left or event.kv.key not in changed)
        ]
        value = await asyncio.to_thread(_over, value, kept)
    return KeysHash(value, export.revision, export.floor or -1)


async def _changed_since_floor(export: Export, last: int) -> tuple[set[bytes], bool]:
    """The keys that changed after the floor up to a revision, and whether there is any key at it."""
    changed: set[bytes] = set()
    left: set[bytes] = set()
    async for events in export.changes():
        for event in events:
            if event.kv.mod_revision > last:
                continue
            if event.kv.mod_revision > export.floor:
                changed.add(event.kv.key)
            if event.type is EventType.PUT:
                left.add(event.kv.key)
            else:
                left.discard(event.kv.key)
    return changed, bool(left)


def _over(value: int, pairs: Pairs) -> int:
    for key, held in pairs:
        value = crc32c(key + held, value)
    return value
