"""Counts what is stored: writes as they happen, objects and bytes when somebody asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from hyperpy.api.kinds import Kind, Registry
from hyperpy.components.apiserver.metrics.requests import LATENCY_S
from hyperpy.components.apiserver.registry import form
from hyperpy.components.instruments import Distribution, Instruments, Value
from hyperpy.store import protocol
from hyperpy.store.protocol import Get, Store, StoreError

_OPERATION = ("operation", "group", "resource")

SizesOf = Callable[[], Awaitable[Sequence[int | None]]]


class WriteMetrics:
    """How long writes took in the store. Reads are answered from memory and not counted."""

    def __init__(self, instruments: Instruments) -> None:
        self._durations = instruments.histogram(
            "etcd_request_duration_seconds",
            "Etcd request latency in seconds for each operation and object type.",
            _OPERATION,
            bounds=LATENCY_S,
        )
        self._known: dict[tuple[str, bytes, bytes], Distribution] = {}

    def note(self, operation: str, key: bytes, duration_s: float) -> None:
        """Count a write (create, update or delete) of a key of `registry/form.py`."""
        _, _, group, plural, _ = key.split(b"/", 4)
        place = operation, group, plural
        found = self._known.get(place)
        if found is None:
            group_name = "" if group == b"core" else group.decode()
            found = self._known[place] = self._durations.child(operation, group_name, plural.decode())
        found.observe(duration_s)


class ListMetrics:
    """What lists took: objects read from the store, looked into, and given out."""

    def __init__(self, instruments: Instruments) -> None:
        labels = ("group", "resource")
        self._total = instruments.counter(
            "apiserver_storage_list_total", "Number of LIST requests served from storage", labels
        )
        self._fetched = instruments.counter(
            "apiserver_storage_list_fetched_objects_total",
            "Number of objects read from storage in the course of serving a LIST request",
            labels,
        )
        self._evaluated = instruments.counter(
            "apiserver_storage_list_evaluated_objects_total",
            "Number of objects tested in the course of serving a LIST request from storage",
            labels,
        )
        self._returned = instruments.counter(
            "apiserver_storage_list_returned_objects_total",
            "Number of objects returned for a LIST request from storage",
            labels,
        )
        self._known: dict[str, tuple[Value, ...]] = {}

    def note(self, kind: Kind, *, fetched: int, evaluated: int, returned: int) -> None:
        """Count one list."""
        counters = self._known.get(kind.qualified)
        if counters is None:
            families = (self._total, self._fetched, self._evaluated, self._returned)
            counters = tuple(family.child(kind.group, kind.plural) for family in families)
            self._known[kind.qualified] = counters
        for counter, amount in zip(counters, (1, fetched, evaluated, returned), strict=True):
            counter.value += amount


class StoredMetrics:
    """Fills the gauges of stored objects.

    Args:
        sizes: bytes on disk of each server that has the objects; None where they are not known now.
    """

    def __init__(self, instruments: Instruments, store: Store, kinds: Registry, *, sizes: SizesOf) -> None:
        self._store = store
        self._kinds = kinds
        self._sizes = sizes
        self._objects = instruments.gauge(
            "apiserver_storage_objects",
            "[DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of "
            "last check split by kind. In case of a fetching error, the value will be -1.",
            ("resource",),
        )
        self._resources = instruments.gauge(
            "apiserver_resource_objects",
            "Number of stored objects at the time of last check split by kind. In case of a fetching error, the value "
            "will be -1.",
            ("group", "resource"),
        )
        self._bytes = instruments.gauge(
            "apiserver_storage_size_bytes",
            "Size of the storage database file physically allocated in bytes.",
            ("storage_cluster_id",),
        )

    async def refresh(self) -> None:
        """Count again."""
        self._objects.clear()
        self._resources.clear()
        stored = {(kind.group, kind.plural): kind for kind in self._kinds if "list" in kind.verbs and not kind.stored}
        for kind in stored.values():
            count = await self._count(kind)
            self._objects.child(kind.qualified).set(count)
            self._resources.child(kind.group, kind.plural).set(count)
        self._bytes.clear()
        for number, size in enumerate(await self._sizes()):
            if size is not None:
                self._bytes.child(f"etcd-{number}").set(size)

    async def _count(self, kind: Kind) -> int:
        start = form.prefix(kind)
        try:
            return (await self._store.get(Get(start, protocol.prefix_end(start), count_only=True))).count
        except StoreError:
            return -1
