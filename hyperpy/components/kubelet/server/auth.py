"""Who may ask a kubelet: holders of a client certificate of the cluster, or of a token that the API server accepts.

Members of `system:masters` may everything; others are asked about at the API server, as Kubernetes does.
Source: "Kubelet authentication/authorization".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.api import errors
from hyperpy.api.kinds import SUBJECT_ACCESS_REVIEW, TOKEN_REVIEW
from hyperpy.api.wire import UserInfo
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import Client

Obj = dict[str, Any]

MASTERS = "system:masters"
TOKEN_CACHE_S = 120.0
ALLOWED_CACHE_S, DENIED_CACHE_S = 300.0, 30.0
#: Answers kept at once; beyond, all are forgotten.
CACHE_SIZE = 1000

#: Paths whose rights are their own; all others are `nodes/proxy`. Source: the table in the kubelet's documentation.
_SUBRESOURCES = {"stats": "stats", "metrics": "metrics", "logs": "log", "spec": "spec", "pods": "pods"}
_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Gatekeeper:
    """Authenticates and authorizes requests.

    Args:
        client: the kubelet's own; it asks for token and access reviews.
    """

    def __init__(self, client: Client, clock: Clock, *, node_name: str) -> None:
        self._client = client
        self._clock = clock
        self._node_name = node_name
        self._tokens: dict[str, tuple[float, UserInfo | None]] = {}
        self._decisions: dict[tuple[object, ...], tuple[float, bool]] = {}

    async def check(self, method: str, path: str, *, certificate: Mapping[str, Any] | None, authorization: str) -> None:
        """Let a request pass.

        Args:
            certificate: the checked client certificate, as `ssl` gives it.
            authorization: the header of that name.
        Raises:
            Unauthorized: nobody known.
            Forbidden: known, and may not.
        """
        user = certificate_user(certificate) or await self._token_user(authorization)
        if user is None:
            raise errors.Unauthorized("Unauthorized")
        if MASTERS in user.groups:
            return
        verb, subresource = attributes(method, path)
        if not await self._may(user, verb, subresource):
            raise errors.Forbidden(
                f"Forbidden (user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{subresource}])"
            )

    async def _token_user(self, authorization: str) -> UserInfo | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        now = self._clock.monotonic()
        kept = self._tokens.get(token)
        if kept is None or kept[0] < now:
            kept = (now + TOKEN_CACHE_S, await self._review_token(token))
            _keep(self._tokens, token, kept)
        return kept[1]

    async def _review_token(self, token: str) -> UserInfo | None:
        review = {"apiVersion": TOKEN_REVIEW.api_version, "kind": TOKEN_REVIEW.kind, "spec": {"token": token}}
        status = (await self._client.create(TOKEN_REVIEW, review)).get("status") or {}
        if not status.get("authenticated"):
            return None
        user = status.get("user") or {}
        return UserInfo(user.get("username") or "", tuple(user.get("groups") or ()), user.get("uid") or "")

    async def _may(self, user: UserInfo, verb: str, subresource: str) -> bool:
        key = (user.name, user.groups, verb, subresource)
        now = self._clock.monotonic()
        kept = self._decisions.get(key)
        if kept is None or kept[0] < now:
            allowed = await self._review_access(user, verb, subresource)
            kept = (now + (ALLOWED_CACHE_S if allowed else DENIED_CACHE_S), allowed)
            _keep(self._decisions, key, kept)
        return kept[1]

    async def _review_access(self, user: UserInfo, verb: str, subresource: str) -> bool:
        wanted = {
            "verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource, "name": self._node_name,
        }  # fmt: skip
        review = {
            "apiVersion": SUBJECT_ACCESS_REVIEW.api_version,
            "kind": SUBJECT_ACCESS_REVIEW.kind,
            "spec": {"user": user.name, "groups": list(user.groups), "uid": user.uid, "resourceAttributes": wanted},
        }
        return bool(((await self._client.create(SUBJECT_ACCESS_REVIEW, review)).get("status") or {}).get("allowed"))


def _keep(cache: dict[Any, Any], key: object, value: object) -> None:
    if len(cache) >= CACHE_SIZE:
        cache.clear()
    cache[key] = value


def certificate_user(certificate: Mapping[str, Any] | None) -> UserInfo | None:
    """The user of a client certificate: its common name, in the groups of its organizations."""
    names: Sequence[Any] = (certificate or {}).get("subject") or ()
    pairs = [pair for part in names for pair in part]
    name = next((value for key, value in pairs if key == "commonName"), "")
    groups = tuple(value for key, value in pairs if key == "organizationName")
    return UserInfo(name, (*groups, "system:authenticated")) if name else None


def attributes(method: str, path: str) -> tuple[str, str]:
    """The verb and the subresource of `nodes` that a request needs."""
    first = path.strip("/").partition("/")[0]
    return _VERBS.get(method, method.lower()), _SUBRESOURCES.get(first, "proxy")
