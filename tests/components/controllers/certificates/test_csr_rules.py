"""What Kubernetes' signers take, approve by themselves, and how long requests stay."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import meta, x509
from hyperpy.api.x509 import Asked
from hyperpy.components.controllers.certificates import csr_rules

from .certificates import pem

NOW = 1_700_000_000.0
NODE = Asked("system:node:n1", ("system:nodes",))
CLIENT = ["client auth", "digital signature", "key encipherment"]
SERVING = ["server auth", "digital signature", "key encipherment"]


def request(signer: str, usages: list[str], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"creationTimestamp": meta.timestamp(NOW)},
        "spec": {"signerName": signer, "usages": usages} | spec,
    }


@pytest.mark.parametrize(
    ("signer", "usages", "asked", "expected"),
    [
        pytest.param("CLIENT", ["client auth"], Asked("ann", ("dev",)), None, id="client"),
        pytest.param("CLIENT", ["server auth"], Asked("ann"),
                     "invalid usage for client certificate: server auth", id="client-serves"),
        pytest.param("CLIENT", ["digital signature"], Asked("ann"),
                     "missing required usage for client certificate: client auth", id="client-without-usage"),
        pytest.param("KUBELET_CLIENT", CLIENT, NODE, None, id="kubelet"),
        pytest.param("KUBELET_CLIENT", CLIENT[:2], NODE, None, id="kubelet-without-encipherment"),
        pytest.param("KUBELET_CLIENT", [*CLIENT, "server auth"], NODE,
                     "usages did not match [client auth digital signature key encipherment]", id="kubelet-more-usages"),
        pytest.param("KUBELET_CLIENT", CLIENT, Asked("system:node:n1", ("system:nodes", "x")),
                     "subject organization is not system:nodes", id="kubelet-two-groups"),
        pytest.param("KUBELET_CLIENT", CLIENT, Asked("ann", ("system:nodes",)),
                     "subject common name does not begin with system:node:", id="kubelet-name"),
        pytest.param("KUBELET_CLIENT", CLIENT, Asked("system:node:n1", ("system:nodes",), dns_names=("n1",)),
                     "DNS subjectAltNames are not allowed", id="kubelet-dns"),
        pytest.param("KUBELET_CLIENT", CLIENT, Asked("system:node:n1", ("system:nodes",), emails=("a@b",)),
                     "Email subjectAltNames are not allowed", id="kubelet-email"),
        pytest.param("KUBELET_CLIENT", CLIENT, Asked("system:node:n1", ("system:nodes",), ip_addresses=("1.2.3.4",)),
                     "IP subjectAltNames are not allowed", id="kubelet-ip"),
        pytest.param("KUBELET_CLIENT", CLIENT, Asked("system:node:n1", ("system:nodes",), uris=("u:x",)),
                     "URI subjectAltNames are not allowed", id="kubelet-uri"),
        pytest.param("KUBELET_SERVING", SERVING, Asked("system:node:n1", ("system:nodes",), dns_names=("n1",)), None,
                     id="serving"),
        pytest.param("KUBELET_SERVING", SERVING, NODE, "DNS or IP subjectAltName is required", id="serving-no-name"),
        pytest.param("KUBELET_SERVING", SERVING,
                     Asked("system:node:n1", ("system:nodes",), ip_addresses=("1.2.3.4",), emails=("a@b",)),
                     "Email subjectAltNames are not allowed", id="serving-email"),
        pytest.param("KUBELET_SERVING", CLIENT, Asked("system:node:n1", ("system:nodes",), dns_names=("n1",)),
                     "usages did not match [digital signature key encipherment server auth]", id="serving-usages"),
        pytest.param("KUBELET_SERVING", SERVING, Asked("n1", ("system:nodes",), dns_names=("n1",)),
                     "subject common name does not begin with system:node:", id="serving-name"),
        pytest.param("LEGACY", ["any"], Asked("whoever", emails=("a@b",)), None, id="legacy-takes-everything"),
    ],
)  # fmt: skip
def test_what_a_signer_objects_to(signer: str, usages: list[str], asked: Asked, expected: str | None) -> None:
    assert csr_rules.objection(request(getattr(csr_rules, signer), usages), asked) == expected


@pytest.mark.parametrize(
    ("user", "signer", "asked", "expected"),
    [
        pytest.param("system:node:n1", "KUBELET_CLIENT", NODE, ["selfnodeclient", "nodeclient"], id="own"),
        pytest.param("system:bootstrap:abc", "KUBELET_CLIENT", NODE, ["nodeclient"], id="of-another"),
        pytest.param("system:node:n1", "CLIENT", NODE, [], id="another-signer"),
        pytest.param("ann", "KUBELET_CLIENT", Asked("ann", ("system:nodes",)), [], id="no-node"),
    ],
)
def test_which_rights_approve(user: str, signer: str, asked: Asked, expected: list[str]) -> None:
    found = csr_rules.permissions(request(getattr(csr_rules, signer), CLIENT, username=user), asked)
    assert [each.subresource for each in found] == expected


@pytest.mark.parametrize(
    ("asked_s", "expected"), [(None, 1000.0), (2000, 1000.0), (700, 700.0), (60, 600.0)],
    ids=["not-asked", "too-long", "as-asked", "too-short"],
)  # fmt: skip
def test_how_long_a_certificate_lives(asked_s: int | None, expected: float) -> None:
    spec = {} if asked_s is None else {"expirationSeconds": asked_s}
    assert csr_rules.lifetime_s(request(csr_rules.CLIENT, CLIENT, **spec), longest_s=1000.0) == expected


@pytest.mark.parametrize(
    ("conditions", "certificate", "not_after", "expected"),
    [
        pytest.param([], "", None, 24 * 3600, id="pending"),
        pytest.param(["Denied"], "", None, 3600, id="denied"),
        pytest.param(["Approved"], "", None, 24 * 3600, id="approved-and-not-signed"),
        pytest.param(["Approved"], "x", NOW + 9999, 3600, id="issued"),
        pytest.param(["Approved"], "x", NOW + 600, 600, id="issued-for-a-short-time"),
        pytest.param(["Approved"], "x", NOW - 600, 0, id="expired"),
        pytest.param(["Approved", "Failed"], "", None, 3600, id="failed"),
        pytest.param(["Other"], "", None, None, id="somebody-else-speaks-of-it"),
    ],
)
def test_how_long_a_request_stays(
    conditions: list[str], certificate: str, not_after: float | None, expected: float | None
) -> None:
    told = [{"type": each, "status": "True", "lastUpdateTime": meta.timestamp(NOW)} for each in conditions]
    found = request(csr_rules.CLIENT, CLIENT) | {"status": {"conditions": told, "certificate": certificate}}
    assert csr_rules.kept_s(found, now=NOW, not_after=not_after) == expected


_TEXT = st.text("abz.:", min_size=1, max_size=6)


@given(
    common_name=_TEXT | st.just("system:node:n1"),
    hosts=st.lists(st.sampled_from(["n1", "10.0.0.1", "fd00::1"]), unique=True),
    groups=st.lists(st.sampled_from(["system:nodes", "system:masters", "dev"]), min_size=1, max_size=2),
    usages=st.lists(st.sampled_from([*CLIENT, "server auth", "any"]), min_size=1, unique=True),
)
def test_kubelets_get_no_more_than_a_client_or_a_server_needs(
    common_name: str, hosts: list[str], groups: list[str], usages: list[str]
) -> None:
    asked = x509.read_request(pem(common_name, *groups, hosts=hosts))
    taken = [
        signer
        for signer in (csr_rules.KUBELET_CLIENT, csr_rules.KUBELET_SERVING)
        if csr_rules.objection(request(signer, usages), asked) is None
    ]
    if taken:
        assert asked.organizations == ("system:nodes",) and asked.common_name.startswith("system:node:")
        assert "any" not in usages and ("server auth" in usages) != ("client auth" in usages)
        assert len(taken) == 1 and bool(hosts) == (taken == [csr_rules.KUBELET_SERVING])
