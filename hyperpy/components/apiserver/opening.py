"""Opens the store that the options name, and words what can go wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hyperpy.components.apiserver.options import Options
from hyperpy.components.supervisor import StartFailure
from hyperpy.store.opening import open_store, sqlite_file
from hyperpy.store.protocol import Store, StoreError

#: For how long a start waits for an etcd or a database that does not answer yet, as kube-apiserver does.
WAIT_S = 60.0
#: Asked for where only etcd's revision matters: a key that a user with permission for the objects may read.
_ETCD_PROBE = b"/registry/health"


def store_file(options: Options) -> Path:
    """The SQLite file that the options name."""
    return sqlite_file(options.datastore_endpoint) or options.data_dir / "store" / "store.db"


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartFailure(f"cannot use the store directory {directory}: {error.strerror}") from error


@asynccontextmanager
async def opened(options: Options) -> AsyncIterator[Store]:
    """The store that the options name, closed at the end. Raises StartFailure and StoreError."""
    store: Store
    if options.etcd_servers:
        from hyperpy.store.etcd.client import open_etcd

        ca, cert, key = (
            str(file) if file else None
            for file in (options.etcd_ca_file, options.etcd_cert_file, options.etcd_key_file)
        )
        store = await open_etcd(options.etcd_servers, ca=ca, cert=cert, key=key, probe=_ETCD_PROBE, wait_s=WAIT_S)
    else:
        if not options.datastore_endpoint:
            _make_directory(store_file(options).parent)
        store = await open_store(options.datastore_endpoint or store_file(options), wait_s=WAIT_S)
    try:
        yield store
    finally:
        await store.aclose()


def failure(error: BaseException) -> StartFailure:
    """What the user is told about a failure of the store; anything else in a group of failures is raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, StoreError):
        raise error
    return StartFailure(f"the store cannot be used: {error}")
