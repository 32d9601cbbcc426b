"""`hyperpy etcd`: its two generations of flags, what it refuses, and that it serves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from store.certificates import make_certificates
from store.real_etcd import free_port
from store.real_postgres import Postgres

from hyperpy.commands import UserError
from hyperpy.components.etcd import command
from hyperpy.components.etcd.component import Address
from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.protocol import DeleteRange, Get, InvalidRequest, Put, Txn, Unavailable


def test_the_old_flags_listen_on_the_bind_address() -> None:
    assert command._listen(addr="127.0.0.1:4001", bind_addr="0.0.0.0:4001", listen_client_urls="") == [
        Address("0.0.0.0", 4001)
    ]
    assert command._listen(addr="127.0.0.1:4001", bind_addr="", listen_client_urls="") == [Address("127.0.0.1", 4001)]


def test_the_new_flags_take_several_urls() -> None:
    assert command._listen(addr="", bind_addr="", listen_client_urls="http://[::1]:1,https://10.0.0.1:2") == [
        Address("::1", 1),
        Address("10.0.0.1", 2, secure=True),
    ]
    assert command._listen(addr="", bind_addr="", listen_client_urls="") == [Address("localhost", 2379)]


@pytest.mark.parametrize(
    ("addr", "urls", "told"),
    [
        ("127.0.0.1:1", "http://127.0.0.1:1", "use one form"),
        ("127.0.0.1", "", "--addr: '127.0.0.1' is not of the form HOST:PORT"),
        ("", "127.0.0.1:2379", "--listen-client-urls: '127.0.0.1:2379' is not of the form"),
        ("", "unix:///run/etcd", "is not of the form"),
    ],
    ids=["both forms", "no port", "no scheme", "another scheme"],
)
def test_a_wrong_address_is_refused(addr: str, urls: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        command._listen(addr=addr, bind_addr="", listen_client_urls=urls)


@asynccontextmanager
async def running(*flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as a process, once it serves; ends with SIGTERM, which must be a clean end."""
    process = await start(flags)
    assert process.stderr is not None
    async with asyncio.timeout(20):
        line = await process.stderr.readline()
    assert b"etcd v3 is served at" in line
    yield process
    if process.returncode is None:
        process.terminate()
        async with asyncio.timeout(20):
            await process.wait()
        assert process.returncode == 0


async def start(flags: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "hyperpy", "etcd", *flags, stderr=subprocess.PIPE)


async def refusal(*flags: str) -> str:
    process = await start(flags)
    async with asyncio.timeout(20):
        _, told = await process.communicate()
    assert process.returncode == 1
    return told.decode().splitlines()[-1]


async def test_two_servers_on_one_postgresql_have_the_same_keys(postgresql: Postgres) -> None:
    endpoint = f"--datastore-endpoint={postgresql.create_database()}"
    ports = [free_port(), free_port()]
    one, other = [(f"--listen-client-urls=http://127.0.0.1:{port}", endpoint) for port in ports]
    async with running(*one), running(*other):
        stores = [await open_etcd([f"http://127.0.0.1:{port}"]) for port in ports]
        watch = await stores[1].watch(b"/a")
        put = await stores[0].put(Put(b"/a", b"1"))
        assert (await stores[1].get(Get(b"/a"))).kvs[0].mod_revision == put.revision
        async with asyncio.timeout(20):
            assert (await anext(watch)).events[0].kv.value == b"1"
        command = ["curl", "-s", f"http://127.0.0.1:{ports[0]}/v2/keys/a"]
        answer = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        assert "PostgreSQL has v3 only" in answer.stdout
        for store in stores:
            await store.aclose()


async def test_keys_are_kept_in_one_place() -> None:
    told = await refusal("--datastore-endpoint=postgresql://db/x", "--data-dir=/tmp/x")
    assert "--datastore-endpoint and --data-dir both say where keys are kept" in told
    assert "takes postgresql://" in await refusal("--datastore-endpoint=mysql://me:secret@db/x")


@pytest.mark.parametrize("flag", ["--peer-addr=127.0.0.1:7001", "--cors=*", "-max-result-buffer=9", "-snapshot"])
async def test_what_etcd_2_0_had_and_makes_no_sense_here_is_refused_by_name(flag: str) -> None:
    assert "is not supported: " in await refusal(flag)


async def test_it_serves_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    flags = [f"-addr=127.0.0.1:{port}", f"--bind-addr=0.0.0.0:{port}", f"--data-dir={tmp_path / 'data'}"]
    async with running(*flags) as process:
        store = await open_etcd([f"http://127.0.0.1:{port}"])
        await store.put(Put(b"/a", b"1"))
        watch = await store.watch(b"/a")
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with running(*flags):
        assert (await store.get(Get(b"/a"))).kvs[0].value == b"1"
        await store.put(Put(b"/a", b"2"))
        scrape = ["curl", "-s", f"http://127.0.0.1:{port}/metrics"]
        answer = await asyncio.to_thread(subprocess.run, scrape, capture_output=True, text=True, check=True)
        assert "etcd_debugging_mvcc_keys_total 1.0" in answer.stdout
        async with asyncio.timeout(20):
            assert (await anext(watch)).events[0].kv.value == b"2"
        assert "is in use by another process" in await refusal(f"--addr=127.0.0.1:{free_port()}", flags[2])
        assert "etcd cannot listen on" in await refusal(flags[1], f"--data-dir={tmp_path / 'other'}")
    await store.aclose()


async def test_it_serves_tls_and_asks_for_certificates(tmp_path: Path) -> None:
    pki = make_certificates(tmp_path)
    address = f"https://127.0.0.1:{free_port()}"
    tls = [f"--cert-file={pki.server_cert}", f"--key-file={pki.server_key}", f"--trusted-ca-file={pki.ca}"]
    async with running(f"--listen-client-urls={address}", f"--data-dir={tmp_path / 'data'}", *tls):
        store = await open_etcd([address], ca=pki.ca, cert=pki.client_cert, key=pki.client_key)
        assert (await store.put(Put(b"/a", b"1"))).revision == 2
        await store.aclose()
        with pytest.raises(Unavailable):
            await open_etcd([address], ca=pki.ca)


async def test_https_without_a_certificate_is_refused(tmp_path: Path) -> None:
    told = await refusal("--listen-client-urls=https://127.0.0.1:1", f"--data-dir={tmp_path}")
    assert told == "hyperpy: error: an https URL needs --cert-file and --key-file"


async def test_the_flags_and_variables_of_an_etcd_with_one_member_act(tmp_path: Path) -> None:
    address, peer = f"http://127.0.0.1:{free_port()}", "http://127.0.0.1:2380"
    flags = [
        *("--name=m", f"--listen-client-urls={address}", f"--initial-cluster=m={peer}", "--snapshot-count=10000"),
        *(f"--initial-advertise-peer-urls={peer}", "--initial-cluster-state=new", "--max-txn-ops=2"),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hyperpy", "etcd", *flags),
        stderr=subprocess.PIPE,
        env={**os.environ, "ETCD_DATA_DIR": str(tmp_path / "data"), "ETCD_NAME": "other"},
    )
    assert process.stderr is not None
    async with asyncio.timeout(20):
        await process.stderr.readline()
        assert b"--snapshot-count: without meaning here" in await process.stderr.readline()
    assert (tmp_path / "data" / "store.db").exists()
    told = await etcdctl(address, "member", "list", "-w", "json")
    assert json.loads(told)["members"][0]["peerURLs"] == [peer] and json.loads(told)["members"][0]["name"] == "m"
    store = await open_etcd([address])
    with pytest.raises(InvalidRequest, match="too many operations in txn request"):
        await store.txn(Txn(success=[Put(b"%d" % i, b"") for i in range(3)]))
    await store.aclose()
    process.terminate()
    assert await process.wait() == 0


async def test_a_full_database_takes_deletions_until_its_alarm_is_disarmed(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    quota = f"--quota-backend-bytes={400 << 10}"
    async with running(f"--listen-client-urls={address}", f"--data-dir={tmp_path / 'data'}", quota):
        store = await open_etcd([address])
        with pytest.raises(Unavailable, match="mvcc: database space exceeded"):
            for i in range(2000):
                await store.put(Put(b"k%d" % i, bytes(20_000)))
                if i % 10 == 9:  # brings the file to the size of what it holds
                    await etcdctl(address, "defrag")
        assert "alarm:NOSPACE" in await etcdctl(address, "alarm", "list")
        assert "NOSPACE" in await etcdctl(address, "endpoint", "status")
        deleted = await store.delete(DeleteRange(b"k", b"l"))
        await etcdctl(address, "compact", str(deleted.revision), "--physical")
        await etcdctl(address, "defrag")
        with pytest.raises(Unavailable):
            await store.put(Put(b"k", b""))
        assert "alarm:NOSPACE" in await etcdctl(address, "alarm", "disarm")
        await store.put(Put(b"k", b""))
        assert await etcdctl(address, "alarm", "list") == ""
        await store.aclose()


async def test_flags_for_more_than_one_member_are_refused_by_name(tmp_path: Path) -> None:
    told = await refusal("--peer-cert-file=/a", f"--data-dir={tmp_path}")
    assert told == (
        "hyperpy: error: --peer-cert-file is not supported: hyperpy etcd is a cluster of one member; leave it out"
    )
    told = await refusal("--client-cert-auth", f"--data-dir={tmp_path}")
    assert "--client-cert-auth needs --trusted-ca-file" in told


async def etcdctl(address: str, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("etcdctl", *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": address},
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
