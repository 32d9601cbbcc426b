"""The client of a real etcd cluster with TLS while its members die, stop, come back and elect a leader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import pytest
from store.certificates import make_certificates
from store.real_cluster import EtcdCluster, running_cluster

from hyperpy.store.etcd.client import EtcdStore, open_etcd
from hyperpy.store.protocol import Compacted, Get, Put, Unavailable, Watch, prefix_end

KEY = b"/registry/a"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    directory = tmp_path_factory.mktemp("cluster")
    with running_cluster(directory / "etcd", certificates=make_certificates(directory)) as running:
        yield running


@asynccontextmanager
async def opened(cluster: EtcdCluster, *order: int) -> AsyncIterator[EtcdStore]:
    """A store that asks the members in this order."""
    pki = cluster.certificates
    assert pki is not None
    addresses = [cluster.addresses[member] for member in order or range(len(cluster.addresses))]
    store = await open_etcd(addresses, ca=pki.ca, cert=pki.client_cert, key=pki.client_key)
    try:
        yield store
    finally:
        await store.aclose()


async def written(store: EtcdStore, key: bytes, value: bytes) -> None:
    """Write what may be written twice, until it is known to be there."""
    async with asyncio.timeout(30):
        while True:
            try:
                await store.put(Put(key, value))
                return
            except Unavailable:
                continue


async def delivered(watch: Watch, last: bytes) -> list[bytes]:
    """The values of a watch's changes up to a value."""
    values: list[bytes] = []
    async with asyncio.timeout(30):
        async for batch in watch:
            values += [event.kv.value for event in batch.events]
            if last in values:
                break
    return values


class Load:
    """Writers of increasing numbers, each to its own key; what they were told is kept."""

    def __init__(self, store: EtcdStore, keys: Iterable[int]) -> None:
        self.acknowledged: dict[bytes, list[int]] = {b"/load/%d" % key: [] for key in keys}
        self.refused = 0
        self._store = store
        self._more = asyncio.Event()
        self._tasks = [asyncio.create_task(self._write(key), name="load") for key in self.acknowledged]

    async def _write(self, key: bytes) -> None:
        number = 0
        while True:
            number += 1
            try:
                await self._store.put(Put(key, b"%d" % number))
                self.acknowledged[key].append(number)
                self._more.set()
            except Unavailable:
                self.refused += 1
            await asyncio.sleep(0)

    async def reaches(self, more: int) -> None:
        """Wait until so many more writes were acknowledged."""
        wanted = self._count() + more
        async with asyncio.timeout(30):
            while self._count() < wanted:
                self._more.clear()
                await self._more.wait()

    def _count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_a_leader_that_is_killed_under_load_costs_no_acknowledged_write(cluster: EtcdCluster) -> None:
    leader = cluster.leader()
    others = [member for member in range(3) if member != leader]
    async with opened(cluster, leader, *others) as store:
        watch = await store.watch(b"/load/", prefix_end(b"/load/"))
        load = Load(store, range(8))
        await load.reaches(100)
        cluster.kill(leader)
        await store.revision()  # there is a new leader; what was sent to the old one etcd answers after 7 s only
        later = Load(store, range(8, 16))
        await later.reaches(100)
        await load.stop()
        await later.stop()
        cluster.start(leader)
        await written(store, b"/load/0", b"last")
        acknowledged = load.acknowledged | later.acknowledged
        seen: dict[bytes, list[int]] = {key: [] for key in acknowledged}
        revision = 0
        async with asyncio.timeout(20):
            async for batch in watch:
                for event in batch.events:
                    assert event.kv.mod_revision >= revision
                    revision = event.kv.mod_revision
                    if event.kv.value != b"last":
                        seen[event.kv.key].append(int(event.kv.value))
                if any(event.kv.value == b"last" for event in batch.events):
                    break
        for key, numbers in acknowledged.items():
            assert seen[key] == sorted(set(seen[key]))  # nothing twice, in order
            assert set(numbers) <= set(seen[key])  # nothing lost


async def test_reads_and_a_watch_go_on_while_each_member_is_killed_in_turn(cluster: EtcdCluster) -> None:
    async with opened(cluster) as store:
        watch = await store.watch(KEY)
        for member in range(3):
            cluster.kill(member)
            assert (await store.get(Get(KEY))).revision > 0
            await written(store, KEY, b"without %d" % member)
            cluster.start(member)
            cluster.ctl("endpoint", "health")
        values = await delivered(watch, b"without 2")
        assert list(dict.fromkeys(values)) == [b"without 0", b"without 1", b"without 2"]


@pytest.mark.slow
async def test_all_members_down_is_told_with_each_of_them_and_passes(cluster: EtcdCluster) -> None:
    async with opened(cluster) as store:
        await store.put(Put(KEY, b"before"))
        watch = await store.watch(KEY)
        cluster.stop()
        with pytest.raises(Unavailable) as told:
            await store.get(Get(KEY))
        assert all(address in str(told.value) for address in cluster.addresses)
        cluster.start(0, 1, 2)
        cluster.ctl("endpoint", "health")
        await written(store, KEY, b"after")
        assert (await delivered(watch, b"after"))[-1] == b"after"


async def test_a_member_that_stands_still_is_left_for_another(cluster: EtcdCluster) -> None:
    leader = cluster.leader()
    still = (leader + 1) % 3
    async with opened(cluster, still, leader) as store:
        await store.put(Put(KEY, b"1"))
        cluster.pause(still)
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):  # as a health check gives up
                    await store.get(Get(KEY))
            assert (await store.get(Get(KEY))).kvs[0].value == b"1"
        finally:
            cluster.resume(still)


@pytest.mark.slow
async def test_a_write_without_a_leader_fails_and_a_watch_goes_on_with_the_next_one(cluster: EtcdCluster) -> None:
    async with opened(cluster) as store:
        await store.put(Put(KEY, b"1"))
        watch = await store.watch(KEY)
        cluster.kill(1, 2)
        with pytest.raises(Unavailable, match="no leader|request timed out"):
            await store.put(Put(KEY, b"not written"))
        cluster.start(1, 2)
        await written(store, KEY, b"2")
        assert (await delivered(watch, b"2"))[-1] == b"2"


@pytest.mark.slow
async def test_history_that_went_while_a_watch_was_cut_off_ends_it_once(cluster: EtcdCluster) -> None:
    async with opened(cluster, 0) as store:
        await written(store, KEY, b"1")
        watch = await store.watch(KEY)
        cluster.stop()
        cluster.start(1, 2)
        async with opened(cluster, 1, 2) as other:
            await written(other, KEY, b"2")
            await written(other, KEY, b"3")
            floor = await other.revision()
            await other.compact(floor)
        cluster.start(0)
        async with asyncio.timeout(30):
            with pytest.raises(Compacted) as told:
                await anext(aiter(watch))
        assert told.value.revision == floor
        await watch.aclose()


@pytest.mark.slow
async def test_a_watch_leaves_a_member_that_gives_no_sign_of_life(cluster: EtcdCluster) -> None:
    leader = cluster.leader()
    still = (leader + 1) % 3
    async with opened(cluster, still, leader) as store, opened(cluster, leader) as other:
        watch = await store.watch(KEY)
        cluster.pause(still)
        try:
            await written(other, KEY, b"meanwhile")
            assert (await delivered(watch, b"meanwhile"))[-1] == b"meanwhile"
        finally:
            cluster.resume(still)
