"""The v2 API over HTTP: waiting clients, limits, and what stands beside the keys."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from store.served import served
from yarl import URL

from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.etcd_server.v2.api import MAX_BODY_BYTES
from hyperpy.store.protocol import Get, Put
from hyperpy.store.sql.sqlite import open_store


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    async with served(tmp_path / "store.db") as address:
        yield address


@pytest.fixture
async def http(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(address, timeout=aiohttp.ClientTimeout(20)) as http:
        yield http


async def watchers(http: aiohttp.ClientSession) -> int:
    async with http.get("/v2/stats/store") as response:
        return int(json.loads(await response.text())["watchers"])


async def test_the_file_is_made_by_the_first_request_that_needs_it(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with http.get("/v2/machines") as response:
        assert response.status == 200
    assert not (tmp_path / "v2.db").exists()
    async with http.put("/v2/keys/a", data={"value": "1"}) as response:
        assert response.status == 201
    assert (tmp_path / "v2.db").exists()


async def test_keys_of_v2_and_v3_know_nothing_of_each_other(http: aiohttp.ClientSession, address: str) -> None:
    v3 = await open_etcd([address])
    await v3.put(Put(b"/a", b"3"))
    async with http.get("/v2/keys/a") as response:
        assert response.status == 404 and response.headers["X-Etcd-Index"] == "1"
    async with http.put("/v2/keys/a", data={"value": "2"}) as response:
        assert response.headers["X-Etcd-Index"] == "2"
    assert [kv.value for kv in (await v3.get(Get(b"\0", b"\0"))).kvs] == [b"3"]
    await v3.aclose()


async def test_headers_come_before_the_event_that_a_client_waits_for(http: aiohttp.ClientSession) -> None:
    async with http.get("/v2/keys/a?wait=true") as waiting:
        assert waiting.status == 200 and waiting.headers["X-Etcd-Index"] == "1"
        async with http.put("/v2/keys/a", data={"value": "1"}) as put:
            event = await put.read()
        assert await waiting.read() == event


async def test_a_stream_goes_on(http: aiohttp.ClientSession) -> None:
    async with http.get("/v2/keys/?wait=true&recursive=true&stream=true") as waiting:
        for method, path in (("PUT", "/a/b"), ("POST", "/a"), ("DELETE", "/a?recursive=true")):
            async with http.request(method, f"/v2/keys{path}") as response:
                event = await response.read()
            assert await waiting.content.readline() == event


async def test_a_client_that_goes_waits_no_more(http: aiohttp.ClientSession, address: str) -> None:
    async with aiohttp.ClientSession(address) as other:
        waiting = await other.get("/v2/keys/a?wait=true")
        assert await watchers(http) == 1
        waiting.close()
    async with asyncio.timeout(20):
        while await watchers(http):
            pass


async def test_clients_that_wait_are_answered_when_the_server_stops(tmp_path: Path) -> None:
    server = served(tmp_path / "store.db")
    async with aiohttp.ClientSession(await server.__aenter__()) as http:
        once = await http.get("/v2/keys/a?wait=true")
        stream = await http.get("/v2/keys/a?wait=true&stream=true")
        reads = asyncio.gather(once.read(), stream.read())
        await server.__aexit__(None, None, None)
        assert await reads == [b"", b""]


async def test_an_index_of_the_past_is_answered_at_once_and_one_too_old_refused(http: aiohttp.ClientSession) -> None:
    for i in range(1001):
        async with http.put("/v2/keys/a", data={"value": str(i)}):
            pass
    async with http.get("/v2/keys/a?wait=true&waitIndex=3") as response:
        assert json.loads(await response.text())["node"]["value"] == "1"
    async with http.get("/v2/keys/a?wait=true&waitIndex=2") as response:
        assert response.status == 400 and response.headers["X-Etcd-Index"] == "1002"
        assert json.loads(await response.text()) == {
            "errorCode": 401,
            "message": "The event in requested index is outdated and cleared",
            "cause": "the requested history has been cleared [3/2]",
            "index": 1002,
        }


async def test_a_body_over_the_limit_is_refused(http: aiohttp.ClientSession) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"value=".ljust(MAX_BODY_BYTES, b"x")
    async with http.put("/v2/keys/a", data=io.BytesIO(body), headers=form) as response:
        assert response.status == 201
    async with http.put("/v2/keys/a", data=io.BytesIO(body + b"x"), headers=form) as response:
        assert response.status == 400
        content = json.loads(await response.text())
    assert (content["errorCode"], content["message"]) == (210, "Invalid POST form")
    assert "request body too large" in content["cause"]


async def test_a_path_may_be_deep_but_not_too_deep(http: aiohttp.ClientSession) -> None:
    deep = "/v2/keys" + "/a" * 256
    async with http.put(deep, params={"value": "1"}) as response:
        assert response.status == 201
    async with http.get("/v2/keys", params={"recursive": "true"}) as response:
        assert (await response.read()).count(b'"nodes":[{"key":') == 256
    async with http.put(deep + "/a", params={"value": "1"}) as response:
        assert response.status == 400
        assert json.loads(await response.text())["cause"] == "a key has 256 parts at most"
    async with http.put("/v2/keys/" + "a" * 9000) as response:
        assert response.status == 400
    async with http.delete("/v2/keys/a", params={"recursive": "true"}) as response:
        assert response.status == 200
    async with http.get("/v2/keys") as response:
        assert await response.text() == '{"action":"get","node":{"dir":true}}\n'


async def test_a_file_that_cannot_be_opened_is_told_and_opened_once_it_can(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    other = await open_store(tmp_path / "v2.db")
    async with http.get("/v2/keys/a") as response:
        assert response.status == 500
        content = json.loads(await response.text())
    assert (content["errorCode"], content["message"]) == (300, "Raft Internal Error")
    assert "is in use by another process" in content["cause"]
    await other.aclose()
    async with http.get("/v2/keys/a") as response:
        assert response.status == 404


async def test_a_path_that_is_not_clean_is_redirected(http: aiohttp.ClientSession) -> None:
    for path, clean in (("/v2/keys//a", "/v2/keys/a"), ("/v2/keys/a/%2e%2e/b?dir=1", "/v2/keys/b?dir=1")):
        async with http.get(URL(path, encoded=True), allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (301, clean)


async def test_one_member_is_told_and_stays_alone(http: aiohttp.ClientSession, address: str) -> None:
    async with http.get("/v2/members") as response:
        (member,) = json.loads(await response.text())["members"]
        assert (member["name"], member["clientURLs"], member["peerURLs"]) == ("one", [address], [])
    async with http.get("/v2/members/leader") as response:
        assert json.loads(await response.text()) == member
    async with http.get("/v2/machines") as response:
        assert await response.text() == address
    for method, path in (("POST", "/v2/members"), ("DELETE", f"/v2/members/{member['id']}")):
        async with http.request(method, path) as response:
            assert response.status == 409
            assert f"hyperpy etcd does not serve {method} of /v2/members" in await response.text()


async def test_statistics_are_counted(http: aiohttp.ClientSession) -> None:
    for method, query in (("PUT", "value=1"), ("PUT", "prevValue=2"), ("DELETE", "prevValue=2"), ("GET", "")):
        async with http.request(method, f"/v2/keys/a?{query}"):
            pass
    async with http.get("/v2/stats/store") as response:
        counts = json.loads(await response.text())
    assert {name: count for name, count in counts.items() if count} == {
        "setsSuccess": 1,
        "compareAndSwapFail": 1,
        "compareAndDeleteFail": 1,
        "getsSuccess": 1,
    }
    async with http.get("/v2/stats/self") as response:
        told = json.loads(await response.text())
    assert (told["name"], told["state"], told["leaderInfo"]["leader"]) == ("one", "StateLeader", told["id"])
    async with http.get("/v2/stats/leader") as response:
        assert json.loads(await response.text()) == {"leader": told["id"], "followers": {}}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/leader", 404),
        ("GET", "/v2/auth/users", 404),
        ("GET", "/v2/stats/none", 404),
        ("GET", "/v2/keysmith", 404),
        ("PATCH", "/v2/keys/a", 405),
        ("DELETE", "/v2/machines", 405),
        ("POST", "/v2/stats/self", 405),
    ],
)
async def test_what_is_not_served_is_refused(http: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    async with http.request(method, path) as response:
        assert response.status == status
        if status == 404:
            assert f"{path} is not served" in await response.text()
