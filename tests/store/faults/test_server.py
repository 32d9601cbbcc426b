"""A real `hyperpy etcd` that dies under its clients' hands and is started again, on the same port and data."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store.faults import journal, load
from store.faults.verify import verify
from store.real_etcd import free_port, wait_for_port

from hyperpy.store import failpoints
from hyperpy.store.etcd.client import EtcdStore, open_etcd
from hyperpy.store.protocol import EventType, prefix_end

LIVES = ("commit/commit:30", "commit/durable:40", "commit/shown:50", "sweep/rows:2", "")


@contextmanager
def server(directory: Path, port: int, *, failpoint: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A server process; killed at the end, where it has not died by then."""
    command = [sys.executable, "-m", "hyperpy", "etcd", "--data-dir", str(directory)]
    command += ["--listen-client-urls", f"http://127.0.0.1:{port}"]
    environment = {**os.environ, failpoints.VARIABLE: failpoint}
    with (
        (directory.parent / "server.log").open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for_port(port, process)
            yield process
        finally:
            process.kill()


class Observer:
    """One watch that is kept open through all lives of the server."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, dict[str, str | None]]] = []
        self._reached = asyncio.Condition()

    async def observe(self, store: EtcdStore) -> None:
        """Note every revision until cancelled."""
        watch = await store.watch(load.ROOT, prefix_end(load.ROOT), start_revision=2)
        async for batch in watch:
            for event in batch.events:
                revision = event.kv.mod_revision
                if not self.seen or self.seen[-1][0] != revision:
                    self.seen.append((revision, {}))
                value = load.id_of(event.kv) if event.type is EventType.PUT else None
                self.seen[-1][1][event.kv.key.decode()] = value
            async with self._reached:
                self._reached.notify_all()

    async def reached(self, revision: int) -> None:
        """Wait until a revision was shown."""
        async with self._reached:
            await self._reached.wait_for(lambda: bool(self.seen) and self.seen[-1][0] >= revision)


async def test_clients_of_a_server_that_dies_lose_nothing_and_their_watches_go_on(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "journal"
    observer = Observer()
    watching = None
    for number, failpoint in enumerate(LIVES):
        with server(tmp_path / "data", port, failpoint=failpoint) as process:
            store = await open_etcd([f"http://127.0.0.1:{port}"])
            if watching is None:
                lasting = await open_etcd([f"http://127.0.0.1:{port}"])
                watching = asyncio.create_task(observer.observe(lasting))
            with closing(journal.Journal(file)) as diary:
                wrong = await verify(store, diary, journal.read(file))
                assert wrong == []
                if failpoint:
                    revision = await store.revision()
                    if revision > 1:
                        await observer.reached(revision)
                    await load.run(store, diary, journal.read(file), shape=load.Shape(writers=3), seed=number)
                    assert process.wait() == -9
                else:
                    await observer.reached(await store.revision())
            await store.aclose()
    assert watching is not None
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await lasting.aclose()
    assert [revision for revision, _ in observer.seen] == list(range(2, len(observer.seen) + 2))
    assert observer.seen == _revisions(journal.read(file))


def _revisions(diary: journal.Diary) -> list[tuple[int, dict[str, str | None]]]:
    done = [step for step in diary.acknowledged if step.effects]
    return sorted((step.revision or 0, step.effects) for step in done)
