"""Root CA publisher: the certificates that Pods trust the API server by, as a ConfigMap in every namespace.

Watches: Namespace, ConfigMap.   Writes: ConfigMap.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import refusals
from hyperpy.components.controllers.upkeep.expectations import VERIFY_AFTER_S

NAME = "kube-root-ca.crt"
_DESCRIPTION = {
    "kubernetes.io/description": "Certificates to trust the API server by, at its addresses inside the cluster only."
}


def plan(namespace: Obj | None, present: Obj | None, *, root_ca: str) -> Obj | None:
    """The ConfigMap to write in a namespace (with `present`: in its place), or None when all is well."""
    if namespace is None or meta.is_deleting(namespace):
        return None
    data = {"ca.crt": root_ca}
    if present is not None:
        return None if present.get("data") == data else {**present, "data": data}
    metadata = {"name": NAME, "namespace": namespace["metadata"]["name"], "annotations": _DESCRIPTION}
    return {
        "apiVersion": kinds.CONFIG_MAP.api_version,
        "kind": kinds.CONFIG_MAP.kind,
        "metadata": metadata,
        "data": data,
    }


class RootCAPublisher:
    """Keys are namespaces. Without a CA in the options it publishes nothing."""

    name = "root-ca-cert-publisher"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._root_ca = context.options.root_ca_pem.decode()
        self._namespaces = context.watch(kinds.NAMESPACE, self._namespace_changed)
        self._config_maps = context.watch(kinds.CONFIG_MAP, self._config_map_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one namespace."""
        present = self._config_maps.get(NAME, key)
        wanted = plan(self._namespaces.get(key), present, root_ca=self._root_ca)
        if wanted is None or not self._root_ca:
            return None
        try:
            if present is None:
                await self._client.create(kinds.CONFIG_MAP, wanted)
            else:
                await self._client.update(kinds.CONFIG_MAP, wanted)
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

    def _config_map_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        if obj is not None and obj["metadata"]["name"] == NAME:
            self._queue.add(obj["metadata"]["namespace"])
