"""Figures of the store beside Debian's etcd in one run: durable puts, watches, start with many keys.

usage: benchmarks/store.py [--seconds 2] [--keys 20000] [--watchers 100]
All use the same disk and sync every commit. "embedded" is what the API server uses; "served" is `hyperpy etcd`'s server
in a process of its own, spoken to by the same client as etcd.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.protocol import Put, Store, Unavailable, prefix_end
from hyperpy.store.sql.sqlite import open_store

VALUE = bytes(range(256)) * 12  # 3 KB, a small Pod


async def puts_per_s(store: Store, *, writers: int, seconds: float) -> tuple[float, float]:
    """Durable puts a second, and the median wait of one in milliseconds."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def write(writer: int) -> None:
        count = 0
        while (begun := time.perf_counter()) < end:
            await store.put(Put(b"/bench/%d/%d" % (writer, count % 50), VALUE))
            waits.append(time.perf_counter() - begun)
            count += 1

    await asyncio.gather(*(write(writer) for writer in range(writers)))
    return len(waits) / seconds, statistics.median(waits) * 1000


async def delivery_ms(store: Store, *, watchers: int, events_per_s: int, seconds: float) -> tuple[float, float]:
    """Median and 99th percentile of the time from a put's begin to a watcher's having it."""
    delays: list[float] = []
    total = int(events_per_s * seconds)
    begun: dict[bytes, float] = {}

    async def read(watch: AsyncIterator) -> None:  # type: ignore[type-arg]
        seen = 0
        while seen < total:
            batch = await anext(watch)
            now = time.perf_counter()
            delays.extend(now - begun[event.kv.key] for event in batch.events)
            seen += len(batch.events)

    watches = [await store.watch(b"/watched/", prefix_end(b"/watched/")) for _ in range(watchers)]
    readers = [asyncio.create_task(read(aiter(watch))) for watch in watches]
    start = time.perf_counter()
    writes = []
    for i in range(total):
        if (ahead := start + i / events_per_s - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        key = b"/watched/%06d" % i
        begun[key] = time.perf_counter()
        writes.append(asyncio.create_task(store.put(Put(key, b"x" * 200))))
    await asyncio.gather(*writes, *readers)
    for watch in watches:
        await watch.aclose()
    assert len(delays) == total * watchers
    delays.sort()
    return delays[len(delays) // 2] * 1000, delays[int(len(delays) * 0.99)] * 1000


async def start_with_keys(directory: Path, *, keys: int) -> str:
    """How long a store with many live keys takes to open."""
    store = await open_store(directory / "many.db")
    for first in range(0, keys, 500):
        await asyncio.gather(*(store.put(Put(b"/many/%06d" % i, VALUE)) for i in range(first, min(first + 500, keys))))
    await store.aclose()
    begun = time.perf_counter()
    store = await open_store(directory / "many.db")
    took = time.perf_counter() - begun
    await store.aclose()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{took:.2f} s; peak of this process {peak_mb:.0f} MB for {keys * len(VALUE) / 1e6:.0f} MB of values"


@contextlib.asynccontextmanager
async def process(command: Sequence[str], port: int) -> AsyncIterator[Store]:
    """A server process and a client of it."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            store = await _reached(f"http://127.0.0.1:{port}")
            yield store
            await store.aclose()
        finally:
            server.terminate()


async def _reached(address: str) -> Store:
    for _ in range(200):
        with contextlib.suppress(Unavailable):
            return await open_etcd([address])
        await asyncio.sleep(0.05)
    raise SystemExit(f"nothing answers at {address}")


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def measure(name: str, store: Store, arguments: argparse.Namespace) -> None:
    """Print one store's figures."""
    for writers in (1, 32, 256):
        rate, wait = await puts_per_s(store, writers=writers, seconds=arguments.seconds)
        print(f"{name:9} {writers:4} writers  {rate:8.0f} puts/s  median {wait:6.2f} ms", flush=True)
    middle, slow = await delivery_ms(store, watchers=arguments.watchers, events_per_s=200, seconds=arguments.seconds)
    print(
        f"{name:9} {arguments.watchers:4} watchers, 200 events/s: median {middle:.1f} ms, p99 {slow:.1f} ms", flush=True
    )


async def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--watchers", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as name:
        directory = Path(name).absolute()
        store = await open_store(directory / "store.db")
        await measure("embedded", store, arguments)
        await store.aclose()
        client, peer = _free_port(), _free_port()
        ours = [sys.executable, "-m", "hyperpy", "etcd", f"--addr=127.0.0.1:{client}", f"--data-dir={directory}/ours"]
        async with process(ours, client) as served:
            await measure("served", served, arguments)
        url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        theirs = [
            *("etcd", "--name", "one", "--data-dir", f"{directory}/theirs"),
            *("--listen-client-urls", url, "--advertise-client-urls", url),
            *("--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url),
            *("--initial-cluster", f"one={peer_url}"),
        ]
        async with process(theirs, client) as etcd:
            await measure("etcd", etcd, arguments)
        print(f"start with {arguments.keys} keys: {await start_with_keys(directory, keys=arguments.keys)}")


if __name__ == "__main__":
    asyncio.run(main())
