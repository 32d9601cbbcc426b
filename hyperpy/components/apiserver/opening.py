"""Opens the store that the options name, and words what can go wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hyperpy.components.apiserver.options import Options
from hyperpy.components.supervisor import StartFailure
from hyperpy.store.protocol import Store, StoreError


def _store_directory(options: Options) -> Path:
    directory = options.data_dir / "store"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartFailure(f"cannot use the store directory {directory}: {error.strerror}") from error
    return directory


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
        store = await open_etcd(options.etcd_servers, ca=ca, cert=cert, key=key)
    else:
        from hyperpy.store.sql.sqlite import open_store

        store = await open_store(_store_directory(options) / "store.db")
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
