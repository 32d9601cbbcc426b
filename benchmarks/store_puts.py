"""Durable puts a second: the embedded store, `hyperpy etcd` and etcd over gRPC, in turn on the same disk."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

from grpc_load import Load, load
from store_servers import Server
from store_table import Figure, Table

from hyperpy.store.etcd.api import rpc_pb2 as pb
from hyperpy.store.protocol import Put, Store, StoreError

VALUE = bytes(range(256)) * 12  # 3 KB, a small Pod
_KEYS = 1600
_MESSAGES = [pb.PutRequest(key=b"/bench/%d" % i, value=VALUE).SerializeToString() for i in range(_KEYS)]


@dataclass
class _Runs:
    """Results of one system, one a round."""

    rates: list[float] = field(default_factory=list)
    middles_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    errors: int = 0

    def add(self, found: Load, *, seconds: float, cpu_s: float) -> None:
        """Take in one run."""
        self.rates.append(len(found.waits) / seconds)
        self.middles_ms.append(statistics.median(found.waits) * 1000)
        self.cpu_us.append(cpu_s / max(1, len(found.waits)) * 1e6)
        self.errors += found.errors

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rates)

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s, p50 {statistics.median(self.middles_ms):.2f} ms"


async def measure(table: Table, embedded: Store, ours: Server, theirs: Server, *, rounds: int, seconds: float) -> None:
    """All writers' counts; the three systems take turns, so that a noisy neighbour meets each of them."""
    for writers in (1, 32, 256, 1000):
        own, served, etcd = _Runs(), _Runs(), _Runs()
        for _ in range(rounds):
            begun = time.process_time()
            own.add(await _embedded(embedded, writers, seconds), seconds=seconds, cpu_s=time.process_time() - begun)
            await _served(ours, served, writers, seconds)
            await _served(theirs, etcd, writers, seconds)
        _tell(table, writers, own, served, etcd)


async def _embedded(store: Store, writers: int, seconds: float) -> Load:
    found = Load()
    end = time.perf_counter() + seconds

    async def write(writer: int) -> None:
        count = writer
        while (begun := time.perf_counter()) < end:
            try:
                await store.put(Put(b"/bench/%d" % (count % _KEYS), VALUE))
            except StoreError:
                found.errors += 1
            else:
                found.waits.append(time.perf_counter() - begun)
            count += writers

    await asyncio.gather(*(write(writer) for writer in range(writers)))
    return found


async def _served(server: Server, runs: _Runs, writers: int, seconds: float) -> None:
    begun = server.cpu_s()
    found = await load(server.port, "/etcdserverpb.KV/Put", _MESSAGES, callers=writers, seconds=seconds)
    runs.add(found, seconds=seconds, cpu_s=server.cpu_s() - begun)


def _tell(table: Table, writers: int, own: _Runs, served: _Runs, etcd: _Runs) -> None:
    many = writers == 1000
    ratio = own.rate / etcd.rate
    goal, met = ("", None) if many else ("ahead of etcd", ratio > 1)
    table.add(Figure(f"puts, {writers} writers, embedded", str(own), str(etcd), ratio, goal, met))
    ratio = served.rate / etcd.rate
    goal, met = ("half of etcd", ratio >= 0.5) if writers == 32 else ("", None)
    table.add(Figure(f"puts, {writers} writers, gRPC", str(served), str(etcd), ratio, goal, met))
    cpu = [statistics.median(runs.cpu_us) for runs in (served, etcd)]
    table.add(Figure(f"  CPU of the server a put, {writers}", f"{cpu[0]:.0f} µs", f"{cpu[1]:.0f} µs", cpu[0] / cpu[1]))
    if many:
        table.add(
            Figure(
                "errors, 1000 writers, embedded + gRPC",
                f"{own.errors} + {served.errors}",
                str(etcd.errors),
                goal="none",
                met=own.errors + served.errors == 0,
            )
        )
