"""Legacy ServiceAccount token cleaner: tokens that were made by themselves and that nobody used for long are marked
invalid, and later deleted.

Watches: Secret, ServiceAccount, Pod, ConfigMap (kube-system).   Writes: Secret.   The planner is `token_secrets`.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.certificates import token_secrets
from hyperpy.components.controllers.context import Context

#: Whether a Pod mounts the token is seen then, too: Pods come and go too often to look at each time.
_AGAIN_S = 24 * 3600.0


class LegacyTokenCleaner:
    """Keys are Secrets; each comes back when its token may be unused for too long."""

    name = "legacy-service-account-token-cleaner"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._secrets = context.informers.of(kinds.SECRET)
        self._accounts = context.informers.of(kinds.SERVICE_ACCOUNT)
        self._pods = context.informers.of(kinds.POD)
        self._config_maps = context.informers.of(kinds.CONFIG_MAP)
        context.watch(kinds.SECRET, self._secret_changed)
        context.watch(kinds.SERVICE_ACCOUNT, self._account_changed)
        context.watch(kinds.CONFIG_MAP, self._config_map_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one Secret."""
        namespace, name = meta.split_key(key)
        secret = self._secrets.get(name, namespace)
        if secret is None or meta.is_deleting(secret) or not self._was_made_by_itself(secret):
            return None
        tracking = self._config_maps.get(token_secrets.TRACKING, token_secrets.TRACKING_NAMESPACE) or {}
        now = self._context.clock.now()
        found = token_secrets.cleaning(
            secret,
            tracked_since=(tracking.get("data") or {}).get("since", ""),
            now=now,
            unused_s=self._context.options.legacy_token_unused_s,
        )
        if not found.mark and not found.delete:
            return found.wait_s
        if name in token_secrets.mounted(self._pods.list(namespace)):
            return _AGAIN_S
        try:
            await (self._delete(secret) if found.delete else self._mark(secret, meta.timestamp(now)[:10]))
        except errors.NotFound:
            pass
        return None

    def _was_made_by_itself(self, secret: Obj) -> bool:
        """Its account, which is this one and no other of its name, lists it; those that people make are theirs."""
        name = token_secrets.account_of(secret)
        account = self._accounts.get(name, secret["metadata"]["namespace"]) if name else None
        if account is None or not token_secrets.belongs(secret, account):
            return False
        return any(each.get("name") == secret["metadata"]["name"] for each in account.get("secrets") or ())

    async def _mark(self, secret: Obj, today: str) -> None:
        about = secret["metadata"]
        labels = {token_secrets.INVALID_SINCE: today}
        body = {"metadata": {"uid": about["uid"], "resourceVersion": about["resourceVersion"], "labels": labels}}
        await self._client.patch(kinds.SECRET, about["name"], body, namespace=about["namespace"])

    async def _delete(self, secret: Obj) -> None:
        about = secret["metadata"]
        options = DeleteOptions(uid=about["uid"], resource_version=about["resourceVersion"])
        await self._client.delete(kinds.SECRET, about["name"], namespace=about["namespace"], options=options)

    def _secret_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED" and token_secrets.account_of(new) is not None:
            self._queue.add(meta.key(new))

    def _account_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED" and (old is None or old.get("secrets") != new.get("secrets")):
            for each in new.get("secrets") or ():
                self._queue.add(f"{new['metadata']['namespace']}/{each.get('name', '')}")

    def _config_map_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        about = obj["metadata"]
        if (about["namespace"], about["name"]) == (token_secrets.TRACKING_NAMESPACE, token_secrets.TRACKING):
            for secret in self._secrets.list():
                if token_secrets.account_of(secret) is not None:
                    self._queue.add(meta.key(secret))
