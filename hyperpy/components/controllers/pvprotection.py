"""PV protection: a volume that is being deleted stays while a claim is bound to it.

Watches: PersistentVolume.   Writes: PersistentVolume.
Source: "Persistent Volumes", "Storage Object in Use Protection".
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context

FINALIZER = "kubernetes.io/pv-protection"


def plan(volume: Obj | None) -> Obj | None:
    """The volume without the finalizer, or None when it is to stay as it is."""
    if volume is None or not meta.is_deleting(volume) or FINALIZER not in (volume["metadata"].get("finalizers") or ()):
        return None
    if (volume.get("status") or {}).get("phase") == "Bound":
        return None
    left = [name for name in volume["metadata"]["finalizers"] if name != FINALIZER]
    return {**volume, "metadata": {**volume["metadata"], "finalizers": left}}


class PVProtectionController:
    """Keys are volumes."""

    name = "persistentvolume-protection-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._volumes = context.watch(kinds.PERSISTENT_VOLUME, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one volume."""
        wanted = plan(self._volumes.get(key))
        if wanted is None:
            return None
        try:
            await self._client.update(kinds.PERSISTENT_VOLUME, wanted)
        except errors.NotFound:
            pass
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and meta.is_deleting(new):
            self._queue.add(new["metadata"]["name"])
