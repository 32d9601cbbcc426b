"""ServiceAccount tokens: signed and verified as JSON Web Tokens. The only file that knows PyJWT.

Claims as Kubernetes writes them: `iss sub aud exp iat nbf jti` and `kubernetes.io` with namespace, serviceaccount and
the bound object. Source: "Managing Service Accounts", and OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hyperpy.components.supervisor import StartFailure

PRIVATE_CLAIM = "kubernetes.io"
#: Of tokens that are kept in Secrets and do not expire; their claims have names of their own.
LEGACY_ISSUER, _LEGACY_CLAIM = "kubernetes/serviceaccount", "kubernetes.io/serviceaccount"
#: How far the clock of the server that signed may be ahead of ours.
CLOCK_SKEW_S = 60


class InvalidToken(Exception):
    """A token that is not ours, was changed, has expired or is for somebody else; the message says which."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An object whose end ends the token too. `kind` is `pod`, `secret` or `node`."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `expires` is in seconds since the epoch; `also` names objects for information (the node).

    `legacy`: it is kept in the Secret it is bound to, and is good as long as it stays there.
    """

    namespace: str
    name: str
    uid: str
    audiences: tuple[str, ...]
    expires: float
    bound: Bound | None = None
    also: tuple[Bound, ...] = ()
    token_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    legacy: bool = False

    @property
    def subject(self) -> str:
        """The user name."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    public: Any
    algorithm: str


class TokenSigner:
    """Signs with one key, verifies with it and with older or foreign public keys.

    Args:
        issuer: the `iss` claim (`--service-account-issuer`).
        signing_key_file: PEM private key, EC P-256 or RSA.
        public_key_files: more keys whose tokens are accepted (`--service-account-key-file`).
        now: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        issuer: str,
        signing_key_file: Path,
        public_key_files: Sequence[Path] = (),
        now: Callable[[], float],
    ) -> None:
        self.issuer = issuer
        self._signing_key_file = signing_key_file
        self._public_key_files = public_key_files
        self._now = now

    def sign(self, claims: Claims) -> str:
        """The token."""
        import jwt

        now = int(self._now())
        private: dict[str, Any] = {
            "namespace": claims.namespace,
            "serviceaccount": {"name": claims.name, "uid": claims.uid},
        }
        for bound in (claims.bound, *claims.also):
            if bound is not None:
                private[bound.kind] = {"name": bound.name, "uid": bound.uid}
        payload = {
            "iss": self.issuer,
            "sub": claims.subject,
            "aud": list(claims.audiences),
            "exp": int(claims.expires),
            "iat": now,
            "nbf": now,
            "jti": claims.token_id,
            PRIVATE_CLAIM: private,
        }
        key = self._keys[0]
        return jwt.encode(payload, self._private_key, algorithm=key.algorithm, headers={"kid": key.id})

    def verify(self, token: str, *, audiences: Sequence[str]) -> Claims:
        """What a token says, when it is ours, in time, and for one of `audiences`.

        Raises:
            InvalidToken: it is not.
        """
        import jwt

        try:
            key = self._key_of(jwt.get_unverified_header(token).get("kid"))
            if jwt.decode(token, options={"verify_signature": False}).get("iss") == LEGACY_ISSUER:
                found = jwt.decode(token, key.public, algorithms=[key.algorithm], options={"verify_aud": False})
                return _legacy_claims(found, audiences)
            payload = jwt.decode(
                token,
                key.public,
                algorithms=[key.algorithm],
                audience=list(audiences),
                issuer=self.issuer,
                options={
                    "require": ["exp", "sub", "aud"],
                    "verify_exp": False,  # by our own clock, below
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            self._check_times(payload)
            return _claims(payload)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidToken(f"invalid ServiceAccount token: {error}") from error

    def _check_times(self, payload: dict[str, Any]) -> None:
        now = self._now()
        if float(payload["exp"]) <= now:
            raise InvalidToken("invalid ServiceAccount token: it has expired")
        if float(payload.get("nbf", 0)) > now + CLOCK_SKEW_S:
            raise InvalidToken("invalid ServiceAccount token: it is not valid yet")

    def discovery(self, *, jwks_uri: str) -> dict[str, Any]:
        """The document at `/.well-known/openid-configuration`."""
        return {
            "issuer": self.issuer,
            "jwks_uri": jwks_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self._keys}),
        }

    def jwks(self) -> dict[str, Any]:
        """The public keys, as a JSON Web Key Set."""
        from jwt.algorithms import ECAlgorithm, RSAAlgorithm

        keys = []
        for key in self._keys:
            algorithm = ECAlgorithm if key.algorithm.startswith("ES") else RSAAlgorithm
            numbers: dict[str, Any] = algorithm.to_jwk(key.public, as_dict=True)
            numbers.pop("key_ops", None)
            keys.append({"use": "sig", "kid": key.id, "alg": key.algorithm, **numbers})
        return {"keys": keys}

    def _key_of(self, key_id: str | None) -> _Key:
        for key in self._keys:
            if key.id == key_id:
                return key
        raise InvalidToken("invalid ServiceAccount token: it was signed with a key that is not ours")

    @cached_property
    def _private_key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            return load_pem_private_key(self._signing_key_file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise StartFailure(f"cannot use the signing key {self._signing_key_file}: {error}") from error

    @cached_property
    def _keys(self) -> list[_Key]:
        """Every key whose tokens are accepted, the signing one first."""
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        keys = [_key(self._private_key.public_key(), self._signing_key_file)]
        for path in self._public_key_files:
            try:
                keys.append(_key(load_pem_public_key(path.read_bytes()), path))
            except (OSError, ValueError) as error:
                raise StartFailure(f"cannot use the public key {path}: {error}") from error
        return keys

    def check(self) -> None:
        """Read every key now. Raises StartFailure when one cannot be used."""
        _ = self._keys


def _key(public: Any, path: Path) -> _Key:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        algorithm = "ES256"
    elif isinstance(public, rsa.RSAPublicKey):
        algorithm = "RS256"
    else:
        raise StartFailure(f"the key {path} is neither ECDSA P-256 nor RSA")
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    return _Key(key_id, public, algorithm)


def _legacy_claims(payload: dict[str, Any], audiences: Sequence[str]) -> Claims:
    """Such a token names no audience: it is for whoever verifies it."""
    claims = Claims(
        namespace=payload[f"{_LEGACY_CLAIM}/namespace"],
        name=payload[f"{_LEGACY_CLAIM}/service-account.name"],
        uid=payload[f"{_LEGACY_CLAIM}/service-account.uid"],
        audiences=tuple(audiences),
        expires=math.inf,
        bound=Bound("secret", payload[f"{_LEGACY_CLAIM}/secret.name"], ""),
        token_id="",
        legacy=True,
    )
    if payload["sub"] != claims.subject:
        raise InvalidToken("invalid ServiceAccount token: the subject does not match the ServiceAccount it names")
    return claims


def _claims(payload: dict[str, Any]) -> Claims:
    private = payload[PRIVATE_CLAIM]
    account = private["serviceaccount"]
    audiences = payload["aud"]
    objects = [
        Bound(kind, private[kind]["name"], private[kind].get("uid", ""))
        for kind in ("pod", "secret", "node")
        if kind in private
    ]
    claims = Claims(
        namespace=private["namespace"],
        name=account["name"],
        uid=account.get("uid", ""),
        audiences=(audiences,) if isinstance(audiences, str) else tuple(audiences),
        expires=float(payload["exp"]),
        bound=objects[0] if objects else None,
        also=tuple(objects[1:]),
        token_id=payload.get("jti", ""),
    )
    if payload["sub"] != claims.subject:
        raise InvalidToken("invalid ServiceAccount token: the subject does not match the ServiceAccount it names")
    return claims
