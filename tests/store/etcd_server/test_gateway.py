"""The JSON gateway, asked the same as Debian's etcd's own."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from store.real_etcd import running_etcd
from store.served import served


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[list[str]]:
    with running_etcd(tmp_path / "etcd") as real:
        async with served(tmp_path / "store.db") as ours:
            yield [real, ours]


def masked(told: Any) -> Any:
    if isinstance(told, dict):
        return {
            key: masked(value) for key, value in told.items() if key not in ("cluster_id", "member_id", "raft_term")
        }
    return [masked(each) for each in told] if isinstance(told, list) else told


async def same(both: list[str], path: str, body: Any) -> Any:
    told = []
    async with aiohttp.ClientSession() as http:
        for address in both:
            async with http.post(f"{address}/v3/{path}", data=json.dumps(body)) as response:
                told.append((response.status, masked(json.loads(await response.text()))))
    assert told[1] == told[0]
    return told[1][1]


async def test_it_answers_as_etcds_does(both: list[str]) -> None:
    await same(both, "kv/put", {"key": b64("a"), "value": b64("1")})
    await same(both, "kv/put", {"key": b64("a"), "value": b64("2"), "prev_kv": True})
    found = await same(both, "kv/range", {"key": b64("a")})
    assert found["kvs"][0]["value"] == b64("2") and found["kvs"][0]["mod_revision"] == "3"
    compare = {"key": b64("a"), "target": "VERSION", "result": "EQUAL", "version": "2"}
    put = {"requestPut": {"key": b64("b"), "value": b64("3")}}
    await same(both, "kv/txn", {"compare": [compare], "success": [put, {"request_range": {"key": b64("b")}}]})
    await same(both, "kv/range", {"key": b64("\0"), "range_end": b64("\0"), "sort_target": "MOD", "limit": "1"})
    await same(both, "kv/deleterange", {"key": b64("b"), "prev_kv": True})
    await same(both, "kv/compaction", {"revision": "4"})
    await same(both, "lease/grant", {"TTL": "60", "ID": "7"})
    await same(both, "lease/keepalive", {"ID": "7"})
    await same(both, "lease/leases", {})
    await same(both, "lease/revoke", {"ID": "7"})
    await same(both, "lease/timetolive", {"ID": "7"})


@pytest.mark.parametrize(
    ("path", "body"),
    [("kv/range", {}), ("kv/compaction", {"revision": "99"}), ("lease/revoke", {"ID": "99"})],
    ids=["no key", "a future revision", "no such lease"],
)
async def test_refusals_have_etcds_codes(both: list[str], path: str, body: Any) -> None:
    await same(both, path, body)


async def test_a_watch_is_a_stream_of_lines(both: list[str]) -> None:
    create = json.dumps({"create_request": {"key": b64("w"), "start_revision": "1"}})
    told = []
    async with aiohttp.ClientSession() as http, asyncio.timeout(10):
        for address in both:
            async with http.post(f"{address}/v3/watch", data=create) as response:
                lines = [masked(json.loads(await response.content.readline()))]
                async with http.post(f"{address}/v3/kv/put", data=json.dumps({"key": b64("w")})):
                    lines.append(masked(json.loads(await response.content.readline())))
            told.append(lines)
    assert told[1] == told[0] and told[1][1]["result"]["events"][0]["kv"]["key"] == b64("w")


async def test_what_is_not_served_is_refused_by_name(tmp_path: Path) -> None:
    async with served(tmp_path / "store.db") as address, aiohttp.ClientSession() as http:
        async with http.post(f"{address}/v3/auth/enable", data="{}") as response:
            assert response.status == 404 and "does not serve /v3/auth/enable" in await response.text()
        async with http.post(f"{address}/v3/kv/range", data="{nonsense") as response:
            assert response.status == 400 and "cannot be read" in await response.text()
