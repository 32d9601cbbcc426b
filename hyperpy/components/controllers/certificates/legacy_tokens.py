"""Signs the ServiceAccount tokens that are kept in Secrets and do not expire: of the controllers the only file that
knows PyJWT. The API server verifies them (`apiserver/authn/tokens.py`).

Source: "Managing Service Accounts" (long-lived API tokens).
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from hyperpy.client.protocol import Obj

ISSUER = "kubernetes/serviceaccount"
_CLAIM = "kubernetes.io/serviceaccount"


class CannotSign(Exception):
    """The key cannot be used; the message names the file and says why."""


def sign(key_file: Path, *, account: Obj, secret: str) -> str:
    """The token of a ServiceAccount for a Secret of its namespace.

    Args:
        key_file: a private key in PEM, ECDSA P-256 or RSA.
        secret: the Secret's name.
    Raises:
        CannotSign: the key cannot be used.
    """
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise CannotSign(f"cannot use the signing key {key_file}: {error}") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm = "ES256"
    elif isinstance(key, rsa.RSAPrivateKey):
        algorithm = "RS256"
    else:
        raise CannotSign(f"the key {key_file} is neither ECDSA P-256 nor RSA")
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    about = account["metadata"]
    payload = {
        "iss": ISSUER,
        "sub": f"system:serviceaccount:{about['namespace']}:{about['name']}",
        f"{_CLAIM}/namespace": about["namespace"],
        f"{_CLAIM}/secret.name": secret,
        f"{_CLAIM}/service-account.name": about["name"],
        f"{_CLAIM}/service-account.uid": about["uid"],
    }
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": key_id})
