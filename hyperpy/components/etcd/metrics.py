"""The metrics of `hyperpy etcd`, under the names that etcd's dashboards and alerts ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hyperpy.components.instruments import GAUGE, HISTOGRAM, Buckets, Snapshot
from hyperpy.store.protocol import Figures, Get, Observed, Spread, Store


def teller(store: Store, *, version: str) -> Callable[[], Awaitable[bytes]]:
    """What answers a scrape. It raises `Unavailable`."""

    async def tell() -> bytes:
        import asyncio

        from hyperpy.components import exposition

        figures = await store.figures() if isinstance(store, Observed) else None
        keys = (await store.get(Get(b"\0", b"\0", count_only=True))).count
        shots = snapshots(figures, keys=keys, leases=len(await store.leases()), version=version)
        return await asyncio.to_thread(exposition.text, shots, process=True)

    return tell


def snapshots(figures: Figures | None, *, keys: int, leases: int, version: str) -> list[Snapshot]:
    """The figures as metrics; a member alone always leads."""
    told = [
        _gauge("etcd_server_has_leader", "Whether or not a leader exists. 1 is existence, 0 is not.", 1),
        _gauge("etcd_server_is_leader", "Whether or not this member is a leader. 1 if is, 0 otherwise.", 1),
        Snapshot("etcd_server_version", "Which version is running.", GAUGE, ("server_version",), [((version,), 1.0)]),
        _gauge("etcd_debugging_mvcc_keys_total", "Total number of keys.", keys),
        _gauge("hyperpy_etcd_leases", "Live leases.", leases),
    ]
    if figures is None:
        return told
    told += [
        _gauge("etcd_debugging_mvcc_current_revision", "The current revision of store.", figures.revision),
        _gauge("etcd_debugging_mvcc_compact_revision", "The revision of the last compaction in store.", figures.floor),
    ]
    file = figures.file
    if file is not None:
        size = file.file_bytes + file.wal_bytes  # the newest writes are in the log until it is copied
        used = size - file.free_bytes
        told += [
            _gauge("etcd_mvcc_db_total_size_in_bytes", "Total size of the underlying database.", size),
            _gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "Of that, logically in use.", used),
            _histogram(
                "etcd_disk_backend_commit_duration_seconds",
                "The latency distributions of commits, each with one sync to disk.",
                file.commit_s,
            ),
        ]
    return told


def _gauge(name: str, text: str, value: float) -> Snapshot:
    return Snapshot(name, text, GAUGE, (), [((), float(value))])


def _histogram(name: str, text: str, spread: Spread) -> Snapshot:
    buckets = Buckets(tuple(spread.bounds), tuple(spread.counts), spread.total)
    return Snapshot(name, text, HISTOGRAM, (), [((), buckets)])
