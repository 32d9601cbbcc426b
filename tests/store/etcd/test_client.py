"""The client of a real etcd, where the contract suite does not reach: lost connections, TLS, bad addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from store.certificates import Certificates, make_certificates
from store.real_etcd import free_port, running_etcd

from hyperpy.store.etcd.client import open_etcd
from hyperpy.store.protocol import Get, Put, Unavailable


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_etcd(tmp_path_factory.mktemp("etcd") / "data") as address:
        yield address


async def test_an_etcd_that_is_not_there_is_named() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match=f"etcd at {address} cannot be reached"):
        await open_etcd([address])


@pytest.mark.parametrize("address", ["ftp://host:1", "http://", "host:notaport", "http://host:1/path"])
async def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(Unavailable, match="is not of the form"):
        await open_etcd([address])


async def test_a_member_that_is_down_is_passed_over(etcd: str) -> None:
    store = await open_etcd([f"http://127.0.0.1:{free_port()}", etcd])
    await store.put(Put(b"/a", b"1"))
    assert (await store.get(Get(b"/a"))).kvs[0].value == b"1"
    await store.aclose()


async def test_a_watch_outlives_a_restart_of_etcd_and_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    with running_etcd(tmp_path / "data", port=port) as address:
        store = await open_etcd([address])
        watch = await store.watch(b"/a")
        await store.put(Put(b"/a", b"1"))
        assert (await anext(watch)).events[0].kv.value == b"1"
    with pytest.raises(Unavailable):
        await store.put(Put(b"/a", b"lost"))
    with running_etcd(tmp_path / "data", port=port):
        other = await open_etcd([address])
        await other.put(Put(b"/a", b"2"))
        async with asyncio.timeout(20):
            (event,) = (await anext(watch)).events
        assert (event.kv.value, event.kv.version) == (b"2", 2)
        assert (await store.get(Get(b"/a"))).kvs[0].value == b"2"
        await other.aclose()
        await store.aclose()


async def test_closing_the_store_ends_its_watches_with_an_error(etcd: str) -> None:
    store = await open_etcd([etcd])
    watch = await store.watch(b"/a")
    reader = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    await store.aclose()
    with pytest.raises(Unavailable):
        await reader


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("pki"))


async def test_client_certificates_are_shown_and_asked_for(tmp_path: Path, certificates: Certificates) -> None:
    flags = [
        *("--cert-file", certificates.server_cert, "--key-file", certificates.server_key),
        *("--client-cert-auth", "--trusted-ca-file", certificates.ca),
    ]
    with running_etcd(tmp_path / "data", scheme="https", extra=flags) as address:
        store = await open_etcd(
            [address], ca=certificates.ca, cert=certificates.client_cert, key=certificates.client_key
        )
        assert (await store.put(Put(b"/a", b"1"))).revision == 2
        await store.aclose()
        with pytest.raises(Unavailable):
            await open_etcd([address], ca=certificates.ca)
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await open_etcd([address])


async def test_tls_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="TLS files for etcd cannot be used"):
        await open_etcd(["https://127.0.0.1:1"], ca=str(tmp_path / "none.pem"))
