"""PV protection: a volume that is being deleted stays while a claim is bound to it.

Watches: PersistentVolume.   Writes: PersistentVolume.
Source: "Persistent Volumes", "Storage Object in Use Protection".
"""

from __future__ import annotations

from hyperpy.api import errors, kinds
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import finalizing

FINALIZER = "kubernetes.io/pv-protection"


def plan(volume: Obj | None) -> Obj | None:
    """The volume with the finalizer that it lacks or without the one it waits for, or None when all is well."""
    if volume is None:
        return None
    if finalizing.lacks(volume, FINALIZER):
        return finalizing.put_on(volume, FINALIZER)
    bound = (volume.get("status") or {}).get("phase") == "Bound"
    return finalizing.taken_off(volume, FINALIZER) if finalizing.waits_for(volume, FINALIZER) and not bound else None


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
        if new is not None and (finalizing.waits_for(new, FINALIZER) or finalizing.lacks(new, FINALIZER)):
            self._queue.add(new["metadata"]["name"])
