"""Our own etcd server over a store, in the test's process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hyperpy.store.engine.engine import Engine
from hyperpy.store.engine.options import Options
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.limits import Gate, Limits
from hyperpy.store.etcd_server.listener import EtcdListener
from hyperpy.store.etcd_server.v2.api import V2Api
from hyperpy.store.sql.sqlite import open_store


@asynccontextmanager
async def served(file: Path, *, options: Options | None = None, limits: Limits | None = None) -> AsyncIterator[str]:
    """Yields its client address."""
    store = await open_store(file, options=options)
    async with serving(store, file.parent, limits=limits) as address:
        yield address
    await store.aclose()


@asynccontextmanager
async def serving(store: Engine, directory: Path, *, port: int = 0, limits: Limits | None = None) -> AsyncIterator[str]:
    """Serve a store of any kind; `directory` is for what the server has of its own. Yields the client address."""
    urls: list[str] = []
    identity = Identity("one", urls)
    v2 = V2Api(directory / "v2.db", identity)
    await v2.start()
    gate = Gate(limits or Limits(), lambda: sum(file.stat().st_size for file in directory.glob("store.db")))
    listener = EtcdListener(store, identity, gate, v2=v2, scratch=directory)
    urls.append(f"http://127.0.0.1:{await listener.start('127.0.0.1', port)}")
    yield urls[0]
    await listener.aclose()
    await v2.aclose()
