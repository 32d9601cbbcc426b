"""The Pods that the API wants on this node, told to the workers as they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperpy.api.kinds import POD
from hyperpy.client.informer import Informer, Informers
from hyperpy.components.kubelet.pod_workers import MIRROR, PodWorkers

Obj = dict[str, Any]


class ApiPods:
    """Follows the Pods bound to a node.

    Args:
        mirror_changed: called with a mirror Pod that was made, changed or deleted.
    """

    def __init__(
        self, informers: Informers, node_name: str, workers: PodWorkers, *, mirror_changed: Callable[[str, Obj], None]
    ) -> None:
        self._informer: Informer = informers.of(POD, field_selector=f"spec.nodeName={node_name}")
        self._workers = workers
        self._mirror_changed = mirror_changed

    async def begin(self) -> None:
        """Wait for the first list, then tell the workers of every Pod and every change."""
        await self._informer.synced()
        self._informer.subscribe(self._take)

    def uids(self) -> set[str]:
        """All Pods that the API has for this node."""
        return {pod["metadata"]["uid"] for pod in self._informer.list()}

    def mirrors(self) -> list[Obj]:
        """The mirrors of this node's static pods in the API."""
        return [pod for pod in self._informer.list() if _is_mirror(pod)]

    def object_of(self, pod: Obj) -> Obj | None:
        """The API's object of a Pod: itself, or the mirror of a static one; None when there is none."""
        meta = pod["metadata"]
        found = self._informer.get(meta["name"], meta["namespace"])
        if found is None:
            return None
        if found["metadata"]["uid"] == meta["uid"] or _is_mirror(found):
            return found
        return None

    def _take(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new if new is not None else old
        assert pod is not None
        if old is not None and old["metadata"]["uid"] != pod["metadata"]["uid"]:
            # The deletion of the old one and the new one of the same name came in one list.
            self._workers.remove(old["metadata"]["uid"])
        if _is_mirror(pod):
            self._mirror_changed(event, pod)
        elif event == "DELETED":
            self._workers.remove(pod["metadata"]["uid"])
        else:
            self._workers.put(pod)


def _is_mirror(pod: Obj) -> bool:
    return MIRROR in (pod["metadata"].get("annotations") or {})
