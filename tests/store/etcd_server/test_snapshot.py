"""The way from one machine to a real etcd: a snapshot of our server, restored by etcdctl, served by Debian's etcd."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

from store.real_etcd import free_port, running_etcd
from store.served import served

from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.protocol import DeleteRange, Get, KeyValue, Put, Store, Txn

ALL = b"\0"


async def fill(store: Store) -> None:
    """A history of 60 revisions, of which the first 29 are compacted."""
    lease = await store.lease_grant(1000, lease_id=7)
    await store.lease_grant(2000, lease_id=-7)
    for i in range(50):
        await store.put(Put(b"k%d" % (i % 12), b"%d" % i * 100, lease=lease.id if i % 5 == 0 else 0))
    await store.delete(DeleteRange(b"k3"))
    await store.txn(Txn(success=[Put(b"t1", b"1"), Put(b"t2", b""), DeleteRange(b"k4", b"k6")]))
    await store.put(Put(b"k3", b"again"))
    await store.put(Put(b"big", bytes(300_000)))
    for _ in range(6):
        await store.put(Put(b"same", b"same"))
    await store.compact(30)


async def states(store: Store) -> list[list[KeyValue]]:
    """Everything, at every revision from the floor on."""
    newest = await store.revision()
    return [list((await store.get(Get(ALL, ALL, revision=at))).kvs) for at in range(30, newest + 1)]


def hash_in(told: str) -> int:
    return int(json.loads(told)[0]["HashKV"]["hash"])


def etcdctl(*words: str, address: str = "") -> str:
    told = subprocess.run(
        ["etcdctl", *words],
        env={**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": address},
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr.decode()
    return told.stdout.decode()


async def test_a_real_etcd_goes_on_from_a_snapshot(tmp_path: Path) -> None:
    file, restored = tmp_path / "saved", tmp_path / "restored"
    async with served(tmp_path / "store.db") as address:
        store = await open_etcd([address])
        await fill(store)
        before = await states(store)
        hashed = await asyncio.to_thread(etcdctl, "endpoint", "hashkv", "-w", "json", address=address)
        await asyncio.to_thread(etcdctl, "snapshot", "save", str(file), address=address)
        await store.aclose()
    peer = "http://127.0.0.1:1"
    members = ["--name", "one", "--initial-cluster", f"one={peer}", "--initial-advertise-peer-urls", peer]
    etcdctl("snapshot", "restore", str(file), "--data-dir", str(restored), *members)
    with running_etcd(restored, port=free_port()) as address:
        store = await open_etcd([address])
        assert await states(store) == before
        assert hash_in(etcdctl("endpoint", "hashkv", "-w", "json", address=address)) == hash_in(hashed)
        assert await store.leases() == [-7, 7]
        lease = await store.lease_info(7, keys=True)
        assert lease.ttl_s == 1000 and lease.keys == sorted(pair.key for pair in before[-1] if pair.lease == 7)
        await store.lease_revoke(7)
        await store.compact(await store.revision())  # deletes rows, which walks through the tree
        etcdctl("defrag", address=address)
        assert await states_now(store) == [pair for pair in before[-1] if pair.lease != 7]
        await store.aclose()


async def states_now(store: Store) -> list[KeyValue]:
    return list((await store.get(Get(ALL, ALL))).kvs)
