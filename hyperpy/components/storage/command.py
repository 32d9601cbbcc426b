"""hyperpy store: snapshots of the store and their way back, checks, compaction, and how it stands."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError
from hyperpy.components.storage import place

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="Back up, restore, check and compact the store of a cluster."
)

DataDirOption = Annotated[
    str,
    typer.Option("--data-dir", help="Of hyperpy all, apiserver or etcd [default: $HYPERPY_DATA_DIR or the system's]."),
]

EndpointOption = Annotated[
    str,
    typer.Option(
        "--datastore-endpoint", help="postgresql://…, in place of --data-dir [default: $HYPERPY_DATASTORE_ENDPOINT]."
    ),
]


@app.command(cls=QuickCommand)
def snapshot(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    data_dir: DataDirOption = "",
    datastore_endpoint: EndpointOption = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE when it is there.")] = False,
) -> None:
    """Write a copy of the store as it is now; a cluster may be running on it."""
    from hyperpy.store.sql import backup

    shared = _shared(datastore_endpoint, data_dir)
    begun = time.monotonic()
    with _told():
        try:
            if shared:
                from hyperpy.store.sql import postgres_backup

                copied = asyncio.run(postgres_backup.snapshot(shared, file, force=force))
            else:
                copied = backup.snapshot(place.existing(_directory(data_dir)), file, force=force)
        except FileExistsError:
            raise UserError(f"{file} is there already; choose another name, or overwrite it with --force") from None
    print(
        f"wrote {file}: revision {copied.revision}, {copied.keys} keys, {_size_of(file)} "
        f"in {time.monotonic() - begun:.1f} s"
    )


@app.command(cls=QuickCommand)
def restore(
    file: Annotated[Path, typer.Argument(help="What `hyperpy store snapshot` wrote.")],
    data_dir: DataDirOption = "",
    datastore_endpoint: EndpointOption = "",
    force: Annotated[bool, typer.Option("--force", help="Into a PostgreSQL database that holds something.")] = False,
    bump_revision: Annotated[
        int,
        typer.Option(
            "--bump-revision", min=0, help="How far the revision goes on, so that no client mistakes old for new."
        ),
    ] = 1_000_000,
) -> None:
    """Put a snapshot in the place of the store, which nobody may be using; the old file is kept beside it."""
    from hyperpy.components.datadir import DataDir
    from hyperpy.store.sql import backup

    if shared := _shared(datastore_endpoint, data_dir):
        _restore_shared(file, shared, bump_revision, force)
        return
    if force:
        raise UserError("--force is for a --datastore-endpoint; a file that is replaced is kept")
    directory = _directory(data_dir)
    target = place.for_restore(directory)
    begun = time.monotonic()
    with _told(), ExitStack() as held:
        if target == place.of_cluster(directory):
            held.enter_context(DataDir(directory))
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        done = backup.restore(file, target, bump=bump_revision, stamp=stamp)
    print(
        f"restored {target} from {file}: {done.snapshot.keys} keys of revision {done.snapshot.revision}, "
        f"{_size_of(target)} in {time.monotonic() - begun:.1f} s"
    )
    print(f"the revision is now {done.revision}; what clients know from before it is expired, and they list again")
    if done.kept is not None:
        print(f"the old file is kept as {done.kept}; remove it when all is well")


def _restore_shared(file: Path, address: str, bump: int, force: bool) -> None:
    from hyperpy.store.sql import postgres_backup

    with _told():
        done = asyncio.run(postgres_backup.restore(file, address, bump=bump, force=force))
    print(f"restored {done.snapshot.keys} keys of revision {done.snapshot.revision} from {file} into the database")
    print(f"the revision is now {done.revision}; what clients know from before it is expired, and they list again")


@app.command(cls=QuickCommand)
def check(
    file: Annotated[Path | None, typer.Argument(help="A snapshot, or any store's file.")] = None,
    data_dir: DataDirOption = "",
    datastore_endpoint: EndpointOption = "",
) -> None:
    """Look for damage in the store or a snapshot: a line for each finding, and exit code 1. Only reads."""
    from hyperpy.store.sql import check as rules
    from hyperpy.store.sql import reading

    if file is not None and (data_dir or datastore_endpoint):
        raise UserError("a FILE cannot stand beside --data-dir or --datastore-endpoint; name one of them")
    found: reading.Figures | None
    if file is None and (shared := _shared(datastore_endpoint, data_dir)):
        from hyperpy.store.sql import postgres_backup

        with _told():
            lines, found = asyncio.run(postgres_backup.findings(shared))
        name = "the database"
    else:
        path = file or place.existing(_directory(data_dir))
        name = str(path)
        with _told(), reading.opened(path) as connection:
            connection.exec_driver_sql("BEGIN")
            lines = list(rules.all_findings(connection))
            found = None if lines else reading.figures(connection)
    for line in lines:
        print(line)
    if lines or found is None:
        raise UserError(f"{name}: {len(lines)} findings; restore a snapshot (docs/store.md says how)")
    print(f"{name} is whole: revision {found.revision}, {found.keys} keys, {found.changes} changes")


@app.command(cls=QuickCommand)
def compact(data_dir: DataDirOption = "", datastore_endpoint: EndpointOption = "") -> None:
    """Forget all history and give all free space back; nobody may be using a store in a file."""
    from hyperpy.store.sql import offline
    from hyperpy.store.sql.file_lock import InUse

    if shared := _shared(datastore_endpoint, data_dir):
        from hyperpy.store.sql import postgres_backup

        with _told():
            left = asyncio.run(postgres_backup.compact(shared))
        print(f"compacted the database at revision {left.revision}: {left.keys} keys; its vacuum frees the space")
        return
    path = place.existing(_directory(data_dir))
    before = _size_of(path)
    with _told():
        try:
            left = offline.compact(path)
        except InUse as error:
            raise UserError(
                f"the store {path} is in use by another process (pid {error.pid}), which compacts it by itself; "
                "to have it at its smallest stop that process first"
            ) from error
    print(f"compacted {path} at revision {left.revision}: {before} before, {_size_of(path)} now, {left.keys} keys")


@app.command(cls=QuickCommand)
def status(data_dir: DataDirOption = "") -> None:
    """Say how the store stands; a cluster may be running on it."""
    from hyperpy.store.sql import reading, sizes
    from hyperpy.store.sql.file_lock import holder

    path = place.existing(_directory(data_dir))
    with _told(), reading.opened(path) as connection:
        connection.exec_driver_sql("BEGIN")
        found = reading.figures(connection)
        schema_version = reading.schema_version(connection)
        free_bytes = reading.free_bytes(connection)
        pid = holder(path)
    size = sizes.of(path)
    lines = {
        "file": str(path),
        "schema version": str(schema_version),
        "revision": str(found.revision),
        "history from": f"revision {found.floor} on" if found.floor else "the first revision on",
        "keys": str(found.keys),
        "changes": str(found.changes),
        "file size": _shown(size.file_bytes),
        "free in it": _shown(free_bytes),
        "write-ahead log": _shown(size.wal_bytes),
        "used by": f"process {pid}" if pid else "nobody",
    }
    for name, value in lines.items():
        print(f"{name + ':':<17} {value}")


@contextmanager
def _told() -> Iterator[None]:
    """Failures that the user can mend as `UserError`."""
    from hyperpy.components.supervisor import StartFailure
    from hyperpy.store.protocol import Unavailable

    try:
        yield
    except (Unavailable, StartFailure) as error:
        raise UserError(str(error)) from error
    except PermissionError as error:
        raise UserError(f"no permission for {error.filename}; run as the user whose cluster it is") from error
    except OSError as error:
        raise UserError(f"{error.strerror}: {error.filename}" if error.filename else str(error)) from error


def _shared(endpoint: str, data_dir: str) -> str:
    """The address of a database; "": the store is in a file."""
    from hyperpy.store.opening import is_shared

    if not endpoint and not data_dir:
        endpoint = os.environ.get("HYPERPY_DATASTORE_ENDPOINT", "")
    if not endpoint:
        return ""
    if data_dir:
        raise UserError("--datastore-endpoint cannot stand beside --data-dir; name one of them")
    if not is_shared(endpoint):
        raise UserError("--datastore-endpoint is for postgresql://; a store in a file is named with --data-dir")
    return endpoint


def _directory(data_dir: str) -> Path:
    from hyperpy.client import kubeconfig

    return (Path(data_dir) if data_dir else kubeconfig.data_dir()).absolute()


def _size_of(file: Path) -> str:
    return _shown(file.stat().st_size)


def _shown(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
