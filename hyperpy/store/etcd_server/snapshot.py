"""A snapshot of the store in etcd's own file, so that `etcdctl snapshot restore` makes a real etcd of it.

The file is written into a temporary one first: its first pages can be told only when the last one is known, and a
client that reads slowly then holds nobody's transaction open. Its bytes are followed by their SHA-256.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.etcd_server.bolt import BoltWriter
from hyperpy.store.etcd_server.buckets import ChangePairs, Pairs, after_key
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.protocol import Exporting, Unavailable

_PART = 64 * 1024  # bytes a message


async def snapshot_parts(
    store: Exporting, identity: Identity, *, directory: Path | None = None
) -> AsyncGenerator[pb.SnapshotResponse]:
    """The messages of a snapshot: the file in parts, then its checksum. Raises Unavailable.

    Args:
        directory: where the temporary file lies, as large as the snapshot; None: where the system has them.
    """
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            left = await _fill(file, store, identity)
            file.seek(0)
            digest = hashlib.sha256()
            while part := await asyncio.to_thread(file.read, _PART):
                digest.update(part)
                left -= len(part)
                yield pb.SnapshotResponse(remaining_bytes=left, blob=part)
            yield pb.SnapshotResponse(blob=digest.digest())
    except OSError as error:
        raise Unavailable(f"the snapshot cannot be written: {error.strerror or error}; make room for it") from error


async def _fill(file: BinaryIO, store: Exporting, identity: Identity) -> int:
    """Write the file; returns its size. Work is done in threads, some hundred changes at a time."""
    async with store.export() as export:
        writer = BoltWriter(file)
        writer.begin_bucket(b"key")
        pairs = ChangePairs()
        async for events in export.changes():
            await asyncio.to_thread(_put_all, writer, pairs.of(events))
        writer.end_bucket()
        for name, found in after_key(export, identity):
            writer.begin_bucket(name)
            _put_all(writer, found)
            writer.end_bucket()
    return writer.finish()


def _put_all(writer: BoltWriter, pairs: Pairs) -> None:
    for key, value in pairs:
        writer.put(key, value)
