"""Tells how the store in this process goes: revision, sizes, commits. Counted by the store, asked for at a scrape."""

from __future__ import annotations

from hyperpy.components.instruments import Distribution, Family, Instruments
from hyperpy.store.protocol import FileFigures, Observed, Spread, Store, StoreError


class StoreMetrics:
    """Fills the metrics of the store itself; none with a real etcd, which has its own."""

    def __init__(self, instruments: Instruments, store: Store) -> None:
        self._store = store
        self._instruments = instruments
        self._revision = instruments.gauge("hyperpy_store_revision", "Newest revision of the store.")
        self._compacted = instruments.gauge(
            "hyperpy_store_compacted_revision", "History below this revision is forgotten."
        )
        self._file = instruments.gauge("hyperpy_store_file_bytes", "Size of the store's file.")
        self._wal = instruments.gauge("hyperpy_store_wal_bytes", "Size of the write-ahead log beside it.")
        self._free = instruments.gauge("hyperpy_store_free_bytes", "Bytes of the file that hold nothing.")
        self._commits: dict[str, Family[Distribution]] = {}

    async def refresh(self) -> None:
        """Ask again."""
        if not isinstance(self._store, Observed):
            return
        try:
            figures = await self._store.figures()
        except StoreError:
            return
        self._revision.child().set(figures.revision)
        self._compacted.child().set(figures.floor)
        if figures.file is not None:
            self._tell_file(figures.file)

    def _tell_file(self, file: FileFigures) -> None:
        self._file.child().set(file.file_bytes)
        self._wal.child().set(file.wal_bytes)
        self._free.child().set(file.free_bytes)
        self._tell(
            "hyperpy_store_commit_duration_seconds",
            "Seconds of a commit, with what it waited for steps of the sweep and of checkpoints.",
            file.commit_s,
        )
        self._tell("hyperpy_store_commit_changes", "Changes that shared a commit.", file.commit_changes)

    def _tell(self, name: str, text: str, spread: Spread) -> None:
        family = self._commits.get(name)
        if family is None:
            family = self._commits[name] = self._instruments.histogram(name, text, bounds=spread.bounds)
        child = family.child()
        child.counts = list(spread.counts)
        child.sum = spread.total
