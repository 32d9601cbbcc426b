"""ServiceAccount tokens for projected volumes: asked for by the token subresource, cached, renewed before they end.

Source: "Configure Service Accounts for Pods", token volume projection: renewed at 80% of its life or after 24 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperpy.api import meta
from hyperpy.api.kinds import SERVICE_ACCOUNT
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import Client

Obj = dict[str, Any]

DEFAULT_LIFE_S = 3600
MAX_AGE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token and when it should be replaced, in seconds since the epoch."""

    text: str
    renew_at: float


class Tokens:
    """The tokens of the node's Pods."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._held: dict[tuple[str, str, int], Token] = {}

    async def get(self, pod: Obj, source: Obj) -> Token:
        """The token for a `serviceAccountToken` projection.

        Raises:
            errors.StatusError: the API server refuses or does not answer.
        """
        life_s = int(source.get("expirationSeconds") or DEFAULT_LIFE_S)
        key = (pod["metadata"]["uid"], source.get("audience") or "", life_s)
        held = self._held.get(key)
        if held is None or self._clock.now() >= held.renew_at:
            held = await self._request(pod, audience=key[1], life_s=life_s)
            self._held[key] = held
        return held

    def forget(self, uid: str) -> None:
        """Drop the tokens of a Pod."""
        for key in [key for key in self._held if key[0] == uid]:
            del self._held[key]

    async def _request(self, pod: Obj, *, audience: str, life_s: int) -> Token:
        about = pod["metadata"]
        body: Obj = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": life_s,
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": about["name"], "uid": about["uid"]},
            },
        }
        asked_at = self._clock.now()
        account = pod["spec"].get("serviceAccountName") or "default"
        answer = await self._client.create(
            SERVICE_ACCOUNT, body, namespace=about["namespace"], name=account, subresource="token"
        )
        status = answer["status"]
        lives_s = meta.parse_time(status["expirationTimestamp"]) - asked_at
        return Token(status["token"], asked_at + min(lives_s * 0.8, MAX_AGE_S))
