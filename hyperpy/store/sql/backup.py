"""Snapshots of a store in a SQLite file while a server uses it, and their way back.

snapshot: store ──VACUUM INTO, one moment──▶ FILE.part ──synced──▶ FILE
restore:  FILE ──checked, copied, revision raised, synced──▶ store.db.restoring ──▶ store.db
          the old store.db ──▶ store.db.before-restore-TIME
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from hyperpy.store import failpoints
from hyperpy.store.protocol import Unavailable
from hyperpy.store.sql import check, reading
from hyperpy.store.sql.errors import unavailable
from hyperpy.store.sql.file_lock import FileLock
from hyperpy.store.sql.reading import Figures

_FINDINGS = 5  # told when a snapshot is refused


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `kept`: where the old file is now; None: there was none."""

    snapshot: Figures
    revision: int
    kept: Path | None


def snapshot(source: Path, target: Path, *, force: bool) -> Figures:
    """Write a copy of a store as it is at one moment; a server may go on using the store.

    Args:
        force: take the place of a file that is there.
    Returns:
        What the copy holds.
    Raises:
        FileExistsError: `target` is there.
        Unavailable: the store cannot be read or the copy not be written; no half copy is left.
    """
    with whole(target, force=force) as part:
        with reading.opened(source) as connection:
            _copy(connection, part)
        with reading.opened(part) as connection:
            return reading.figures(connection)


@contextmanager
def whole(target: Path, *, force: bool) -> Iterator[Path]:
    """A path to write a file to, which gets the name `target` when all went well, and is gone when not.

    Raises:
        FileExistsError: there is a file of that name, and no `force`.
    """
    part = target.with_name(target.name + ".part")
    if target.exists() and not force:
        raise FileExistsError(target)
    try:
        yield part
        _sync(part)
        if target.exists() and not force:  # it came meanwhile
            raise FileExistsError(target)
        os.replace(part, target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def restore(source: Path, target: Path, *, bump: int, stamp: str) -> Restored:
    """Put a snapshot in the place of a store that nobody uses.

    The new store's revision is `bump` above the snapshot's and the old store's, whichever is higher, and all history
    up to it counts as compacted. So no revision is used twice, and who knows one that is not in the snapshot is told to
    list again.

    Args:
        stamp: ends the name under which the old file is kept.
    Raises:
        Unavailable: the store is in use, or the snapshot is damaged; nothing has changed then.
    """
    failpoints.arm(os.environ)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".restoring")
    lock = FileLock(target)
    lock.acquire()
    try:
        with reading.opened(source) as connection:
            connection.exec_driver_sql("BEGIN")
            refuse_broken(connection, source)
            copied = reading.figures(connection)
            connection.exec_driver_sql("COMMIT")
            _copy(connection, fresh)
        failpoints.reach("restore/copied")
        kept = _second_name(target, stamp)
        revision = max(copied.revision, _revision_of(target)) + bump
        _raise_floor(fresh, revision)
        failpoints.reach("restore/kept")
        _without_wal(target, kept)
        failpoints.reach("restore/replace")
        os.replace(fresh, target)
        failpoints.reach("restore/replaced")
        _sync(target.parent)
    finally:
        fresh.unlink(missing_ok=True)
        lock.release()
    return Restored(copied, revision, kept)


def _copy(connection: Connection, target: Path) -> None:
    """A whole, defragmented copy of one moment, safe on disk. Only its owner may read it."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
        _sync(target)
    except OSError as error:
        raise unavailable(error, target) from error


def refuse_broken(connection: Connection, path: Path) -> None:
    """Raises Unavailable when a snapshot is damaged or breaks a rule of the log."""
    found = list(islice(check.all_findings(connection), _FINDINGS))
    if found:
        raise Unavailable(f"the snapshot {path} is not whole and is not restored: {'; '.join(found)}")


def _revision_of(path: Path) -> int:
    """The newest revision that a store has given out, as far as that can be read."""
    try:
        with reading.opened(path) as connection:
            return reading.figures(connection).revision
    except Unavailable:  # there is none, or it is damaged, which is why it is replaced
        return 0


def _raise_floor(path: Path, revision: int) -> None:
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = FULL")
            database.execute("UPDATE meta SET number = ? WHERE name = 'floor'", (revision,))
    except sqlite3.Error as error:
        raise unavailable(error, path) from error


def _second_name(path: Path, stamp: str) -> Path | None:
    """Have the old file under another name too, and its write-ahead log, before SQLite looks at them."""
    if not path.exists():
        return None
    kept = path.with_name(f"{path.name}.before-restore-{stamp}")
    os.link(path, kept)
    if _wal(path).exists():
        os.link(_wal(path), _wal(kept))
    return kept


def _without_wal(path: Path, kept: Path | None) -> None:
    """See that no write-ahead log is left beside the store's name: SQLite would read it into the file put there."""
    if kept is None:
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _wal(kept).unlink(missing_ok=True)  # all of it is in the file now
    except sqlite3.Error:  # damaged: what is in the log can only be kept beside it
        pass
    _wal(path).unlink(missing_ok=True)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
