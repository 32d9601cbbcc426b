"""Claims, volumes and storage as the scheduler believes them to be, and who waits for a claim to be bound. Pure.

of a Pod that was decided on: assumed ──written──▶ newer than the cache ──the cache shows it──▶ known
                                 └── the Pod is not bound: assumed no longer
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from hyperpy.api import meta, volume_binding
from hyperpy.api.node_selection import NodeSelection
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.overlay import Overlay


class Volumes:
    """What the scheduler knows of storage. Plugins read it, and assume; the intake writes it.

    `classes`, `drivers` (CSIDriver), `csi_nodes` and `capacities` (CSIStorageCapacity) are by key.

    Args:
        clock: the time of those who wait.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.claims = Overlay()
        self.volumes = Overlay()
        self.classes: dict[str, Obj] = {}
        self.drivers: dict[str, Obj] = {}
        self.csi_nodes: dict[str, Obj] = {}
        self.capacities: dict[str, Obj] = {}
        self._free: defaultdict[str, set[str]] = defaultdict(set)
        self._kept: defaultdict[str, set[str]] = defaultdict(set)
        self._selections: dict[str, tuple[Obj | None, NodeSelection | None]] = {}
        #: Bounded by the Pods that wait for their volumes; a change of a claim calls those that wait for it.
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    def put_claim(self, claim: Obj) -> None:
        """A claim appeared or changed."""
        self.claims.put(claim)
        self.touch(meta.key(claim))

    def remove_claim(self, key: str) -> None:
        """A claim is gone."""
        self.claims.remove(key)
        self.touch(key)

    def put_volume(self, volume: Obj, old: Obj | None) -> None:
        """A volume appeared or changed."""
        if old is not None:
            self._unindex(old)
        self.volumes.put(volume)
        name = volume["metadata"]["name"]
        key = _claim_of(volume)
        if key:
            self._kept[key].add(name)
            self.touch(key)
        else:
            self._free[volume_binding.class_of(volume)].add(name)

    def remove_volume(self, volume: Obj) -> None:
        """A volume is gone."""
        self._unindex(volume)
        self.volumes.remove(volume["metadata"]["name"])
        self._selections.pop(volume["metadata"]["name"], None)
        self.touch(_claim_of(volume))

    def for_claim(self, claim: Obj) -> Iterable[Obj]:
        """The volumes that may be one for a claim: the free ones of its class, and those that are kept for it."""
        names = self._free.get(volume_binding.class_of(claim), set()) | self._kept.get(meta.key(claim), set())
        return [volume for volume in map(self.volumes.get, names) if volume is not None]

    def selection(self, volume: Obj) -> NodeSelection | None:
        """The nodes that can use a volume (read once), or None: all."""
        name, affinity = volume["metadata"]["name"], volume["spec"].get("nodeAffinity")
        known = self._selections.get(name)
        if known is None or known[0] is not affinity:
            known = self._selections[name] = (affinity, volume_binding.selection(volume))
        return known[1]

    def touch(self, key: str) -> None:
        """Call those who wait for a claim."""
        for call in self._waiting.get(key, ()):
            call()

    @contextmanager
    def watched(self, keys: Iterable[str], call: Callable[[], None]) -> Iterator[None]:
        """Call back at every change of these claims, or of a volume that names one."""
        keys = list(keys)
        for key in keys:
            self._waiting[key].append(call)
        try:
            yield
        finally:
            for key in keys:
                self._waiting[key].remove(call)
                if not self._waiting[key]:
                    del self._waiting[key]

    def _unindex(self, volume: Obj) -> None:
        for index, value in ((self._free, volume_binding.class_of(volume)), (self._kept, _claim_of(volume))):
            index[value].discard(volume["metadata"]["name"])
            if not index[value]:
                del index[value]


def _claim_of(volume: Obj) -> str:
    reference = volume["spec"].get("claimRef") or {}
    return f"{reference.get('namespace')}/{reference.get('name')}" if reference else ""
