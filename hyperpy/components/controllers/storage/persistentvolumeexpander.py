"""PersistentVolume expander: says who a claim waits for that has grown.

Watches: PersistentVolumeClaim, PersistentVolume.   Writes: Event.

No volume is grown here: drivers do that from outside, and write the claim's conditions and capacity themselves.
Source: Concepts, "Persistent Volumes", "Expanding Persistent Volumes Claims".
"""

from __future__ import annotations

from hyperpy.api import kinds, meta, quantity, volume_binding
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context


def grows(claim: Obj) -> bool:
    """Whether a bound claim asks for more than it has."""
    status = claim.get("status") or {}
    if status.get("phase") != "Bound" or not volume_binding.is_bound(claim) or meta.is_deleting(claim):
        return False
    has = (status.get("capacity") or {}).get("storage") or "0"
    return quantity.compare(volume_binding.wanted(claim), has) > 0


class PersistentVolumeExpander:
    """Keys are claims. Each size that is asked for is told once."""

    name = "persistentvolume-expander-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._queue = queue
        self._events = context.events("volume_expand")
        self._volumes = context.informers.of(kinds.PERSISTENT_VOLUME)
        self._claims = context.watch(kinds.PERSISTENT_VOLUME_CLAIM, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one claim."""
        namespace, name = meta.split_key(key)
        claim = self._claims.get(name, namespace)
        volume = self._volumes.get(claim["spec"].get("volumeName") or "") if claim is not None else None
        if claim is None or volume is None or not grows(claim):
            return None
        type = "Normal" if volume["spec"].get("csi") is not None else "Warning"  # a driver can; others may not
        text = "waiting for an external controller to expand this PVC"
        self._events.event(claim, kinds.PERSISTENT_VOLUME_CLAIM, type, "ExternalExpanding", text)
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event == "DELETED" or new is None or not grows(new):
            return
        if old is None or not grows(old) or volume_binding.wanted(old) != volume_binding.wanted(new):
            self._queue.add(meta.key(new))
