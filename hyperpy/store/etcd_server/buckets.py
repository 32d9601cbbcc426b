"""What a store holds as etcd keeps it in its database: the pairs of etcd's buckets, from an export of the store. Pure.

Source: etcd 3.4, `mvcc/revision.go`, `mvcc/kvstore.go`, `lease/lessor.go`, `etcdserver/api/membership/store.go`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.protocol import Event, EventType, Export, Lease

Pairs = list[tuple[bytes, bytes]]

_REVISION = struct.Struct(">qcq")


def revision_key(main: int, sub: int = 0, *, tombstone: bool = False) -> bytes:
    """The key of a change: its revision, and its place in it."""
    return _REVISION.pack(main, b"_", sub) + (b"t" if tombstone else b"")


class ChangePairs:
    """Makes the pairs of the bucket `key`, from changes in order of commit, some at a time.

    A change's place in its revision is counted among those that are left of it: where a compaction took a part of a
    transaction, it is another one than in the etcd that did the same.
    """

    def __init__(self) -> None:
        self._main = 0
        self._sub = 0

    def of(self, events: Sequence[Event]) -> Pairs:
        """The next pairs."""
        return [(self._key(event), change_value(event)) for event in events]

    def _key(self, event: Event) -> bytes:
        main = event.kv.mod_revision
        self._sub = self._sub + 1 if main == self._main else 0
        self._main = main
        return revision_key(main, self._sub, tombstone=event.type is EventType.DELETE)


def change_value(event: Event) -> bytes:
    """The value of a change: of a deletion it has the key only."""
    pair = event.kv
    if event.type is EventType.DELETE:
        return pb.KeyValue(key=pair.key).SerializeToString()
    return pb.KeyValue(
        key=pair.key,
        value=pair.value,
        create_revision=pair.create_revision,
        mod_revision=pair.mod_revision,
        version=pair.version,
        lease=pair.lease,
    ).SerializeToString()


def after_key(export: Export, identity: Identity) -> Iterator[tuple[bytes, Pairs]]:
    """The buckets that come after `key`, each with its pairs in order."""
    yield b"lease", sorted(map(_lease_pair, export.leases))
    yield b"members", [_member_pair(identity)]
    yield b"members_removed", []
    yield b"meta", _meta_pairs(export)


def _lease_pair(lease: Lease) -> tuple[bytes, bytes]:
    return struct.pack(">q", lease.id), pb.StoredLease(ID=lease.id, TTL=lease.ttl_s).SerializeToString()


def _member_pair(identity: Identity) -> tuple[bytes, bytes]:
    member = {
        "id": identity.member_id,
        "peerURLs": list(identity.peer_urls),
        "name": identity.name,
        "clientURLs": list(identity.client_urls),
    }
    return f"{identity.member_id:x}".encode(), json.dumps(member).encode()


def _meta_pairs(export: Export) -> Pairs:
    pairs = [(b"consistent_index", struct.pack(">Q", export.revision))]
    if export.floor:
        floor = revision_key(export.floor)
        pairs += [(b"finishedCompactRev", floor), (b"scheduledCompactRev", floor)]
    return pairs
