"""Certificate requests are approved, signed and removed; a kubelet lives on them for a year."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509 as lib

from hyperpy.api import errors, kinds
from hyperpy.api.wire import UserInfo
from hyperpy.components.controllers.certificates.certificate_authority import Authority, CannotSign

from ..faults import FAULTS, survive
from .certificates import CLIENT_USAGES, authority, issued, pem, request

CSR = kinds.CERTIFICATE_SIGNING_REQUEST
NODE = UserInfo("system:node:n1", ("system:nodes", "system:authenticated"))
SELF = "system:node:n1 create certificatesigningrequests/selfnodeclient"
DAY_S = 86_400


async def approve(world: Any, name: str, kind: str = "Approved") -> None:
    found = await world.client.get(CSR, name)
    condition = {"type": kind, "status": "True", "reason": "Test", "message": ""}
    status = {**(found.get("status") or {}), "conditions": [condition]}
    await world.client.update(CSR, {**found, "status": status}, subresource="approval")


async def condition(world: Any, name: str, kind: str) -> Any:
    found = (await world.client.get(CSR, name)).get("status") or {}
    return next((each for each in found.get("conditions") or () if each["type"] == kind), None)


async def names(world: Any) -> list[str]:
    return [each["metadata"]["name"] for each in await world.list(CSR)]


async def test_a_node_with_the_right_is_approved_and_gets_its_certificate(world: Any, tmp_path: Path) -> None:
    ca = authority(tmp_path)
    world.rights.granted.add(SELF)
    await world.start("csrapproving", "csrsigning", authority=ca)
    await world.connect(NODE).create(CSR, request("own", pem(), expirationSeconds=3600))

    async def signed() -> Any:
        return issued(await world.client.get(CSR, "own"))

    certificate = await world.until(signed)
    approved = await condition(world, "own", "Approved")
    assert approved["reason"] == "AutoApproved"
    assert approved["message"] == "Auto approving self kubelet client certificate after SubjectAccessReview."
    certificate.verify_directly_issued_by(lib.load_pem_x509_certificate(ca.cert_file.read_bytes()))
    assert certificate.subject.rfc4514_string() == "CN=system:node:n1,O=system:nodes"
    assert certificate.not_valid_after_utc.timestamp() == pytest.approx(world.clock.now() + 3600, abs=20)
    usage = certificate.extensions.get_extension_for_class(lib.KeyUsage).value
    assert usage.digital_signature and not usage.key_cert_sign and not usage.key_encipherment
    purposes = certificate.extensions.get_extension_for_class(lib.ExtendedKeyUsage).value
    assert list(purposes) == [lib.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(lib.BasicConstraints).value.ca


async def test_a_request_waits_for_the_right_or_for_a_person(world: Any, tmp_path: Path) -> None:
    await world.start("csrapproving", "csrsigning", authority=authority(tmp_path))
    await world.connect(NODE).create(CSR, request("own", pem()))
    await world.connect(UserInfo("ann")).create(
        CSR, request("ann", pem("ann", "dev"), signer="kubernetes.io/kube-apiserver-client")
    )
    await world.clock.advance(60)
    assert await condition(world, "own", "Approved") is None and await condition(world, "ann", "Approved") is None
    world.rights.granted.add(SELF)
    await world.clock.advance(120)
    assert issued(await world.client.get(CSR, "own")) is not None
    assert issued(await world.client.get(CSR, "ann")) is None
    await approve(world, "ann")

    async def signed() -> Any:
        return issued(await world.client.get(CSR, "ann"))

    await world.until(signed)


async def test_what_a_signer_does_not_take_fails_and_says_why(world: Any, tmp_path: Path) -> None:
    await world.start("csrsigning", authority=authority(tmp_path))
    await world.client.create(
        CSR, request("serves", pem(), signer="kubernetes.io/kube-apiserver-client", usages=["server auth"])
    )
    await world.client.create(CSR, request("denied", pem()))
    await world.client.create(CSR, request("foreign", pem(), signer="example.com/signer"))
    await approve(world, "denied", "Denied")
    await approve(world, "foreign")
    await approve(world, "serves")

    async def failed() -> Any:
        return await condition(world, "serves", "Failed")

    found = await world.until(failed)
    assert (found["reason"], found["message"]) == (
        "SignerValidationFailure",
        "invalid usage for client certificate: server auth",
    )
    await world.quiet()
    assert all(issued(each) is None for each in await world.list(CSR))
    assert await condition(world, "foreign", "Failed") is None


async def test_names_of_a_server_come_into_its_certificate(world: Any, tmp_path: Path) -> None:
    await world.start("csrsigning", authority=authority(tmp_path))
    usages = ["server auth", "digital signature", "key encipherment"]
    asked = request(
        "serves", pem(hosts=["n1.example.com", "10.0.0.7"]), signer="kubernetes.io/kubelet-serving", usages=usages
    )
    await world.client.create(CSR, asked)
    await approve(world, "serves")

    async def signed() -> Any:
        return issued(await world.client.get(CSR, "serves"))

    certificate = await world.until(signed)
    found = certificate.extensions.get_extension_for_class(lib.SubjectAlternativeName).value
    assert found.get_values_for_type(lib.DNSName) == ["n1.example.com"]
    assert [str(each) for each in found.get_values_for_type(lib.IPAddress)] == ["10.0.0.7"]


async def test_requests_go_when_they_were_answered_or_never_will_be(world: Any) -> None:
    await world.start("csrcleaner")
    for name in ("pending", "denied"):
        await world.client.create(CSR, request(name, pem()))
    await approve(world, "denied", "Denied")
    await world.clock.advance(3599)
    assert await names(world) == ["denied", "pending"]
    await world.clock.advance(2)
    assert await names(world) == ["pending"]
    await world.clock.advance(23 * 3600)
    assert await names(world) == []


async def test_a_kubelet_renews_its_certificate_for_a_year_and_leaves_nothing_behind(
    world: Any, tmp_path: Path
) -> None:
    ca = authority(tmp_path)
    world.rights.granted.add(SELF)
    lifetime_s = 30 * DAY_S
    await world.start(
        "csrapproving", "csrsigning", "csrcleaner", authority=ca, certificate_lifetime_s=float(lifetime_s)
    )
    node = world.connect(NODE)
    certificate: Any = None
    renewals, renew_at = 0, 0.0
    for _day in range(365):
        if world.clock.now() >= renew_at:
            renewals += 1
            name = f"renewal-{renewals}"
            await node.create(CSR, request(name, pem()))

            async def signed(name: str = name) -> Any:
                return issued(await node.get(CSR, name))

            certificate = await world.until(signed)
            renew_at = world.clock.now() + 0.8 * lifetime_s
        now = world.clock.now()
        assert certificate.not_valid_before_utc.timestamp() <= now < certificate.not_valid_after_utc.timestamp()
        await world.clock.advance(DAY_S)
        assert await names(world) == []
    assert renewals == 16


async def test_nothing_is_signed_without_an_authority_or_by_one_that_is_broken(world: Any, tmp_path: Path) -> None:
    ca = authority(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(CannotSign, match=r"ca\.key.* does not belong to the certificate in .*ca\.crt"):
        Authority(ca.cert_file, authority(other).key_file).check()
    with pytest.raises(CannotSign, match="No such file"):
        Authority(ca.cert_file, tmp_path / "none").check()
    key = ca.key_file.read_bytes()
    ca.key_file.write_bytes(b"nonsense")
    await world.start("csrsigning", authority=ca)
    await world.client.create(CSR, request("own", pem()))
    await approve(world, "own")
    await world.clock.advance(1)
    assert issued(await world.client.get(CSR, "own")) is None
    ca.key_file.write_bytes(key)

    async def signed() -> Any:
        return issued(await world.client.get(CSR, "own"))

    await world.until(signed)


class Renewing:
    """A node asks twice, once for what it may not have; a person denies a third request."""

    controllers = ("csrapproving", "csrsigning")
    kinds = (CSR,)

    def __init__(self, ca: Authority) -> None:
        self.options = {"authority": ca}

    async def act(self, world: Any) -> None:
        world.rights.granted.add(SELF)
        node = world.connect(NODE)
        await node.create(CSR, request("own", pem()))
        await node.create(CSR, request("wrong", pem(), usages=[*CLIENT_USAGES, "server auth"]))
        await node.create(CSR, request("denied", pem("system:node:n2")))
        await approve(world, "wrong")
        await approve(world, "denied", "Denied")

    async def settled(self, world: Any) -> bool:
        signed = issued(await world.client.get(CSR, "own"))
        return signed is not None and await condition(world, "wrong", "Failed") is not None

    async def check(self, world: Any) -> None:
        found = {each["metadata"]["name"]: each for each in await world.list(CSR)}
        told = {name: [each["type"] for each in one["status"]["conditions"]] for name, one in found.items()}
        assert told == {"own": ["Approved"], "wrong": ["Approved", "Failed"], "denied": ["Denied"]}
        assert issued(found["wrong"]) is None and issued(found["denied"]) is None
        assert world.faulty.done.count(("update", CSR)) <= 3


class Leaving:
    """A denied request goes; one that was answered again meanwhile, under the same name, stays."""

    controllers = ("csrcleaner",)
    kinds = (CSR,)

    async def act(self, world: Any) -> None:
        await world.client.create(CSR, request("denied", pem()))
        await approve(world, "denied", "Denied")
        await world.clock.advance(3590)
        await world.client.create(CSR, request("new", pem()))

    async def settled(self, world: Any) -> bool:
        return await names(world) == ["new"]

    async def check(self, world: Any) -> None:
        assert await names(world) == ["new"]
        with pytest.raises(errors.NotFound):
            await world.client.get(CSR, "denied")


@pytest.mark.parametrize("fault", FAULTS)
async def test_requests_are_answered_once_whatever_happens(fault: str, tmp_path: Path) -> None:
    await survive(Renewing(authority(tmp_path)), fault)


@pytest.mark.parametrize("fault", FAULTS)
async def test_old_requests_go_whatever_happens(fault: str) -> None:
    await survive(Leaving(), fault)
