"""Compacts the history of a shared etcd, which keeps all of it otherwise: one of its API servers does so each time.

    wait an interval ▶ count up the mark ─┬─ it was as we left it: compact to where the store was an interval ago
                                          └─ another server was there: take its count, and wait again

Source: kube-apiserver's `--etcd-compaction-interval`, whose mark this is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Never

from hyperpy.client.clock import Clock
from hyperpy.store.protocol import Compacted, Compare, Get, Op, Put, Range, Store, StoreError, Target, Txn

log = logging.getLogger(__name__)

MARK = b"compact_rev_key"


@dataclass(frozen=True, slots=True)
class Seen:
    """How often the mark had been counted up, and the store's revision then."""

    count: int = 0
    revision: int = 0


async def keep_short(store: Store, clock: Clock, *, interval_s: float) -> Never:
    """Compact every now and then, so that history of one to two intervals stays."""
    seen = Seen()
    while True:
        await clock.sleep(interval_s)
        try:
            seen = await once(store, seen)
        except StoreError as error:
            log.warning("etcd's history is not compacted now: %s", error)


async def once(store: Store, before: Seen) -> Seen:
    """Compact to the revision seen before, unless another server did something since. Raises StoreError."""
    unchanged = Compare(MARK, Target.VERSION, Op.EQUAL, before.count)
    result = await store.txn(Txn((unchanged,), (Put(MARK, str(before.revision).encode()),), (Get(MARK),)))
    if not result.succeeded:
        (found,) = result.responses
        assert isinstance(found, Range)
        return Seen(found.kvs[0].version if found.kvs else 0, result.revision)
    if before.revision:
        try:
            await store.compact(before.revision)
        except Compacted:
            log.debug("etcd's history was compacted beyond %d", before.revision)
    return Seen(before.count + 1, result.revision)
