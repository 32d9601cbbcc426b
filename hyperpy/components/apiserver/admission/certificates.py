"""CertificateApproval, CertificateSigning, CertificateSubjectRestriction: who may approve and sign, and for whom not.

Source: the admission controllers reference; "Certificates and Certificate Signing Requests", "Authorization".
"""

from __future__ import annotations

import base64
from typing import Any

from hyperpy.api import x509
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, refusal
from hyperpy.components.apiserver.authz.authorization import MASTERS, Authorizer
from hyperpy.components.apiserver.authz.rbac import Attributes as Question

Obj = dict[str, Any]

_GROUP, _RESOURCE = "certificates.k8s.io", "certificatesigningrequests"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def _concerns(kind: Kind) -> bool:
    return (kind.group, kind.plural) == (_GROUP, _RESOURCE)


class CertificateApproval:
    """A user who approves or denies needs the verb `approve` on the signer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def concerns(self, kind: Kind) -> bool:
        return _concerns(kind)

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation == UPDATE and attributes.subresource == "approval":
            _require(self._authorizer, attributes, "approve")


class CertificateSigning:
    """A user who sets the certificate, or that it failed, needs the verb `sign` on the signer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def concerns(self, kind: Kind) -> bool:
        return _concerns(kind)

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation == UPDATE and attributes.subresource == "status":
            now, before = ((each or {}).get("status") or {} for each in (attributes.obj, attributes.old))
            if any((now.get(field) or None) != (before.get(field) or None) for field in ("certificate", "conditions")):
                _require(self._authorizer, attributes, "sign")


class CertificateSubjectRestriction:
    """No client certificate makes a member of `system:masters`."""

    def concerns(self, kind: Kind) -> bool:
        return _concerns(kind)

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.subresource or attributes.obj is None:
            return
        spec = attributes.obj.get("spec") or {}
        if spec.get("signerName") != _CLIENT_SIGNER:
            return
        if MASTERS in x509.organizations(base64.b64decode(spec["request"])):
            raise refusal(attributes, f"use of {_CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def _require(authorizer: Authorizer, attributes: Attributes, verb: str) -> None:
    """Refuse a user who has the verb neither on the signer nor on all signers of its domain."""
    signer = ((attributes.old or {}).get("spec") or {}).get("signerName") or ""
    user = attributes.user
    if user is None:
        return
    domain = f"{signer.partition('/')[0]}/*"
    if any(authorizer.decide(user, Question(verb, _GROUP, "signers", name=name)).allowed for name in (signer, domain)):
        return
    raise refusal(attributes, f'user not permitted to {verb} requests with signerName "{signer}"')
