"""Single objects in the store: read one, create, replace and remove it under a compare-and-swap."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.metrics import WriteMetrics
from hyperpy.store import protocol as store_protocol
from hyperpy.store.protocol import Compare, DeleteRange, Get, KeyValue, Op, Put, Range, Stamping, Store, Target, Txn


class Objects:
    """Reads and conditional writes of single objects. Store errors pass through; see `status_of`."""

    def __init__(self, store: Store, metrics: WriteMetrics) -> None:
        self._store = store
        self._stamps = isinstance(store, Stamping) and store.stamps()
        self._metrics = metrics

    async def find(self, kind: Kind, namespace: str | None, name: str) -> KeyValue | None:
        """The stored pair, or None."""
        found = await self._store.get(Get(form.key(kind, namespace, name)))
        return found.kvs[0] if found.kvs else None

    async def get(self, kind: Kind, namespace: str | None, name: str) -> KeyValue:
        """The stored pair; raises NotFound."""
        kv = await self.find(kind, namespace, name)
        if kv is None:
            raise errors.not_found(kind.group, kind.plural, name)
        return kv

    async def get_with_revision(self, kind: Kind, namespace: str | None, name: str) -> tuple[KeyValue | None, int]:
        """The stored pair or None, and the store's revision at the read."""
        found = await self._store.get(Get(form.key(kind, namespace, name)))
        return (found.kvs[0] if found.kvs else None), found.revision

    def in_namespace(self, kind: Kind) -> InNamespace:
        """A reader of one kind by namespace."""
        return InNamespace(self._store, kind)

    async def everything(self, kind: Kind, namespace: str | None = None) -> Range:
        """Every object of a kind (in a namespace) at the newest revision."""
        start = form.prefix(kind, namespace)
        return await self._store.get(Get(start, store_protocol.prefix_end(start)))

    async def create(self, kind: Kind, namespace: str | None, name: str, value: bytes, *, lease: int = 0) -> int:
        """Write a new object and return its revision; raises AlreadyExists."""
        key = form.key(kind, namespace, name)
        absent = Compare(key, Target.VERSION, Op.EQUAL, 0)
        began = perf_counter()
        result = await self._store.txn(Txn((absent,), (self._put(key, value, lease),)))
        self._metrics.note("create", key, perf_counter() - began)
        if not result.succeeded:
            raise errors.already_exists(kind.group, kind.plural, name)
        return result.revision

    async def replace(self, kv: KeyValue, value: bytes, *, lease: int = 0) -> int | None:
        """Write over the pair that was read; None when it has changed meanwhile. Returns the new revision."""
        unchanged = Compare(kv.key, Target.MOD, Op.EQUAL, kv.mod_revision)
        began = perf_counter()
        result = await self._store.txn(Txn((unchanged,), (self._put(kv.key, value, lease or kv.lease),)))
        self._metrics.note("update", kv.key, perf_counter() - began)
        return result.revision if result.succeeded else None

    async def replace_all(self, changes: Sequence[tuple[KeyValue, bytes]]) -> bool:
        """Write over several pairs that were read, all or none; False when one of them has changed meanwhile."""
        unchanged = tuple(Compare(kv.key, Target.MOD, Op.EQUAL, kv.mod_revision) for kv, _ in changes)
        puts = tuple(self._put(kv.key, value, kv.lease) for kv, value in changes)
        began = perf_counter()
        result = await self._store.txn(Txn(unchanged, puts))
        self._metrics.note("update", changes[0][0].key, perf_counter() - began)
        return result.succeeded

    async def remove(self, kv: KeyValue) -> int | None:
        """Delete the pair that was read; None when it has changed meanwhile. Returns the deletion's revision."""
        unchanged = Compare(kv.key, Target.MOD, Op.EQUAL, kv.mod_revision)
        began = perf_counter()
        result = await self._store.txn(Txn((unchanged,), (DeleteRange(kv.key),)))
        self._metrics.note("delete", kv.key, perf_counter() - began)
        return result.revision if result.succeeded else None

    def _put(self, key: bytes, value: bytes, lease: int) -> Put:
        if not self._stamps:
            return Put(key, value, lease)
        value, stamp = form.room(value)
        return Put(key, value, lease, stamp=stamp)

    async def grant_lease(self, ttl_s: int) -> int:
        """A new lease of `ttl_s` seconds; its id."""
        return (await self._store.lease_grant(ttl_s)).id


class InNamespace:
    """The objects of one kind by namespace, for who reads them with every write: the request is made once.

    Requests of `MAX_REQUESTS` namespaces are kept; then all are forgotten.
    """

    MAX_REQUESTS = 4096

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self._kind = kind
        self._requests: dict[str, Get] = {}

    async def read(self, namespace: str) -> Sequence[KeyValue]:
        """All of them in a namespace, at the newest revision."""
        request = self._requests.get(namespace)
        if request is None:
            if len(self._requests) >= self.MAX_REQUESTS:
                self._requests.clear()
            start = form.prefix(self._kind, namespace)
            request = self._requests[namespace] = Get(start, store_protocol.prefix_end(start))
        return (await self._store.get(request)).kvs


_STATUS: dict[type[store_protocol.StoreError], type[errors.StatusError]] = {
    store_protocol.Compacted: errors.Expired,
    store_protocol.FutureRevision: errors.Timeout,
    store_protocol.WatchLagged: errors.Expired,
    store_protocol.Unavailable: errors.ServiceUnavailable,
}


def status_of(error: store_protocol.StoreError) -> errors.StatusError:
    """The Status a store failure stands for when no verb has a better word for it."""
    if isinstance(error, store_protocol.Compacted):
        return errors.Expired("The resourceVersion for the provided list is too old.")
    cls = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), errors.InternalError)
    return cls(f"the store cannot answer: {error}")
