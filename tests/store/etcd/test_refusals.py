"""What an etcd says no to, and what the user is told: certificates, users without permission, the wrong port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from store.certificates import Authority, Certificates
from store.real_cluster import EtcdCluster, running_cluster
from store.real_etcd import free_port, running_etcd

from hyperpy.store.etcd.address import endpoint_of
from hyperpy.store.etcd.client import EtcdStore, open_etcd
from hyperpy.store.etcd.failures import Misconfigured
from hyperpy.store.protocol import Get, Put, Unavailable, prefix_end

PREFIX = b"/registry/"


class Pki:
    """An authority that the members know, one that they do not, and certificates of users."""

    def __init__(self, directory: Path) -> None:
        (directory / "other").mkdir()
        self.authority = Authority(directory)
        self.other = Authority(directory / "other")
        self.users = {name: self.authority.issue(name) for name in ("root", "hyperpy", "nobody", "unknown")}
        self.users["late"] = self.authority.issue("late", expired=True)
        self.users["stranger"] = self.other.issue("stranger")
        self.server = self.authority.issue("server")

    @property
    def of_cluster(self) -> Certificates:
        return Certificates(self.authority.ca, *self.server, *self.users["root"])


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def guarded(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """An etcd that knows users by their certificates; `hyperpy` may work, `nobody` may do nothing."""
    with running_cluster(tmp_path_factory.mktemp("guarded"), certificates=pki.of_cluster, size=1) as cluster:
        for user in ("root", "hyperpy", "nobody"):
            cluster.ctl("user", "add", user, "--no-password")
        cluster.ctl("role", "add", "objects")
        cluster.ctl("role", "grant-permission", "objects", "readwrite", "--prefix", PREFIX.decode())
        cluster.ctl("role", "grant-permission", "objects", "readwrite", "compact_rev_key")
        cluster.ctl("user", "grant-role", "hyperpy", "objects")
        cluster.ctl("user", "grant-role", "root", "root")
        cluster.ctl("auth", "enable")
        yield cluster


async def open_as(
    cluster: EtcdCluster, pki: Pki, user: str | None, *, ca: str = "", probe: bytes = PREFIX
) -> EtcdStore:
    cert, key = pki.users[user] if user else (None, None)
    return await open_etcd(cluster.addresses, ca=ca or pki.authority.ca, cert=cert, key=key, probe=probe)


async def test_a_user_with_a_role_for_the_objects_can_do_all_that_is_needed(guarded: EtcdCluster, pki: Pki) -> None:
    store = await open_as(guarded, pki, "hyperpy", probe=PREFIX + b"health")
    watch = await store.watch(PREFIX, prefix_end(PREFIX))
    lease = await store.lease_grant(60)
    put = await store.put(Put(PREFIX + b"a", b"1", lease=lease.id))
    await store.put(Put(b"compact_rev_key", b"1"))
    async with asyncio.timeout(10):
        assert (await anext(aiter(watch))).events[0].kv.value == b"1"
    assert (await store.lease_keep_alive(lease.id)).ttl_s == 60
    await store.lease_revoke(lease.id)
    await store.compact(put.revision)
    assert await store.revision() > put.revision
    await store.aclose()


async def test_a_user_is_told_which_permission_is_missing(guarded: EtcdCluster, pki: Pki) -> None:
    with pytest.raises(Misconfigured, match="permission denied; grant the user .* a role with readwrite permission"):
        await open_as(guarded, pki, "nobody")
    store = await open_as(guarded, pki, "hyperpy")
    for refused in (store.put(Put(b"/elsewhere", b"")), store.get(Get(b"/elsewhere")), store.watch(b"/elsewhere")):
        with pytest.raises(
            Misconfigured, match=f"etcd at {guarded.addresses[0]}: etcdserver: permission denied; grant"
        ):
            await refused
    await store.aclose()


async def test_a_user_that_etcd_does_not_know_is_told_to_be_added(guarded: EtcdCluster, pki: Pki) -> None:
    with pytest.raises(Misconfigured, match="etcdctl user add|grant the user"):
        await open_as(guarded, pki, "unknown")


@pytest.mark.parametrize("user", [None, "late", "stranger"], ids=["none", "expired", "of another authority"])
async def test_a_client_certificate_that_is_not_accepted_is_told(
    guarded: EtcdCluster, pki: Pki, user: str | None
) -> None:
    with pytest.raises(Misconfigured, match="misses our client certificate or does not accept it .*--etcd-certfile"):
        await open_as(guarded, pki, user)


async def test_a_member_of_another_authority_is_not_trusted(guarded: EtcdCluster, pki: Pki) -> None:
    with pytest.raises(Misconfigured, match="certificate verify failed.* --etcd-cafile must hold the authority"):
        await open_as(guarded, pki, "hyperpy", ca=pki.other.ca)


async def test_plain_http_to_a_tls_port_is_told(guarded: EtcdCluster) -> None:
    with pytest.raises(Unavailable, match="if it wants TLS, write https://"):
        await open_etcd([guarded.addresses[0].replace("https", "http")])


async def test_tls_to_a_plain_port_is_told(pki: Pki, tmp_path: Path) -> None:
    with running_etcd(tmp_path / "data") as address, pytest.raises(Unavailable, match="write http://"):
        await open_etcd([address.replace("http", "https")], ca=pki.authority.ca)


async def test_an_etcd_without_certificates_that_wants_users_is_told(tmp_path: Path) -> None:
    with running_cluster(tmp_path, size=1) as cluster:
        cluster.ctl("user", "add", "root:secret")
        cluster.ctl("user", "grant-role", "root", "root")
        cluster.ctl("auth", "enable")
        with pytest.raises(
            Misconfigured, match="user name is empty; it wants to know the user by a client certificate"
        ):
            await open_etcd(cluster.addresses)


@pytest.mark.parametrize(
    ("issued", "told"),
    [
        ({"address": "192.0.2.1"}, "not valid for '127.0.0.1'.*name the member in --etcd-servers"),
        ({"expired": True}, "certificate has expired; renew the member's certificate"),
    ],
    ids=["for another name", "expired"],
)
async def test_a_members_certificate_that_cannot_be_trusted_is_told(
    pki: Pki, tmp_path: Path, issued: dict[str, object], told: str
) -> None:
    cert, key = pki.authority.issue("member", **issued)  # type: ignore[arg-type]
    flags = ["--cert-file", cert, "--key-file", key]
    with (
        running_etcd(tmp_path / "data", scheme="https", extra=flags) as address,
        pytest.raises(Misconfigured, match=told),
    ):
        await open_etcd([address], ca=pki.authority.ca)


async def test_half_a_pair_of_files_is_refused(pki: Pki) -> None:
    with pytest.raises(Misconfigured, match="go together"):
        await open_etcd(["https://127.0.0.1:1"], cert=pki.server[0])


async def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(Unavailable, match="the name no-such-host.invalid cannot be resolved"):
        await open_etcd(["http://no-such-host.invalid:2379"])


async def test_one_bad_address_of_several_does_no_harm(tmp_path: Path) -> None:
    with running_etcd(tmp_path / "data") as address:
        named = [
            "http://no-such-host.invalid:2379",
            f"http://[::1]:{free_port()}",
            address.replace("127.0.0.1", "localhost"),
        ]
        store = await open_etcd(named)
        assert await store.revision() == 1
        await store.aclose()


def test_an_ipv6_address_is_written_in_brackets() -> None:
    endpoint = endpoint_of("https://[2001:db8::1]:2379")
    assert (endpoint.host, endpoint.port, str(endpoint)) == ("2001:db8::1", 2379, "https://[2001:db8::1]:2379")
    assert str(replace(endpoint, host="etcd-0", secure=False)) == "http://etcd-0:2379"
