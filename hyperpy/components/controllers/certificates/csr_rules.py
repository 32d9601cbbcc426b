"""Which certificate requests Kubernetes' own signers take, approve by themselves, and remove in the end. Pure.

Source: "Certificates and Certificate Signing Requests" (Kubernetes signers, Request signing process), and the messages
of kube-controller-manager.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.api.x509 import Asked
from hyperpy.client.protocol import Obj

CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LEGACY = "kubernetes.io/legacy-unknown"
SIGNERS = (CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY)

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
#: The shortest life that is given: twice the time that certificates are dated back, so that one is of use at all.
MIN_LIFETIME_S = 600
#: How long requests are kept: undecided or approved and not signed, and decided.
PENDING_S, DECIDED_S = 24 * 3600, 3600

_SIGNATURE, _ENCIPHERMENT = "digital signature", "key encipherment"
_NODES, _NODE_PREFIX = "system:nodes", "system:node:"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a user needs so that a request is approved by itself.

    Args:
        subresource: of `certificatesigningrequests`, that the user may create.
        message: of the condition Approved.
    """

    subresource: str
    message: str


def is_open(request: Obj) -> bool:
    """Nobody has decided on it yet."""
    return not certificate(request) and not has(request, APPROVED) and not has(request, DENIED)


def is_to_sign(request: Obj) -> bool:
    """It is approved, by nobody denied, did not fail, has no certificate, and is for a signer of ours."""
    decided = has(request, APPROVED) and not has(request, DENIED) and not has(request, FAILED)
    return decided and not certificate(request) and request["spec"].get("signerName") in SIGNERS


def permissions(request: Obj, asked: Asked) -> Iterator[Permission]:
    """The permissions of which one is enough to approve the client certificate of a kubelet; none for others."""
    spec = request["spec"]
    if spec.get("signerName") != KUBELET_CLIENT or _kubelet_client(asked, spec.get("usages") or ()) is not None:
        return
    if spec.get("username") == asked.common_name:
        text = "Auto approving self kubelet client certificate after SubjectAccessReview."
        yield Permission("selfnodeclient", text)
    yield Permission("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")


def objection(request: Obj, asked: Asked) -> str | None:
    """Why the signer does not sign what was approved, or None."""
    spec = request["spec"]
    usages = spec.get("usages") or ()
    match spec.get("signerName"):
        case signer if signer == CLIENT:
            return _client(usages)
        case signer if signer == KUBELET_CLIENT:
            return _kubelet_client(asked, usages)
        case signer if signer == KUBELET_SERVING:
            return _kubelet_serving(asked, usages)
    return None  # legacy-unknown takes everything


def lifetime_s(request: Obj, *, longest_s: float) -> float:
    """How long the certificate is valid: as asked for, within the signer's bounds."""
    wanted = request["spec"].get("expirationSeconds")
    if wanted is None or wanted > longest_s:
        return longest_s
    return float(max(wanted, MIN_LIFETIME_S))


def kept_s(request: Obj, *, now: float, not_after: float | None) -> float | None:
    """Seconds until the request is removed: 0 is now, None is never.

    Args:
        not_after: the end of its certificate, if it has one that can be read.
    """
    conditions = (request.get("status") or {}).get("conditions") or ()
    if not conditions:
        return max(0.0, meta.parse_time(request["metadata"]["creationTimestamp"]) + PENDING_S - now)
    ends = []
    for condition in conditions:
        since = condition.get("lastUpdateTime")
        if condition["type"] in (DENIED, FAILED) and since:
            ends.append(meta.parse_time(since) + DECIDED_S)
        elif condition["type"] == APPROVED and since:
            ends.append(meta.parse_time(since) + (DECIDED_S if certificate(request) else PENDING_S))
        if condition["type"] == APPROVED and certificate(request) and not_after is not None:
            ends.append(not_after)
    return max(0.0, min(ends) - now) if ends else None


def has(request: Obj, condition: str) -> bool:
    """Whether it has a condition of a type; Approved, Denied and Failed are always True when they are there."""
    return meta.condition(request, condition) is not None


def certificate(request: Obj) -> str:
    """What was issued, in base64; empty when nothing was."""
    return (request.get("status") or {}).get("certificate") or ""


def _client(usages: Sequence[str]) -> str | None:
    for usage in usages:
        if usage not in (_SIGNATURE, _ENCIPHERMENT, "client auth"):
            return f"invalid usage for client certificate: {usage}"
    return None if "client auth" in usages else "missing required usage for client certificate: client auth"


def _kubelet_client(asked: Asked, usages: Sequence[str]) -> str | None:
    if asked.organizations != (_NODES,):
        return f"subject organization is not {_NODES}"
    for text, found in (
        ("DNS", asked.dns_names), ("Email", asked.emails), ("IP", asked.ip_addresses), ("URI", asked.uris)
    ):  # fmt: skip
        if found:
            return f"{text} subjectAltNames are not allowed"
    if not asked.common_name.startswith(_NODE_PREFIX):
        return f"subject common name does not begin with {_NODE_PREFIX}"
    return _exactly(usages, "client auth")


def _kubelet_serving(asked: Asked, usages: Sequence[str]) -> str | None:
    if asked.organizations != (_NODES,):
        return f"subject organization is not {_NODES}"
    if not asked.dns_names and not asked.ip_addresses:
        return "DNS or IP subjectAltName is required"
    for text, found in (("Email", asked.emails), ("URI", asked.uris)):
        if found:
            return f"{text} subjectAltNames are not allowed"
    wrong = _exactly(usages, "server auth")
    if wrong is None and not asked.common_name.startswith(_NODE_PREFIX):
        return f"subject common name does not begin with {_NODE_PREFIX}"
    return wrong


def _exactly(usages: Sequence[str], purpose: str) -> str | None:
    """Keys that are not RSA encipher none, so that usage may be left out."""
    wanted = sorted((purpose, _SIGNATURE, _ENCIPHERMENT))
    if set(usages) in (set(wanted), {purpose, _SIGNATURE}):
        return None
    return f"usages did not match [{' '.join(wanted)}]"
