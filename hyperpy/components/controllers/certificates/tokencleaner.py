"""Token cleaner: bootstrap tokens that have expired go.   Watches: Secret.   Writes: Secret (deletes).

Source: "Authenticating with Bootstrap Tokens".
"""

from __future__ import annotations

import base64
import binascii

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context

NAMESPACE = "kube-system"
TYPE = "bootstrap.kubernetes.io/token"


def plan(secret: Obj, *, now: float) -> float | None:
    """Seconds until a Secret goes: 0 is now, None is never. An expiration that cannot be read is one of the past."""
    text = (secret.get("data") or {}).get("expiration")
    if secret.get("type") != TYPE or not text:
        return None
    try:
        return max(0.0, meta.parse_time(base64.b64decode(text, validate=True).decode()) - now)
    except (binascii.Error, ValueError):
        return 0.0


class TokenCleaner:
    """Keys are Secrets; each comes back when it expires."""

    name = "token-cleaner"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._secrets = context.informers.of(kinds.SECRET)
        context.watch(kinds.SECRET, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """Delete one Secret, as it was when it had expired; returns when that will be."""
        secret = self._secrets.get(key, NAMESPACE)
        wait_s = plan(secret, now=self._context.clock.now()) if secret is not None else None
        if secret is None or meta.is_deleting(secret) or wait_s is None or wait_s > 0:
            return wait_s
        about = secret["metadata"]
        options = DeleteOptions(uid=about["uid"], resource_version=about["resourceVersion"])
        try:
            await self._client.delete(kinds.SECRET, key, namespace=NAMESPACE, options=options)
        except errors.NotFound:
            pass
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED" or new.get("type") != TYPE:
            return
        if new["metadata"]["namespace"] == NAMESPACE:
            self._queue.add(new["metadata"]["name"])
