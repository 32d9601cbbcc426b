"""What admission asks the authorizer: handing out permissions, approving and signing certificates."""

from __future__ import annotations

import asyncio
import base64
import random
from dataclasses import replace

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hyperpy.api import errors, kinds, paths
from hyperpy.api.wire import Request, UserInfo
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver import resources
from hyperpy.components.apiserver.authz.authorization import RbacAuthorizer
from hyperpy.components.apiserver.authz.rbac import Attributes

ANN = UserInfo("ann", ("dev",))
GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
ROLES = f"{RBAC}/namespaces/default/roles"
SIGNER = "example.com/signer"
KEY = ec.generate_private_key(ec.SECP256R1())
READ = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


@pytest.fixture
async def ann(cluster):
    """Sends requests as a user without rights, which `ann.grant` adds to."""
    async with Informers(cluster.client) as informers:
        authorizer = RbacAuthorizer(informers)
        await authorizer.synced()
        core = cluster.handler.core
        handler = resources.build(
            cluster.store, core.kinds, core.config, cluster.clock, rng=random.Random(2), authorizer=authorizer
        )
        yield Ann(cluster, handler, authorizer)
        await handler.aclose()


class Ann:
    def __init__(self, cluster, handler, authorizer):
        self._cluster, self._handler, self._authorizer = cluster, handler, authorizer

    async def send(self, method, path, body):
        request = Request(method, path, {}, {"content-type": "application/json"}, orjson.dumps(body), ANN)
        answer = await self._handler(request, paths.parse(method, path, {}))
        return orjson.loads(answer.body)

    async def grant(self, *rules, name="grant"):
        await self._cluster.client.create(kinds.CLUSTER_ROLE, {"metadata": {"name": name}, "rules": list(rules)})
        reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}
        subjects = [{"apiGroup": GROUP, "kind": "User", "name": "ann"}]
        binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": subjects}
        await self._cluster.client.create(kinds.CLUSTER_ROLE_BINDING, binding)
        asked = replace(_question(rules[0]), namespace="default")
        async with asyncio.timeout(5):
            while not self._authorizer.decide(ANN, asked).allowed:
                await asyncio.sleep(0.001)


def _question(rule):
    name = (rule.get("resourceNames") or [""])[0]
    return Attributes(rule["verbs"][0], rule["apiGroups"][0], rule["resources"][0], name=name)


def role(*rules, name="r"):
    return {"metadata": {"name": name}, "rules": list(rules)}


def binding(kind, name):
    return {"metadata": {"name": "b"}, "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name}, "subjects": []}


async def test_nobody_makes_a_role_of_what_they_have_not(ann):
    with pytest.raises(errors.Forbidden) as refusal:
        await ann.send("POST", ROLES, role(READ))
    assert refusal.value.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["dev"]) is attempting to grant RBAC '
        'permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'
    )
    await ann.grant(READ)
    await ann.send("POST", ROLES, role(READ))
    with pytest.raises(errors.Forbidden, match="attempting to grant"):
        await ann.send("PUT", f"{ROLES}/r", role({**READ, "verbs": ["get", "list"]}))


async def test_who_may_escalate_makes_any_role(ann):
    await ann.grant({"verbs": ["escalate"], "apiGroups": [GROUP], "resources": ["roles"]})
    await ann.send("POST", ROLES, role(READ))


async def test_the_collector_may_change_owners_of_any_role(ann, cluster):
    made = await cluster.client.create(kinds.ROLE, {**role(READ), "metadata": {"name": "r", "namespace": "default"}})
    made["metadata"]["finalizers"] = ["example.com/a"]
    await ann.send("PUT", f"{ROLES}/r", made)


async def test_an_aggregation_rule_takes_every_permission(ann):
    gathers = {"metadata": {"name": "c"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    with pytest.raises(errors.Forbidden, match="must have cluster-admin privileges to use the aggregationRule"):
        await ann.send("POST", f"{RBAC}/clusterroles", gathers)


async def test_nobody_binds_a_role_of_what_they_have_not(ann, cluster):
    path = f"{RBAC}/namespaces/default/rolebindings"
    with pytest.raises(errors.NotFound, match='roles.rbac.authorization.k8s.io "r" not found'):
        await ann.send("POST", path, binding("Role", "r"))
    await cluster.client.create(kinds.ROLE, {**role(READ), "metadata": {"name": "r", "namespace": "default"}})
    with pytest.raises(errors.Forbidden, match='rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "ann"'):
        await ann.send("POST", path, binding("Role", "r"))
    bind = {"verbs": ["bind"], "apiGroups": [GROUP], "resources": ["roles"], "resourceNames": ["r"]}
    await ann.grant(bind)
    await ann.send("POST", path, binding("Role", "r"))


def request(*organizations, signer=SIGNER):
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes)).sign(KEY, hashes.SHA256())
    pem = base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()
    return {"metadata": {"name": "c"}, "spec": {"request": pem, "signerName": signer, "usages": ["client auth"]}}


def decided(obj, kind):
    return {**obj, "status": {"conditions": [{"type": kind, "status": "True"}]}}


async def test_who_approves_must_be_allowed_to_for_that_signer(ann):
    made = await ann.send("POST", CSRS, request())
    with pytest.raises(errors.Forbidden) as refusal:
        await ann.send("PUT", f"{CSRS}/c/approval", decided(made, "Approved"))
    assert refusal.value.message == (
        'certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to approve requests with '
        f'signerName "{SIGNER}"'
    )
    approve = {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"]}
    await ann.grant({**approve, "resourceNames": ["example.com/*"]})
    await ann.send("PUT", f"{CSRS}/c/approval", decided(made, "Approved"))


async def test_who_signs_must_be_allowed_to_for_that_signer(ann):
    made = await ann.send("POST", CSRS, request())
    with pytest.raises(errors.Forbidden, match=f'not permitted to sign requests with signerName "{SIGNER}"'):
        await ann.send("PUT", f"{CSRS}/c/status", decided(made, "Failed"))
    sign = {"verbs": ["sign"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"]}
    await ann.grant({**sign, "resourceNames": [SIGNER]})
    await ann.send("PUT", f"{CSRS}/c/status", decided(made, "Failed"))


async def test_no_client_certificate_makes_a_master(ann):
    client = "kubernetes.io/kube-apiserver-client"
    with pytest.raises(errors.Forbidden, match=f"use of {client} signer with system:masters group is not allowed"):
        await ann.send("POST", CSRS, request("dev", "system:masters", signer=client))
    await ann.send("POST", CSRS, request("dev", signer=client))
