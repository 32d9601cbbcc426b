"""Rules of CertificateSigningRequests: the request, who may sign it, what is said of it, and the certificate."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from hyperpy.api import names, x509
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats
from hyperpy.api.validation.equality import same
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
_USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_MIN_DURATION_S = 600
_MAX_DOMAIN, _MAX_SIGNER = 253, 253 + 253 + 63 + 2
_CONDITIONS, _CERTIFICATE = "status.conditions", "status.certificate"


def on_create(obj: Obj) -> Iterator[Cause]:
    """A new request."""
    yield from _request(obj, old=None)


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A write of the object itself: its spec and status are the old ones already."""
    yield from _change(new, old)


def on_status_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write: it may set the certificate, once, and says nothing of approval."""
    yield from _change(new, old, certificate=True)


def on_approval(new: Obj, old: Obj) -> Iterator[Cause]:
    """A write of `approval`: it may add the conditions Approved or Denied."""
    yield from _change(new, old, approval=True)


def _change(new: Obj, old: Obj, *, approval: bool = False, certificate: bool = False) -> Iterator[Cause]:
    yield from _request(new, old=old)
    for kind in (APPROVED, DENIED, FAILED):
        before, now = _of_type(old, kind), _of_type(new, kind)
        guarded = not approval and kind != FAILED
        if len(now) < len(before):
            yield cause.forbidden(_CONDITIONS, f'updates may not remove a condition of type "{kind}"')
        elif guarded and len(now) > len(before):
            yield cause.forbidden(_CONDITIONS, f'updates may not add a condition of type "{kind}"')
        elif guarded and not same(now, before):
            yield cause.forbidden(_CONDITIONS, f'updates may not modify a condition of type "{kind}"')
    issued, issued_before = _issued(new), _issued(old)
    if issued != issued_before:
        if not certificate:
            yield cause.forbidden(_CERTIFICATE, "updates may not set certificate content")
        elif issued_before:
            yield cause.forbidden(_CERTIFICATE, "updates may not modify existing certificate content")


def _request(obj: Obj, *, old: Obj | None) -> Iterator[Cause]:
    """The whole object; what is wrong with the old one already is not held against the new one."""
    spec = obj.get("spec") or {}
    if old is None:
        yield from _spec(spec)
    before = (old.get("status") or {}).get("conditions") or () if old else ()
    yield from _conditions((obj.get("status") or {}).get("conditions") or (), before)
    issued = _issued(obj)
    if issued and (old is None or issued != _issued(old)):
        try:
            x509.check_certificates(base64.b64decode(issued))
        except x509.Unreadable as error:
            yield cause.invalid(_CERTIFICATE, "<certificate data>", str(error))


def _spec(spec: Obj) -> Iterator[Cause]:
    request = spec.get("request") or ""
    try:
        x509.check_request(base64.b64decode(request))
    except x509.Unreadable as error:
        yield cause.invalid("spec.request", request, str(error))
    usages = spec.get("usages") or ()
    if not usages:
        yield cause.required("spec.usages")
    for i, usage in enumerate(usages):
        if usage not in _USAGES:
            yield cause.not_supported(f"spec.usages[{i}]", usage, _USAGES)
    for i, usage in enumerate(usages):
        if usage in usages[:i]:
            yield cause.duplicate(f"spec.usages[{i}]", usage)
    signer = spec.get("signerName") or ""
    if signer == _LEGACY_SIGNER:
        text = "the legacy signerName is not allowed via this API version"
        yield cause.invalid("spec.signerName", signer, text)
    else:
        yield from signer_name("spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _MIN_DURATION_S:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        yield cause.invalid("spec.expirationSeconds", seconds, text)


def signer_name(path: str, name: str) -> Iterator[Cause]:
    """The name of a signer: `example.com/my-signer`."""
    if not name:
        yield cause.required(path)
        return
    parts = name.split("/")
    if len(parts) != 2:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        yield cause.invalid(path, name, text)
        return
    domain, rest = parts
    if len(domain) > _MAX_DOMAIN:
        yield cause.too_long(path, _MAX_DOMAIN)
    yield from _signer_part(path, domain, rest=False)
    if "." not in domain:
        text = "should be a domain with at least two segments separated by dots"
        yield cause.invalid(path, domain, text)
    yield from _signer_part(path, rest, rest=True)
    if len(name) > _MAX_SIGNER:
        yield cause.too_long(path, _MAX_SIGNER)


def _signer_part(path: str, part: str, *, rest: bool) -> Iterator[Cause]:
    """The first label that is wrong; those after it would say the same again."""
    problems = names.subdomain_errors if rest else formats.dns_label
    for label in part.split("."):
        found = problems(label)
        for problem in found:
            yield cause.invalid(path, part, f'validating label "{label}": {problem}')
        if found:
            return


def _conditions(conditions: Sequence[Obj], before: Sequence[Obj]) -> Iterator[Cause]:
    kinds_before = [condition.get("type") or "" for condition in before]
    both_before = APPROVED in kinds_before and DENIED in kinds_before
    seen: list[str] = []
    for i, condition in enumerate(conditions):
        path, kind, status = f"{_CONDITIONS}[{i}]", condition.get("type") or "", condition.get("status") or ""
        if not kind and "" not in kinds_before:
            yield cause.required(f"{path}.type")
        allowed = ("True",) if kind in (APPROVED, DENIED, FAILED) else ("False", "True", "Unknown")
        if not status:
            yield cause.required(f"{path}.status")
        elif status not in allowed:
            yield cause.not_supported(f"{path}.status", status, allowed)
        opposite = {APPROVED: DENIED, DENIED: APPROVED}.get(kind)
        if opposite in seen and not both_before:
            text = "Approved and Denied conditions are mutually exclusive"
            yield cause.invalid(f"{path}.type", kind, text)
        if kind in seen and len(kinds_before) == len(set(kinds_before)):
            yield cause.duplicate(f"{path}.type", kind)
        seen.append(kind)


def _of_type(obj: Obj, kind: str) -> list[Obj]:
    return [each for each in (obj.get("status") or {}).get("conditions") or () if each.get("type") == kind]


def _issued(obj: Obj) -> str:
    return (obj.get("status") or {}).get("certificate") or ""


RULES = {
    ("certificates.k8s.io", "CertificateSigningRequest"): Rules(on_create, on_update, on_status_update, whole=False)
}
