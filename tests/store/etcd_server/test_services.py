"""Debian's etcdctl against our own etcd server, and the two plain paths beside it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from store.served import served


class Etcdctl:
    """Runs etcdctl; its standard output comes back."""

    def __init__(self, address: str) -> None:
        self._environment = {**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": address}

    async def start(self, *words: str, stdin: int = subprocess.DEVNULL) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            "etcdctl",
            *words,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
        )

    async def __call__(self, *words: str, stdin: str = "") -> str:
        process = await self.start(*words, stdin=subprocess.PIPE)
        async with asyncio.timeout(20):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def json(self, *words: str) -> Any:
        return json.loads(await self(*words, "-w", "json"))

    async def failure(self, *words: str) -> str:
        process = await self.start(*words)
        async with asyncio.timeout(20):
            _, err = await process.communicate()
        assert process.returncode != 0
        return err.decode()


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with served(tmp_path / "store.db") as address:
        yield address


@pytest.fixture
def etcdctl(address: str) -> Etcdctl:
    return Etcdctl(address)


async def test_put_get_and_delete(etcdctl: Etcdctl) -> None:
    assert await etcdctl("put", "a", "1") == "OK\n"
    assert await etcdctl("put", "a", "2", "--prev-kv") == "OK\na\n1\n"
    assert await etcdctl("get", "a") == "a\n2\n"
    assert await etcdctl("get", "a", "--rev", "2") == "a\n1\n"
    assert await etcdctl("del", "a", "--prev-kv") == "1\na\n2\n"
    assert await etcdctl("get", "a") == ""


async def test_ranges_by_prefix_limit_and_order(etcdctl: Etcdctl) -> None:
    for name, value in (("r/b", "2"), ("r/a", "3"), ("r/c", "1"), ("s", "0")):
        await etcdctl("put", name, value)
    assert (await etcdctl("get", "r/", "--prefix", "--keys-only")).split() == ["r/a", "r/b", "r/c"]
    assert (await etcdctl("get", "r/", "--prefix", "--limit", "2", "--order", "DESCEND")).split() == [
        *("r/c", "1"),
        *("r/b", "2"),
    ]
    assert (await etcdctl("get", "r/", "--prefix", "--sort-by", "VALUE", "--keys-only")).split() == [
        *("r/c", "r/b", "r/a")
    ]
    newest = await etcdctl.json("get", "", "--prefix", "--sort-by", "MODIFY", "--order", "DESCEND", "--limit", "1")
    assert (newest["count"], newest["more"], len(newest["kvs"])) == (4, True, 1)
    assert (await etcdctl("get", "r/b", "--from-key", "--keys-only")).split() == ["r/b", "r/c", "s"]


async def test_a_transaction_takes_the_branch_its_compares_choose(etcdctl: Etcdctl) -> None:
    await etcdctl("put", "a", "1")
    script = 'value("a") = "1"\nmod("none") = "0"\n\nput b yes\nget b\n\nput b no\n\n'
    assert (await etcdctl("txn", stdin=script)).split() == ["SUCCESS", "OK", "b", "yes"]
    assert (await etcdctl("txn", stdin='version("a") > "7"\n\nput b yes\n\nget a\n\n')).split() == [
        *("FAILURE", "a", "1")
    ]


async def test_a_watch_shows_history_and_then_what_comes(etcdctl: Etcdctl) -> None:
    await etcdctl("put", "w/a", "1")
    watching = await etcdctl.start("watch", "w/", "--prefix", "--rev", "2", "--prev-kv")
    assert watching.stdout is not None
    await etcdctl("put", "other", "1")
    await etcdctl("put", "w/a", "2")
    await etcdctl("del", "w/a")
    expected = ["PUT", "w/a", "1", "PUT", "w/a", "1", "w/a", "2", "DELETE", "w/a", "2", "w/a"]
    words: list[str] = []
    async with asyncio.timeout(20):
        while len(words) < len(expected):
            words += (await watching.stdout.readline()).decode().split()
    assert words == expected
    watching.terminate()
    await watching.wait()


async def test_leases(etcdctl: Etcdctl) -> None:
    granted = await etcdctl.json("lease", "grant", "60")
    lease = f"{granted['ID']:016x}"
    await etcdctl("put", "l", "1", f"--lease={lease}")
    assert await etcdctl("lease", "keep-alive", "--once", lease) == f"lease {lease} keepalived with TTL(60)\n"
    told = await etcdctl.json("lease", "timetolive", lease, "--keys")
    assert told["granted-ttl"] == 60 and len(told["keys"]) == 1
    assert lease in await etcdctl("lease", "list")
    await etcdctl("put", "l", "2", "--ignore-lease")
    await etcdctl("lease", "revoke", lease)
    assert await etcdctl("get", "l") == ""
    assert "requested lease not found" in await etcdctl.failure("lease", "revoke", lease)


async def test_ignore_value_keeps_the_value(etcdctl: Etcdctl) -> None:
    assert "key not found" in await etcdctl.failure("put", "v", "--ignore-value")
    await etcdctl("put", "v", "kept")
    await etcdctl("put", "v", "--ignore-value")
    found = await etcdctl.json("get", "v")
    assert found["kvs"][0]["version"] == 2
    assert await etcdctl("get", "v", "--print-value-only") == "kept\n"


async def test_compaction(etcdctl: Etcdctl) -> None:
    for i in range(5):
        await etcdctl("put", "a", str(i))
    assert await etcdctl("compact", "4") == "compacted revision 4\n"
    assert "required revision has been compacted" in await etcdctl.failure("get", "a", "--rev", "3")
    assert "required revision has been compacted" in await etcdctl.failure("compact", "4")
    assert "future revision" in await etcdctl.failure("get", "a", "--rev", "99")
    assert "required revision has been compacted" in await etcdctl.failure("watch", "a", "--rev", "2")


async def test_members_status_and_health(etcdctl: Etcdctl, address: str) -> None:
    members = await etcdctl.json("member", "list")
    assert [(member["name"], member["clientURLs"]) for member in members["members"]] == [("one", [address])]
    await etcdctl("put", "a", "1")
    (status,) = await etcdctl.json("endpoint", "status")
    assert status["Status"]["leader"] == status["Status"]["header"]["member_id"] == members["members"][0]["ID"]
    assert status["Status"]["raftIndex"] == 2 and status["Status"]["dbSize"] > 0
    assert [member["health"] for member in await etcdctl.json("endpoint", "health")] == [True]


@pytest.mark.parametrize(
    ("words", "method"),
    [
        (["user", "list"], "Auth.UserList"),
        (["member", "add", "two", "--peer-urls=http://127.0.0.1:1"], "Cluster.MemberAdd"),
        (["move-leader", "1"], "Maintenance.MoveLeader"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_not_served_is_refused_by_name(etcdctl: Etcdctl, words: list[str], method: str) -> None:
    assert f"hyperpy etcd does not serve {method}" in await etcdctl.failure(*words)


async def test_etcdctl_makes_its_locks_of_leases_and_keys(etcdctl: Etcdctl) -> None:
    assert await etcdctl("lock", "l", "true") == ""


async def test_a_request_over_the_limit_is_refused(etcdctl: Etcdctl) -> None:
    process = await etcdctl.start("put", "big", stdin=subprocess.PIPE)
    _, err = await process.communicate(b"x" * 1_600_000)
    assert process.returncode != 0 and b"request is too large" in err


async def test_version_and_health_answer_plain_http(address: str) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{address}/version") as response:
            assert set(json.loads(await response.text())) == {"etcdserver", "etcdcluster"}
        async with http.get(f"{address}/health") as response:
            assert json.loads(await response.text()) == {"health": "true"}
        async with http.get(f"{address}/v4/keys") as response:
            assert response.status == 404 and "/v4/keys is not served" in await response.text()
        async with http.post(f"{address}/health") as response:
            assert response.status == 405
