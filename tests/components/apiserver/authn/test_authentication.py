"""Who asks: certificates, static tokens, ServiceAccount tokens, nobody."""

import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request, UserInfo
from hyperpy.components.apiserver.authn import authentication
from hyperpy.components.apiserver.authn.authentication import ANONYMOUS, RECHECK_S, AccountTokens, Authenticator
from hyperpy.components.apiserver.authn.tokens import Bound, Claims, TokenSigner
from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.supervisor import StartFailure

AUDIENCES = ("api",)


class Clock:
    def __init__(self):
        import time

        self.now_s = float(int(time.time()))

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def signer(tmp_path, clock):
    path = tmp_path / "sa.key"
    path.write_bytes(certificates.make_key())
    return TokenSigner(issuer="us", signing_key_file=path, now=clock)


@pytest.fixture
def accounts(cluster, signer, clock):
    return AccountTokens(cluster.client, signer, audiences=AUDIENCES, monotonic=clock, now=clock)


@pytest.fixture
def authenticator(accounts):
    return Authenticator(tokens={"abc": UserInfo("ann", ("g",))}, accounts=accounts)


def request(path="/api/v1/pods", **headers):
    return Request("GET", path, headers=headers)


def test_a_client_certificate_names_a_user_and_groups():
    subject = ((("organizationName", "g"),), (("organizationName", "h"),), (("commonName", "ann"),))
    found = authentication.certificate_user({"subject": subject})
    assert found == UserInfo("ann", ("g", "h", "system:authenticated"))


@pytest.mark.parametrize("certificate", [None, {}, {"subject": ((("organizationName", "g"),),)}])
def test_no_certificate_or_no_name_is_nobody(certificate):
    assert authentication.certificate_user(certificate) is None


async def test_a_certificate_counts_before_a_token(authenticator):
    ann = UserInfo("cert")
    assert await authenticator.user(request(authorization="Bearer wrong"), ann) is ann


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "Bearer   abc "])
async def test_a_static_token_names_its_user(authenticator, header):
    assert (await authenticator.user(request(authorization=header), None)).name == "ann"


@pytest.mark.parametrize("header", ["Bearer nope", "Basic abc", "abc", "Bearer ", "Bearer a.b.c"])
async def test_wrong_credentials_are_refused_even_on_public_paths(authenticator, header):
    with pytest.raises(errors.Unauthorized, match="^Unauthorized$"):
        await authenticator.user(request("/healthz", authorization=header), None)


@pytest.mark.parametrize(
    ("anonymous", "path", "allowed"),
    [
        (None, "/healthz", True),
        (None, "/livez/ping", True),
        (None, "/readyz", True),
        (None, "/version", True),
        (None, "/", False),
        (None, "/api", False),
        (None, "/healthzz", False),
        (None, "/metrics", False),
        (None, "/openid/v1/jwks", False),
        (True, "/api", True),
        (False, "/healthz", False),
    ],
)
async def test_what_answers_without_credentials(accounts, anonymous, path, allowed):
    authenticator = Authenticator(tokens={}, accounts=accounts, anonymous=anonymous)
    if allowed:
        assert await authenticator.user(request(path), None) == ANONYMOUS
    else:
        with pytest.raises(errors.Unauthorized):
            await authenticator.user(request(path), None)


class TestServiceAccountTokens:
    @pytest.fixture
    async def robot(self, cluster):
        return await cluster.client.create(
            kinds.SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "default"}}
        )

    @pytest.fixture
    def claims(self, robot, clock):
        return Claims("default", "robot", robot["metadata"]["uid"], AUDIENCES, clock() + 3600)

    async def test_a_token_names_the_account_its_namespace_and_its_bound_objects(
        self, cluster, accounts, signer, robot, clock, make_pod
    ):
        pod = await cluster.client.create(kinds.POD, make_pod("web", serviceAccountName="robot"))
        bound = Bound("pod", "web", pod["metadata"]["uid"])
        uid = robot["metadata"]["uid"]
        token = signer.sign(Claims("default", "robot", uid, AUDIENCES, clock() + 3600, bound, token_id="t1"))
        user = await accounts.user(token)
        assert user.name == "system:serviceaccount:default:robot"
        assert user.uid == uid
        assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")
        assert user.extra == {
            "authentication.kubernetes.io/credential-id": ("JTI=t1",),
            "authentication.kubernetes.io/pod-name": ("web",),
            "authentication.kubernetes.io/pod-uid": (bound.uid,),
        }

    async def test_a_token_dies_with_its_account_within_seconds(self, cluster, accounts, signer, claims, clock):
        token = signer.sign(claims)
        await accounts.user(token)
        await cluster.client.delete(kinds.SERVICE_ACCOUNT, "robot", namespace="default")
        await accounts.user(token)
        clock.now_s += RECHECK_S + 1
        with pytest.raises(errors.Unauthorized):
            await accounts.user(token)

    async def test_a_new_account_of_the_same_name_is_another(self, cluster, accounts, signer, claims):
        await cluster.client.delete(kinds.SERVICE_ACCOUNT, "robot", namespace="default")
        await cluster.client.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "default"}})
        with pytest.raises(errors.Unauthorized):
            await accounts.user(signer.sign(claims))

    async def test_a_token_expires_though_it_is_kept(self, accounts, signer, robot, clock):
        uid = robot["metadata"]["uid"]
        token = signer.sign(Claims("default", "robot", uid, AUDIENCES, clock() + 5))
        await accounts.user(token)
        clock.now_s += 6
        with pytest.raises(errors.Unauthorized):
            await accounts.user(token)

    async def test_a_token_for_others_is_refused(self, accounts, signer, robot, clock):
        uid = robot["metadata"]["uid"]
        with pytest.raises(errors.Unauthorized):
            await accounts.user(signer.sign(Claims("default", "robot", uid, ("vault",), clock() + 3600)))


class TestTokenFile:
    def test_lines_name_users_and_groups(self, tmp_path):
        path = tmp_path / "tokens.csv"
        path.write_text('t1,ann,u1,"dev, ops"\n# a comment\n\nt2,bob,u2\n')
        assert authentication.read_token_file(path) == {
            "t1": UserInfo("ann", ("dev", "ops", "system:authenticated"), "u1"),
            "t2": UserInfo("bob", ("system:authenticated",), "u2"),
        }

    @pytest.mark.parametrize("line", ["t1,ann", ",ann,u1", "t1,,u1"])
    def test_a_line_that_is_not_complete_is_told_by_its_number(self, tmp_path, line):
        path = tmp_path / "tokens.csv"
        path.write_text(f"ok,ok,ok\n{line}\n")
        with pytest.raises(StartFailure, match=f"--token-auth-file {path}, line 2: expected token,user,uid"):
            authentication.read_token_file(path)

    def test_a_file_that_cannot_be_read_is_told(self, tmp_path):
        with pytest.raises(StartFailure, match="--token-auth-file: cannot read"):
            authentication.read_token_file(tmp_path / "nope")
