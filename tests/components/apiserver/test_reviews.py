"""Reviews: questions about users and rights."""

import time

import orjson
import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request, UserInfo
from hyperpy.components.apiserver.authn.authentication import AccountTokens
from hyperpy.components.apiserver.authn.tokens import Claims, TokenSigner
from hyperpy.components.apiserver.authz.authorization import Decision
from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.apiserver.reviews import Reviews

AUTHN, AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
ANN = UserInfo("ann", ("dev",), "u1", {"scope": ("a",)})
LIST_PODS = {"verb": "list", "resource": "pods", "namespace": "default"}


class Rules:
    """Lets bob list pods."""

    def decide(self, user, asked):
        return Decision(user.name == "bob" and asked.verb == "list", "because")

    def rules(self, user, namespace):
        return [
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["get"], "nonResourceURLs": ["/x"]},
        ]


@pytest.fixture
def signer(tmp_path):
    path = tmp_path / "sa.key"
    path.write_bytes(certificates.make_key())
    return TokenSigner(issuer="us", signing_key_file=path, now=time.time)


@pytest.fixture
def ask(cluster, signer):
    accounts = AccountTokens(cluster.client, signer, audiences=("api",))
    reviews = Reviews(Rules(), tokens={"t": UserInfo("static", ("g",))}, accounts=accounts, audiences=("api",))

    async def ask(group, kind, spec, *, namespace="", user=ANN):
        body = orjson.dumps({"apiVersion": f"{group}/v1", "kind": kind, "spec": spec})
        request = Request("POST", "/", headers={"content-type": "application/json"}, body=body, user=user)
        plural = f"{kind.lower()}s"
        assert reviews.is_review(group, plural)
        response = await reviews.create(request, group=group, resource=plural, namespace=namespace)
        assert response.status == 201
        return orjson.loads(response.body)["status"]

    return ask


@pytest.mark.parametrize(("user", "allowed"), [("bob", True), ("ann", False)], ids=["one who may", "one who may not"])
async def test_subject_access_review_answers_for_anybody(ask, user, allowed):
    status = await ask(AUTHZ, "SubjectAccessReview", {"user": user, "resourceAttributes": LIST_PODS})
    assert status == {"allowed": allowed, "reason": "because"}


async def test_self_subject_access_review_answers_for_the_asking_user(ask):
    spec = {"resourceAttributes": LIST_PODS}
    assert not (await ask(AUTHZ, "SelfSubjectAccessReview", spec))["allowed"]
    assert (await ask(AUTHZ, "SelfSubjectAccessReview", spec, user=UserInfo("bob")))["allowed"]
    spec = {"nonResourceAttributes": {"verb": "list", "path": "/x"}}
    assert (await ask(AUTHZ, "SelfSubjectAccessReview", spec, user=UserInfo("bob")))["allowed"]


async def test_local_subject_access_review_stays_in_its_namespace(ask):
    spec = {"user": "bob", "resourceAttributes": LIST_PODS}
    assert (await ask(AUTHZ, "LocalSubjectAccessReview", spec, namespace="default"))["allowed"]
    with pytest.raises(errors.Invalid, match="must match metadata.namespace"):
        await ask(AUTHZ, "LocalSubjectAccessReview", spec, namespace="other")


@pytest.mark.parametrize(
    ("kind", "spec", "text"),
    [
        ("SubjectAccessReview", {"user": "bob"}, "exactly one of nonResourceAttributes or resourceAttributes"),
        ("SubjectAccessReview", {"resourceAttributes": LIST_PODS}, "at least one of user or group must be specified"),
        (
            "SelfSubjectAccessReview",
            {"resourceAttributes": LIST_PODS, "nonResourceAttributes": {"path": "/"}},
            "cannot be specified in combination with resourceAttributes",
        ),
    ],
)
async def test_an_incomplete_question_is_refused(ask, kind, spec, text):
    with pytest.raises(errors.Invalid, match=text):
        await ask(AUTHZ, kind, spec)


async def test_self_subject_rules_review_lists_rules(ask):
    status = await ask(AUTHZ, "SelfSubjectRulesReview", {"namespace": "default"})
    assert status == {
        "resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}],
        "incomplete": False,
    }
    with pytest.raises(errors.BadRequest, match="no namespace on request"):
        await ask(AUTHZ, "SelfSubjectRulesReview", {})


async def test_self_subject_review_tells_who_asks(ask):
    assert await ask(AUTHN, "SelfSubjectReview", {}) == {
        "userInfo": {"username": "ann", "uid": "u1", "groups": ["dev"], "extra": {"scope": ["a"]}}
    }


class TestTokenReview:
    async def test_a_service_account_token_is_known(self, ask, cluster, signer):
        account = await cluster.client.get(kinds.SERVICE_ACCOUNT, "default", namespace="default")
        uid = account["metadata"]["uid"]
        token = signer.sign(Claims("default", "default", uid, ("api", "vault"), time.time() + 60))
        status = await ask(AUTHN, "TokenReview", {"token": token, "audiences": ["vault", "x"]})
        assert status["authenticated"]
        assert status["audiences"] == ["vault"]
        assert status["user"]["username"] == "system:serviceaccount:default:default"

    async def test_a_static_token_is_known(self, ask):
        status = await ask(AUTHN, "TokenReview", {"token": "t"})
        assert status["user"] == {"username": "static", "groups": ["g"]}
        assert "authenticated" not in await ask(AUTHN, "TokenReview", {"token": "t", "audiences": ["vault"]})

    async def test_another_token_is_not(self, ask):
        status = await ask(AUTHN, "TokenReview", {"token": "nope"})
        assert "authenticated" not in status
        assert "invalid ServiceAccount token" in status["error"]

    async def test_a_review_without_a_token_is_refused(self, ask):
        with pytest.raises(errors.BadRequest, match="token is required"):
            await ask(AUTHN, "TokenReview", {})


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("SelfSubjectAccessReview", {"resourceAttributes": "pods"}),
        ("SubjectAccessReview", {"groups": 5, "resourceAttributes": LIST_PODS}),
        ("SubjectAccessReview", {"user": ["a"], "nonResourceAttributes": {"path": 7}}),
        ("SelfSubjectRulesReview", {"namespace": {}}),
    ],
)
async def test_a_question_of_the_wrong_types_is_a_bad_request(ask, kind, spec):
    with pytest.raises(errors.BadRequest, match="json: cannot unmarshal .* into Go struct field"):
        await ask(AUTHZ, kind, spec)
