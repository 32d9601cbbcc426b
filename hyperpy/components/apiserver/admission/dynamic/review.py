"""AdmissionReview: the question that a webhook is sent, and what is taken from its answer. Pure.

Source: the API reference, "AdmissionReview" (admission.k8s.io/v1 and v1beta1).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hyperpy.api import errors
from hyperpy.components.apiserver.admission.dynamic.request import Shown
from hyperpy.components.apiserver.registry.form import Obj

GROUP = "admission.k8s.io"
#: In the order of preference where a webhook names several.
VERSIONS = ("v1", "v1beta1")
_JSON_PATCH = "JSONPatch"


class BadAnswer(Exception):
    """The answer is none that a webhook may give; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A webhook's verdict. `patch` is a JSON patch as text, or empty."""

    allowed: bool
    result: Mapping[str, Any] | None = None
    patch: bytes = b""
    warnings: Sequence[str] = ()
    annotations: Mapping[str, str] | None = None


def version(wanted: Sequence[str]) -> str:
    """The first version in a webhook's list that this server speaks."""
    return next((each for each in wanted if each in VERSIONS), VERSIONS[0])


def question(shown: Shown, *, uid: str, version: str) -> Obj:
    """The AdmissionReview to send."""
    request = {
        "uid": uid,
        **shown.described(),
        "object": shown.obj,
        "oldObject": shown.old,
    }
    return {"kind": "AdmissionReview", "apiVersion": f"{GROUP}/{version}", "request": request}


def answer(review: Any, *, uid: str, version: str, mutating: bool) -> Answer:
    """What an answer says; raises BadAnswer."""
    if not isinstance(review, dict):
        raise BadAnswer("the answer is not an object")
    response = review.get("response")
    if not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    if version == VERSIONS[0]:
        _check_identity(review, response, uid)
    annotations = response.get("auditAnnotations")
    return Answer(
        allowed=response.get("allowed") is True,
        result=response.get("status") if isinstance(response.get("status"), dict) else None,
        patch=_patch(response, mutating=mutating, strict=version == VERSIONS[0]),
        warnings=[str(each) for each in response.get("warnings") or ()],
        annotations=annotations if isinstance(annotations, dict) else None,
    )


def _check_identity(review: Obj, response: Obj, uid: str) -> None:
    given = response.get("uid") or ""
    if given != uid:
        raise BadAnswer(f'expected response.uid="{uid}", got "{given}"')
    kind = f"{review.get('apiVersion') or ''}, Kind={review.get('kind') or ''}"
    wanted = f"{GROUP}/v1, Kind=AdmissionReview"
    if kind != wanted:
        raise BadAnswer(f"expected webhook response of {wanted}, got {kind}")


def _patch(response: Obj, *, mutating: bool, strict: bool) -> bytes:
    patch, kind = response.get("patch") or "", response.get("patchType")
    if not mutating:
        if strict and patch:
            raise BadAnswer("validating webhook may not return response.patch")
        if strict and kind is not None:
            raise BadAnswer("validating webhook may not return response.patchType")
        return b""
    if strict and patch and kind is None:
        raise BadAnswer("webhook returned response.patch but not response.patchType")
    if strict and kind is not None and not patch:
        raise BadAnswer("webhook returned response.patchType but not response.patch")
    if patch and (kind if kind is not None else _JSON_PATCH) != _JSON_PATCH:
        raise BadAnswer(f'unsupported patch type "{kind}"')
    try:
        return base64.b64decode(patch, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadAnswer(f"received undecodable patch in webhook response: {error}") from error


def operations(patch: bytes) -> list[Any]:
    """The operations of an answer's patch; raises BadAnswer."""
    try:
        found = orjson.loads(patch)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"received undecodable patch in webhook response: {error}") from error
    if not isinstance(found, list):
        raise BadAnswer("received undecodable patch in webhook response: it is not a list of operations")
    return found


def rejection(webhook: str, result: Mapping[str, Any] | None) -> errors.StatusError:
    """The refusal of a webhook, in its own words behind Kubernetes'."""
    status = dict(result or {})
    by = f'admission webhook "{webhook}" denied the request'
    why = status.get("message") or status.get("reason")
    code = status.get("code")
    status["code"] = code if isinstance(code, int) and code >= 400 else 400
    status["message"] = f"{by}: {why}" if why else f"{by} without explanation"
    error = errors.from_status(status)
    error.code, error.reason = status["code"], str(status.get("reason") or "")
    return error
