"""`POST serviceaccounts/NAME/token`: issues a token for a ServiceAccount, bound to an object when asked.

Source: API reference, authentication.k8s.io/v1 TokenRequest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request, Response
from hyperpy.client.protocol import Client, Obj
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes, Chain
from hyperpy.components.apiserver.authn.tokens import Bound, Claims, TokenSigner
from hyperpy.components.apiserver.verbs import posted

API_VERSION = "authentication.k8s.io/v1"
TOKEN_REQUEST = Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", verbs=("create",))
DEFAULT_SECONDS = 3600
MIN_SECONDS = 600
MAX_SECONDS = 1 << 32

_BINDABLE: dict[tuple[str, str], Kind] = {
    ("v1", "Pod"): kinds.POD,
    ("v1", "Secret"): kinds.SECRET,
    ("v1", "Node"): kinds.NODE,
}


class TokenRequests:
    """Answers token requests.

    Args:
        client: reads the account and the bound object.
        admission: is asked about every request, as about a write.
        audiences: of a token that asks for none (`--api-audiences`).
        now: seconds since the epoch.
    """

    def __init__(
        self,
        client: Client,
        signer: TokenSigner,
        admission: Chain,
        *,
        audiences: Sequence[str],
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._admission = admission
        self._signer = signer
        self._audiences = tuple(audiences)
        self._now = now

    async def create(self, request: Request, *, namespace: str, name: str) -> Response:
        """Issue a token for ServiceAccount `name`.

        Raises:
            errors.StatusError: no such account or object, or the request is not valid.
        """
        review = posted.decode(request, TOKEN_REQUEST).obj
        spec = review.get("spec") or {}
        seconds = _seconds(spec, name)
        audiences = tuple(spec.get("audiences") or self._audiences)
        account = await self._client.get(kinds.SERVICE_ACCOUNT, name, namespace=namespace)
        review["metadata"] = {**(review.get("metadata") or {}), "name": name, "namespace": namespace}
        asked = Attributes(CREATE, kinds.SERVICE_ACCOUNT, namespace, name, "token", request.user, review)
        await self._admission.admit(asked)
        await self._admission.validate(asked)
        bound, also = await self._bound(spec.get("boundObjectRef"), account)
        expires = self._now() + seconds
        uid = account["metadata"]["uid"]
        token = self._signer.sign(Claims(namespace, name, uid, audiences, expires, bound, also))
        answer = {
            "kind": "TokenRequest",
            "apiVersion": API_VERSION,
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": _stamp(self._now())},
            "spec": {
                "audiences": list(audiences),
                "expirationSeconds": seconds,
                "boundObjectRef": spec.get("boundObjectRef"),
            },
            "status": {"token": token, "expirationTimestamp": _stamp(expires)},
        }
        return Response(201, orjson.dumps(answer))

    async def _bound(self, reference: Any, account: Obj) -> tuple[Bound | None, tuple[Bound, ...]]:
        """The object the token is bound to, and the node of a bound pod."""
        if not reference:
            return None, ()
        kind = _BINDABLE.get((reference.get("apiVersion", "v1"), reference.get("kind", "")))
        if kind is None:
            raise errors.BadRequest(f"cannot bind token to object of type {reference.get('kind')}")
        namespace = account["metadata"]["namespace"] if kind.namespaced else None
        obj = await self._client.get(kind, reference.get("name", ""), namespace=namespace)
        meta = obj["metadata"]
        if reference.get("uid") and reference["uid"] != meta["uid"]:
            raise errors.conflict(
                kind.group,
                kind.plural,
                meta["name"],
                f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
                "The object might have been deleted and then recreated",
            )
        also: tuple[Bound, ...] = ()
        if kind is kinds.POD:
            if obj["spec"].get("serviceAccountName") != account["metadata"]["name"]:
                raise errors.BadRequest(
                    f'cannot bind token for serviceaccount "{account["metadata"]["name"]}" to pod running with '
                    "different serviceaccount name."
                )
            also = await self._node(obj["spec"].get("nodeName"))
        return Bound(kind.singular, meta["name"], meta["uid"]), also

    async def _node(self, name: str | None) -> tuple[Bound, ...]:
        if not name:
            return ()
        try:
            node = await self._client.get(kinds.NODE, name)
        except errors.NotFound:
            return (Bound("node", name, ""),)
        return (Bound("node", name, node["metadata"]["uid"]),)


def _seconds(spec: dict[str, Any], name: str) -> int:
    seconds: int | None = spec.get("expirationSeconds")
    if seconds is None:
        return DEFAULT_SECONDS
    if seconds < MIN_SECONDS:
        raise _invalid(name, "spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > MAX_SECONDS:
        raise _invalid(name, "spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    return seconds


def _invalid(name: str, field: str, value: object, why: str) -> errors.Invalid:
    text = f"Invalid value: {value}: {why}"
    return errors.Invalid(
        f'TokenRequest.authentication.k8s.io "{name}" is invalid: {field}: {text}',
        details={
            "name": name,
            "group": "authentication.k8s.io",
            "kind": "TokenRequest",
            "causes": [{"reason": "FieldValueInvalid", "message": text, "field": field}],
        },
    )


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
