"""Where the server behind an APIService is, and who it is told is asking."""

import base64
import random
import ssl

import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.wire import UserInfo
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver.aggregation.backing import Backing, headers_for
from hyperpy.components.apiserver.credentials.pki import Pki

REFERENCE = {"namespace": "default", "name": "behind", "port": 443}


@pytest.fixture
def pki(tmp_path):
    return Pki(tmp_path)


@pytest.fixture
async def backing(cluster, pki):
    async with Informers(cluster.client) as informers:
        backing = Backing(informers, credentials=pki.front_proxy, rng=random.Random(1))
        backing.changes = []
        backing.watch(lambda namespace, name: backing.changes.append(f"{namespace}/{name}"))
        await backing.synced()
        yield backing


def service(**spec):
    return {"spec": {"service": REFERENCE, **spec}}


async def put(cluster, backing, **spec):
    made = {"metadata": {"name": "behind", "namespace": "default"}, "spec": spec}
    await cluster.client.create(kinds.SERVICE, made)
    if "ports" in spec:
        meta = {"name": "b", "namespace": "default", "labels": {"kubernetes.io/service-name": "behind"}}
        ports = [{"name": "https", "port": 6443, "protocol": "TCP"}]
        piece = {"metadata": meta, "addressType": "IPv4", "ports": ports, "endpoints": [{"addresses": ["10.9.8.7"]}]}
        await cluster.client.create(kinds.ENDPOINT_SLICE, piece)


async def seen(backing, count):
    import asyncio

    async with asyncio.timeout(5):
        while backing.changes.count("default/behind") < count:
            await asyncio.sleep(0)


async def test_an_endpoint_of_the_service_is_asked_under_the_services_name(cluster, backing):
    await put(cluster, backing, ports=[{"name": "https", "port": 443}])
    await seen(backing, 2)
    target = backing.target(service(insecureSkipTLSVerify=True), "/apis/g/v1?x=1")
    assert target.url == "https://10.9.8.7:6443/apis/g/v1?x=1"
    assert target.server_name == "behind.default.svc"
    assert target.tls.verify_mode == ssl.CERT_NONE


async def test_an_external_name_is_asked_as_it_is(cluster, backing, pki):
    await put(cluster, backing, type="ExternalName", externalName="api.example")
    await seen(backing, 1)
    target = backing.target(service(caBundle=base64.b64encode(pki.ca_pem).decode()), "/x")
    assert target.url == "https://api.example:443/x"
    assert (target.tls.verify_mode, target.tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert backing.target(service(caBundle=base64.b64encode(pki.ca_pem).decode()), "/y").tls is target.tls


async def test_without_a_service_nobody_can_be_asked(backing):
    with pytest.raises(errors.ServiceUnavailable):
        backing.target(service(), "/x")


async def test_a_bundle_that_is_none_is_told(cluster, backing):
    await put(cluster, backing, type="ExternalName", externalName="api.example")
    await seen(backing, 1)
    with pytest.raises(errors.InternalError, match=r"spec\.caBundle"):
        backing.target(service(caBundle=base64.b64encode(b"nothing").decode()), "/x")


def test_bytes_that_are_no_text_are_not_passed_on():
    sent = dict(headers_for(UserInfo("ann"), [("User-Agent", "a\udcff"), ("X-Name", "ä")]))
    assert (sent["User-Agent"], sent["X-Name"]) == ("a?", "ä")


def test_the_user_stands_in_headers_instead_of_credentials():
    user = UserInfo("ann", ("a", "b"), "7", {"example.com/Scope x": ("1", "2")})
    given = [("Accept", "x"), ("Authorization", "y"), ("X-Remote-Group", "z"), ("Impersonate-User", "w"), ("TE", "t")]
    assert headers_for(user, given) == [
        ("Accept", "x"),
        ("X-Remote-User", "ann"),
        ("X-Remote-Uid", "7"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Extra-example.com%2FScope%20x", "1"),
        ("X-Remote-Extra-example.com%2FScope%20x", "2"),
    ]
