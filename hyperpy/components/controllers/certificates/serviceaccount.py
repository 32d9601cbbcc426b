"""ServiceAccount controller: a `default` ServiceAccount in every namespace.

Watches: Namespace, ServiceAccount.   Writes: ServiceAccount.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import refusals
from hyperpy.components.controllers.upkeep.expectations import VERIFY_AFTER_S

DEFAULT = "default"


def plan(namespace: Obj | None, account: Obj | None) -> Obj | None:
    """The ServiceAccount to create in a namespace, or None."""
    if namespace is None or meta.is_deleting(namespace) or account is not None:
        return None
    return {
        "apiVersion": kinds.SERVICE_ACCOUNT.api_version,
        "kind": kinds.SERVICE_ACCOUNT.kind,
        "metadata": {"name": DEFAULT, "namespace": namespace["metadata"]["name"]},
    }


class ServiceAccountController:
    """Creates what is missing; keys are namespaces."""

    name = "serviceaccount-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._namespaces = context.watch(kinds.NAMESPACE, self._namespace_changed)
        self._accounts = context.watch(kinds.SERVICE_ACCOUNT, self._account_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one namespace."""
        wanted = plan(self._namespaces.get(key), self._accounts.get(DEFAULT, key))
        if wanted is None:
            return None
        try:
            await self._client.create(kinds.SERVICE_ACCOUNT, wanted)
        except errors.AlreadyExists:
            pass
        except errors.Forbidden as error:
            if not refusals.namespace_is_leaving(error):
                raise
            return None
        # A list after a missed event may show neither the new one nor that it went: no event would tell.
        return VERIFY_AFTER_S

    def _namespace_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event == "ADDED":
            self._queue.add(new["metadata"]["name"])

    def _account_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        gone = new or old
        if event == "DELETED" and gone is not None and gone["metadata"]["name"] == DEFAULT:
            self._queue.add(gone["metadata"]["namespace"])
