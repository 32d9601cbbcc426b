"""A thousand watchers of one kind through an API server: how late changes reach them, also beside some that never read.

The watchers live in one process beside the writer, so that one clock tells how old a change is when it arrives. Their
connections are bare protocols on uvloop: reading costs about what sending costs.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import aiohttp

#: Objects that change in turn, so that writes under way do not meet.
_OBJECTS = 20
#: One watcher in so many looks at how old its changes are; the others count them.
_TIMED = 10
_MARK = b'"t":"'
_STAMP = re.compile(rb'"t":"([0-9.]+)"')


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What arrived: how many of how many, the writer's pace, and the ages of changes in milliseconds."""

    arrived: int
    expected: int
    writes_per_s: float
    median_ms: float
    p99_ms: float


class _Watcher(asyncio.Protocol):
    """One watch. `opened` is set by the head of the answer; `ages_s` are those of the changes that came, if `timed`."""

    def __init__(self, request: bytes, *, timed: bool) -> None:
        self.opened = asyncio.get_running_loop().create_future()
        self.ages_s: list[float] = []
        self.arrived = 0
        self._timed = timed
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.opened.set_result(None)
        self.arrived += data.count(_MARK)
        if self._timed:
            now = time.time()
            self.ages_s += [now - float(stamp) for stamp in _STAMP.findall(data)]


async def measure(url: str, token: str, *, watchers: int, rate: int, seconds: float, stuck: int = 0) -> Deliveries:
    """Have `watchers` watch ConfigMaps of which one changes `rate` times a second.

    Args:
        stuck: watchers beside them that stop reading at once.
    """
    collection = "/api/v1/namespaces/default/configmaps"
    names = [f"fanout-{number}-{time.time_ns()}" for number in range(_OBJECTS)]
    count = int(rate * seconds)
    headers = {"Authorization": f"Bearer {token}"}
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    async with aiohttp.ClientSession(url, headers=headers, connector=aiohttp.TCPConnector(ssl=tls)) as session:
        for name in names:
            body = {"metadata": {"name": name}, "data": {"t": "0", "pad": "x" * 1000}}
            async with session.post(collection, json=body) as answer:
                made = await answer.json()
        target = f"{collection}?watch=1&resourceVersion={made['metadata']['resourceVersion']}"
        asked = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        all_ = [await _connect(url, tls, asked, timed=not n % _TIMED) for n in range(watchers + stuck)]
        slow, quick = all_[:stuck], all_[stuck:]
        for watcher in slow:
            watcher.transport.pause_reading()
        took = await _write(session, [f"{collection}/{name}" for name in names], count=count, rate=rate)
        await _settle(quick, count)
        ages = sorted(age for watcher in quick for age in watcher.ages_s)
        arrived = sum(watcher.arrived for watcher in quick)
        for name in names:
            async with session.delete(f"{collection}/{name}"):
                pass
    for watcher in all_:
        watcher.transport.abort()
    return Deliveries(
        arrived=arrived,
        expected=watchers * count,
        writes_per_s=count / took,
        median_ms=ages[len(ages) // 2] * 1000,
        p99_ms=ages[int(len(ages) * 0.99)] * 1000,
    )


async def _connect(url: str, tls: ssl.SSLContext, asked: bytes, *, timed: bool) -> _Watcher:
    where = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, watcher = await loop.create_connection(lambda: _Watcher(asked, timed=timed), where.hostname, where.port, ssl=tls)
    await watcher.opened
    return watcher


async def _write(session: aiohttp.ClientSession, places: list[str], *, count: int, rate: int) -> float:
    """Change objects in turn at a steady pace; returns how long that took, in seconds."""
    headers = {"Content-Type": "application/merge-patch+json"}

    async def change(place: str) -> None:
        patch = b'{"data":{"t":"%.6f"}}' % time.time()
        async with session.patch(place, data=patch, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as writes:
        for number in range(count):
            ahead = began + number / rate - time.perf_counter()
            await asyncio.sleep(max(0, ahead))
            writes.create_task(change(places[number % len(places)]))
    return time.perf_counter() - began


async def _settle(watchers: list[_Watcher], count: int) -> None:
    """Wait until everybody has everything, two seconds at most."""
    for _ in range(20):
        if all(watcher.arrived >= count for watcher in watchers):
            return
        await asyncio.sleep(0.1)
