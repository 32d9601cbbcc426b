"""The metrics of `hyperpy etcd`: true figures under etcd's names, as Prometheus' own parser reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hyperpy.components.etcd.metrics import teller
from hyperpy.store.engine import memory
from hyperpy.store.protocol import Put, Unavailable
from hyperpy.store.sql import sqlite


def read(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if "le" not in sample.labels}


async def test_they_follow_the_store(tmp_path: Path) -> None:
    store = await sqlite.open_store(tmp_path / "store.db")
    for number in range(20):
        await store.put(Put(b"/%d" % (number % 4), b"x" * 1000))
    await store.lease_grant(60)
    await store.compact(10)
    found = read(await teller(store, version="3.4.31")())
    assert found["etcd_debugging_mvcc_keys_total"] == 4
    assert found["etcd_debugging_mvcc_current_revision"] == await store.revision() == 21
    assert found["etcd_debugging_mvcc_compact_revision"] == 10
    assert found["hyperpy_etcd_leases"] == 1 and found["etcd_server_has_leader"] == 1
    assert found["etcd_mvcc_db_total_size_in_bytes"] >= found["etcd_mvcc_db_total_size_in_use_in_bytes"] > 0
    assert found["etcd_disk_backend_commit_duration_seconds_count"] >= 22
    assert found["process_resident_memory_bytes"] > 0
    await store.aclose()
    with pytest.raises(Unavailable):
        await teller(store, version="3.4.31")()


async def test_a_store_without_a_file_tells_no_size() -> None:
    store = await memory.open_store()
    found = read(await teller(store, version="3.4.31")())
    assert "etcd_mvcc_db_total_size_in_bytes" not in found and found["etcd_server_version"] == 1
    await store.aclose()
