"""Our own etcd server over a SQLite store, in the test's process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
    urls: list[str] = []
    identity = Identity("one", urls)
    v2 = V2Api(file.with_name("v2.db"), identity)
    await v2.start()
    gate = Gate(limits or Limits(), lambda: file.stat().st_size)
    listener = EtcdListener(store, identity, gate, v2=v2, scratch=file.parent)
    urls.append(f"http://127.0.0.1:{await listener.start('127.0.0.1', 0)}")
    yield urls[0]
    await listener.aclose()
    await v2.aclose()
    await store.aclose()
