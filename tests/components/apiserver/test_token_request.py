"""Tokens that ServiceAccounts are given."""

import time

import orjson
import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request, UserInfo
from hyperpy.components.apiserver.authn.tokens import Bound, TokenSigner
from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.apiserver.token_request import TokenRequests


@pytest.fixture
def signer(tmp_path):
    path = tmp_path / "sa.key"
    path.write_bytes(certificates.make_key())
    return TokenSigner(issuer="us", signing_key_file=path, now=time.time)


@pytest.fixture
def ask(cluster, signer):
    requests = TokenRequests(cluster.client, signer, cluster.handler.core.admission, audiences=("api",), now=time.time)

    async def ask(name="default", **spec):
        request = Request("POST", "/", headers={}, body=orjson.dumps({"spec": spec}))
        return orjson.loads((await requests.create(request, namespace="default", name=name)).body)

    return ask


async def test_a_token_lives_an_hour_and_is_for_this_server(ask, signer):
    answer = await ask()
    claims = signer.verify(answer["status"]["token"], audiences=["api"])
    assert (claims.subject, claims.bound) == ("system:serviceaccount:default:default", None)
    assert 3590 < claims.expires - time.time() <= 3600
    assert answer["spec"] == {"audiences": ["api"], "expirationSeconds": 3600, "boundObjectRef": None}


async def test_audiences_and_time_may_be_chosen(ask, signer):
    answer = await ask(audiences=["vault"], expirationSeconds=600)
    claims = signer.verify(answer["status"]["token"], audiences=["vault"])
    assert claims.expires - time.time() <= 600


async def test_a_token_may_be_bound_to_a_pod_of_the_account(ask, signer, cluster, make_pod):
    pod = await cluster.client.create(kinds.POD, make_pod("web"))
    uid = pod["metadata"]["uid"]
    answer = await ask(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": uid})
    assert signer.verify(answer["status"]["token"], audiences=["api"]).bound == Bound("pod", "web", uid)


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ({"expirationSeconds": 60}, errors.Invalid, "may not specify a duration less than 10 minutes"),
        ({"expirationSeconds": 1 << 40}, errors.Invalid, "larger than 2\\^32 seconds"),
        (
            {"expirationSeconds": "1h"},
            errors.BadRequest,
            r"Go struct field TokenRequestSpec.spec.expirationSeconds of type int64",
        ),
        (
            {"audiences": "api"},
            errors.BadRequest,
            r"Go struct field TokenRequestSpec.spec.audiences of type \[\]string",
        ),
        (
            {"boundObjectRef": {"kind": "Service", "name": "x"}},
            errors.BadRequest,
            "cannot bind token to object of type",
        ),
        ({"boundObjectRef": {"kind": "Pod", "name": "nope"}}, errors.NotFound, 'pods "nope" not found'),
    ],
)
async def test_what_cannot_be_is_refused(ask, spec, error, text):
    with pytest.raises(error, match=text):
        await ask(**spec)


async def test_a_pod_of_another_account_or_another_uid_is_refused(ask, cluster, make_pod):
    await cluster.client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "other", "namespace": "default"}})
    await cluster.client.create(kinds.POD, make_pod("web"))
    with pytest.raises(errors.BadRequest, match="running with different serviceaccount name"):
        await ask("other", boundObjectRef={"kind": "Pod", "name": "web"})
    with pytest.raises(errors.Conflict, match="does not match the UID in record"):
        await ask(boundObjectRef={"kind": "Pod", "name": "web", "uid": "x"})


async def test_an_account_that_is_not_there_gets_none(ask):
    with pytest.raises(errors.NotFound, match='serviceaccounts "nope" not found'):
        await ask("nope")


@pytest.mark.parametrize(
    ("node", "where", "text"),
    [
        ("n1", "n1", ""),
        ("n2", "n1", "node requested token bound to a pod scheduled on a different node"),
        ("n1", "", "node requested token not bound to a pod"),
    ],
)
async def test_a_node_asks_for_tokens_of_its_pods_only(cluster, signer, make_pod, node, where, text):
    requests = TokenRequests(cluster.client, signer, cluster.handler.core.admission, audiences=("api",), now=time.time)
    pod = await cluster.client.create(kinds.POD, make_pod("web", nodeName="n1"))
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "web", "uid": pod["metadata"]["uid"]} if where else None
    user = UserInfo(f"system:node:{node}", ("system:nodes",))
    body = orjson.dumps({"spec": {"boundObjectRef": bound}})
    asking = requests.create(Request("POST", "/", body=body, user=user), namespace="default", name="default")
    if not text:
        assert (await asking).status == 201
        return
    with pytest.raises(errors.Forbidden, match=text):
        await asking
