"""CertificateSigningRequests: who asked, what stays, what approval and status may say."""

from __future__ import annotations

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hyperpy.api import errors

PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
KEY = ec.generate_private_key(ec.SECP256R1())


def pem(*organizations):
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane"), *attributes])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(KEY, hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def certificate():
    now, name = datetime.datetime(2020, 1, 1), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    later = now + datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 7, now, later)
    return base64.b64encode(builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)).decode()


def request(name="jane", **spec):
    known = {"request": pem(), "signerName": "example.com/signer", "usages": ["client auth"]}
    return {"metadata": {"name": name}, "spec": {**known, **spec}}


def condition(kind, **extra):
    return {"type": kind, "status": "True", "reason": "Because", **extra}


async def approve(cluster, obj, *conditions):
    obj = {**obj, "status": {**(obj.get("status") or {}), "conditions": list(conditions)}}
    return await cluster.json("PUT", f"{PATH}/{obj['metadata']['name']}/approval", obj)


async def test_a_request_says_who_asked_and_starts_without_a_status(cluster):
    forged = request(username="admin", groups=["system:masters"], extra={"a": ["b"]})
    made = await cluster.json("POST", PATH, {**forged, "status": {"conditions": [condition("Approved")]}})
    assert made["spec"]["username"] == "tester"
    assert made["spec"]["groups"] == ["system:masters"]
    assert "extra" not in made["spec"]
    assert made["status"] == {}
    assert "generation" not in made["metadata"]


async def test_what_was_asked_for_stays(cluster):
    made = await cluster.json("POST", PATH, request())
    changed = {**made, "spec": {**made["spec"], "usages": ["server auth"]}}
    changed["metadata"]["labels"] = {"a": "b"}
    updated = await cluster.json("PUT", f"{PATH}/jane", changed)
    assert updated["spec"]["usages"] == ["client auth"]
    assert updated["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({"request": "YWJj"}, "spec.request: .*PEM block type must be CERTIFICATE REQUEST", id="request"),
        pytest.param({"usages": []}, "spec.usages: Required value", id="usages"),
        pytest.param({"usages": ["fun"]}, 'spec.usages\\[0\\]: Unsupported value: "fun"', id="usage"),
        pytest.param({"usages": ["any", "any"]}, 'spec.usages\\[1\\]: Duplicate value: "any"', id="twice"),
        pytest.param({"signerName": ""}, "spec.signerName: Required value", id="no signer"),
        pytest.param({"signerName": "a/b"}, "should be a domain with at least two segments", id="signer"),
        pytest.param({"signerName": "a.b"}, "must be a fully qualified domain and path", id="signer path"),
        pytest.param({"signerName": "kubernetes.io/legacy-unknown"}, "the legacy signerName", id="legacy"),
        pytest.param({"expirationSeconds": 5}, "may not specify a duration less than 600 seconds", id="short"),
    ],
)
async def test_a_request_that_cannot_be_signed_is_refused(cluster, spec, why):
    with pytest.raises(errors.Invalid, match=why):
        await cluster.json("POST", PATH, request(**spec))


async def test_an_approval_adds_a_condition_with_its_times(cluster):
    made = await cluster.json("POST", PATH, request())
    approved = await approve(cluster, made, condition("Approved"))
    (found,) = approved["status"]["conditions"]
    assert found["lastUpdateTime"]
    assert found["lastTransitionTime"]
    table = await cluster.json("GET", PATH, accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    assert table["rows"][0]["cells"][-1] == "Approved"


async def test_a_request_is_not_both_approved_and_denied(cluster):
    made = await cluster.json("POST", PATH, request())
    with pytest.raises(errors.Invalid, match="Approved and Denied conditions are mutually exclusive"):
        await approve(cluster, made, condition("Approved"), condition("Denied"))
    with pytest.raises(errors.Invalid, match='status: Unsupported value: "False": supported values: "True"'):
        await approve(cluster, made, condition("Approved", status="False"))
    approved = await approve(cluster, made, condition("Approved"))
    with pytest.raises(errors.Invalid, match='updates may not remove a condition of type "Approved"'):
        await approve(cluster, approved, condition("Denied"))


async def test_only_a_status_write_sets_the_certificate_and_only_once(cluster):
    made = await cluster.json("POST", PATH, request())
    approved = await approve(cluster, made, condition("Approved"))
    status = {**approved["status"], "certificate": certificate()}
    with pytest.raises(errors.Invalid, match="updates may not set certificate content"):
        await cluster.json("PUT", f"{PATH}/jane/approval", {**approved, "status": status})
    with pytest.raises(errors.Invalid, match="must contain at least one CERTIFICATE PEM block"):
        await cluster.json("PUT", f"{PATH}/jane/status", {**approved, "status": {**status, "certificate": "YWJj"}})
    issued = await cluster.json("PUT", f"{PATH}/jane/status", {**approved, "status": status})
    assert issued["status"]["certificate"] == status["certificate"]
    with pytest.raises(errors.Invalid, match="updates may not modify existing certificate content"):
        other = {**issued, "status": {**issued["status"], "certificate": certificate()}}
        await cluster.json("PUT", f"{PATH}/jane/status", other)


async def test_a_status_write_neither_approves_nor_changes_an_approval(cluster):
    made = await cluster.json("POST", PATH, request())
    with pytest.raises(errors.Invalid, match='updates may not add a condition of type "Approved"'):
        await cluster.json("PUT", f"{PATH}/jane/status", {**made, "status": {"conditions": [condition("Approved")]}})
    approved = await approve(cluster, made, condition("Approved"))
    changed = {**approved, "status": {"conditions": [condition("Approved", reason="Other"), condition("Failed")]}}
    failed = await cluster.json("PUT", f"{PATH}/jane/status", changed)
    assert [each["reason"] for each in failed["status"]["conditions"]] == ["Because", "Because"]


async def test_requests_are_selected_by_their_signer(cluster):
    await cluster.json("POST", PATH, request("a"))
    await cluster.json("POST", PATH, request("b", signerName="example.com/other"))
    found = await cluster.json("GET", f"{PATH}?fieldSelector=spec.signerName%3Dexample.com/other".replace("%3D", "="))
    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]


async def test_an_approval_is_applied_through_its_subresource_only(cluster):
    await cluster.json("POST", PATH, request())
    config = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "jane"}}
    config["status"] = {"conditions": [condition("Approved")]}
    apply = "application/apply-patch+yaml"
    ignored = await cluster.json("PATCH", f"{PATH}/jane?fieldManager=me", config, content_type=apply)
    assert not ignored["status"].get("conditions")
    applied = await cluster.json("PATCH", f"{PATH}/jane/approval?fieldManager=me", config, content_type=apply)
    assert [one["type"] for one in applied["status"]["conditions"]] == ["Approved"]
    entry = next(one for one in applied["metadata"]["managedFields"] if one["manager"] == "me")
    assert entry["subresource"] == "approval"
