"""ServiceAccount tokens: signed and verified."""

from dataclasses import replace

import jwt
import pytest

from hyperpy.components.apiserver.authn.tokens import Bound, Claims, InvalidToken, TokenSigner
from hyperpy.components.apiserver.credentials import certificates
from hyperpy.components.supervisor import StartFailure

ISSUER = "https://kubernetes.default.svc.cluster.local"


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "sa.key"
    path.write_bytes(certificates.make_key())
    return path


@pytest.fixture
def signer(key_file):
    import time

    return TokenSigner(issuer=ISSUER, signing_key_file=key_file, now=time.time)


@pytest.fixture
def claims():
    import time

    pod = Bound("pod", "web", "pod-uid")
    return Claims("default", "robot", "uid-1", (ISSUER,), time.time() // 1 + 600, pod, (Bound("node", "n1", "u2"),))


def test_a_token_says_again_what_was_signed(signer, claims):
    assert signer.verify(signer.sign(claims), audiences=[ISSUER]) == claims


def test_a_token_has_kubernetes_claims(signer, claims):
    payload = jwt.decode(signer.sign(claims), options={"verify_signature": False})
    assert payload["sub"] == "system:serviceaccount:default:robot"
    assert payload["aud"] == [ISSUER]
    assert payload["kubernetes.io"] == {
        "namespace": "default",
        "serviceaccount": {"name": "robot", "uid": "uid-1"},
        "pod": {"name": "web", "uid": "pod-uid"},
        "node": {"name": "n1", "uid": "u2"},
    }


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda signer, claims: signer.sign(replace(claims, audiences=("vault",))), id="other audience"),
        pytest.param(lambda signer, claims: signer.sign(replace(claims, expires=claims.expires - 1200)), id="expired"),
        pytest.param(lambda signer, claims: signer.sign(claims)[:-4] + "AAAA", id="changed signature"),
        pytest.param(lambda signer, claims: "rubbish", id="no token at all"),
        pytest.param(lambda signer, claims: "", id="empty"),
        pytest.param(lambda signer, claims: jwt.encode({"sub": "x"}, key=None, algorithm="none"), id="unsigned"),
    ],
)
def test_a_token_that_is_not_right_is_refused(signer, claims, spoil):
    with pytest.raises(InvalidToken):
        signer.verify(spoil(signer, claims), audiences=[ISSUER])


def test_a_token_of_another_cluster_is_refused(signer, claims, tmp_path):
    other = tmp_path / "other.key"
    other.write_bytes(certificates.make_key())
    foreign = TokenSigner(issuer=ISSUER, signing_key_file=other, now=lambda: claims.expires - 600)
    with pytest.raises(InvalidToken, match="not ours"):
        signer.verify(foreign.sign(claims), audiences=[ISSUER])


def test_a_published_key_verifies_a_token(signer, claims):
    token = signer.sign(claims)
    key = jwt.PyJWKSet.from_dict(signer.jwks())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key.key, algorithms=["ES256"], audience=ISSUER)["sub"] == claims.subject
    assert signer.discovery(jwks_uri="https://x/openid/v1/jwks")["issuer"] == ISSUER


def test_tokens_of_a_further_public_key_are_accepted(key_file, claims, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(65537, 2048)
    old = tmp_path / "old.key"
    old.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public = tmp_path / "old.pub"
    public.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    now = claims.expires - 600
    token = TokenSigner(issuer=ISSUER, signing_key_file=old, now=lambda: now).sign(claims)
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    signer = TokenSigner(issuer=ISSUER, signing_key_file=key_file, public_key_files=[public], now=lambda: now)
    assert signer.verify(token, audiences=[ISSUER]) == claims


def test_a_key_file_that_is_no_key_is_told(tmp_path):
    path = tmp_path / "x"
    path.write_text("rubbish")
    with pytest.raises(StartFailure, match="cannot use the signing key"):
        TokenSigner(issuer=ISSUER, signing_key_file=path, now=lambda: 0.0).check()
