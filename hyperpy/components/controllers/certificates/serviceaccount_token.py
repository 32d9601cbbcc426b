"""ServiceAccount tokens in Secrets: those that people make are filled, and go when their account goes.

Watches: Secret, ServiceAccount.   Writes: Secret.   The planner is `token_secrets`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.certificates import legacy_tokens, token_secrets
from hyperpy.components.controllers.context import Context

_BY_ACCOUNT = "service-account-token"


class ServiceAccountTokenController:
    """Keys are Secrets. Without a key in the options it does nothing."""

    name = "tokens-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._key_file = context.options.service_account_key_file
        if self._key_file is None:
            return
        self._secrets = context.informers.of(kinds.SECRET)
        self._secrets.add_index(_BY_ACCOUNT, _account_key)
        self._accounts = context.informers.of(kinds.SERVICE_ACCOUNT)
        context.watch(kinds.SECRET, self._secret_changed)
        context.watch(kinds.SERVICE_ACCOUNT, self._account_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one Secret. Raises CannotSign when the key cannot be used now."""
        namespace, name = meta.split_key(key)
        secret = self._secrets.get(name, namespace)
        wanted = token_secrets.account_of(secret) if secret is not None else None
        if secret is None or wanted is None or meta.is_deleting(secret):
            return None
        account = await self._account(secret, wanted)
        try:
            if account is None:
                await self._delete(secret)
            else:
                await self._fill(secret, account)
        except errors.NotFound:
            pass
        return None

    async def _account(self, secret: Obj, name: str) -> Obj | None:
        """The account of a Secret. What the cache does not know is asked of the API: no token may go in error."""
        namespace = secret["metadata"]["namespace"]
        account = self._accounts.get(name, namespace)
        if not token_secrets.belongs(secret, account):
            try:
                account = await self._client.get(kinds.SERVICE_ACCOUNT, name, namespace=namespace)
            except errors.NotFound:
                return None
        return account if token_secrets.belongs(secret, account) else None

    async def _fill(self, secret: Obj, account: Obj) -> None:
        assert self._key_file is not None, "nothing is watched without one"
        token = ""
        if token_secrets.lacks_token(secret):
            token = legacy_tokens.sign(self._key_file, account=account, secret=secret["metadata"]["name"])
        root_ca = self._context.options.root_ca_pem
        written = token_secrets.filled(secret, account, root_ca=root_ca, token=token)
        if written is not None:
            await self._client.update(kinds.SECRET, written)

    async def _delete(self, secret: Obj) -> None:
        about = secret["metadata"]
        options = DeleteOptions(uid=about["uid"], resource_version=about["resourceVersion"])
        await self._client.delete(kinds.SECRET, about["name"], namespace=about["namespace"], options=options)

    def _secret_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED" and token_secrets.account_of(new) is not None:
            self._queue.add(meta.key(new))

    def _account_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        account = new or old
        assert account is not None
        if event != "MODIFIED":
            for secret in self._secrets.by_index(_BY_ACCOUNT, meta.key(account)):
                self._queue.add(meta.key(secret))


def _account_key(secret: Obj) -> Iterable[str]:
    name = token_secrets.account_of(secret)
    return (f"{secret['metadata']['namespace']}/{name}",) if name else ()
