"""Takes changes of claims, volumes, storage classes and CSI objects into the scheduler's view, and tells of them.

What says nothing about where a Pod may go, such as a claim's size, wakes nobody.
"""

from __future__ import annotations

from collections.abc import Callable

from hyperpy.api import kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.informer import Callback, Informer, Informers
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.framework import Change, Event
from hyperpy.components.scheduler.volumes import Volumes

_STORAGE = {
    kinds.STORAGE_CLASS: Change.STORAGE_CLASS,
    kinds.CSI_DRIVER: Change.STORAGE_SPACE,
    kinds.CSI_STORAGE_CAPACITY: Change.STORAGE_SPACE,
    kinds.CSI_NODE: Change.CSI_NODE,
}


class VolumeIntake:
    """The ears for storage.

    Args:
        tell: passes on what may help a Pod.
    """

    def __init__(self, informers: Informers, volumes: Volumes, tell: Callable[[Event], None]) -> None:
        self._volumes = volumes
        self._tell = tell
        self._followed: list[tuple[Informer, Callback]] = [
            (informers.of(kinds.PERSISTENT_VOLUME_CLAIM), self._claim_changed),
            (informers.of(kinds.PERSISTENT_VOLUME), self._volume_changed),
            *((informers.of(kind), self._storage_callback(kind)) for kind in _STORAGE),
        ]
        self._subscriptions: list[Callable[[], None]] = []

    async def open(self) -> None:
        """Wait for the caches, then follow them."""
        for informer, _ in self._followed:
            await informer.synced()
        self._subscriptions = [informer.subscribe(callback) for informer, callback in self._followed]

    def close(self) -> None:
        """Follow no more."""
        while self._subscriptions:
            self._subscriptions.pop()()

    def _claim_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        claim = new or old
        assert claim is not None
        if event == "DELETED" or new is None:
            self._volumes.remove_claim(meta.key(claim))
            return
        self._volumes.put_claim(new)
        if old is None or _claim_says(old) != _claim_says(new):
            self._tell(Event(Change.CLAIM, obj=new))

    def _volume_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        volume = new or old
        assert volume is not None
        if event == "DELETED" or new is None:
            self._volumes.remove_volume(old or volume)
            return
        self._volumes.put_volume(new, old)
        if old is None or _volume_says(old) != _volume_says(new):
            self._tell(Event(Change.VOLUME, obj=new))

    def _storage_callback(self, kind: Kind) -> Callback:
        objects = {
            kinds.STORAGE_CLASS: self._volumes.classes,
            kinds.CSI_DRIVER: self._volumes.drivers,
            kinds.CSI_NODE: self._volumes.csi_nodes,
            kinds.CSI_STORAGE_CAPACITY: self._volumes.capacities,
        }[kind]

        def changed(event: str, old: Obj | None, new: Obj | None) -> None:
            obj = new or old
            assert obj is not None
            if event == "DELETED" or new is None:
                objects.pop(meta.key(obj), None)
                return
            objects[meta.key(obj)] = new
            self._tell(Event(_STORAGE[kind], obj=new))

        return changed


def _claim_says(claim: Obj) -> object:
    """What of a claim decides where its Pods may go."""
    about = claim["metadata"]
    return claim["spec"], about.get("annotations"), (claim.get("status") or {}).get("phase"), about.get("uid")


def _volume_says(volume: Obj) -> object:
    return volume["spec"], volume["metadata"].get("labels"), meta.is_deleting(volume)
