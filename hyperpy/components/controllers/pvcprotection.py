"""PVC protection: a claim that is being deleted stays while a Pod uses it.

Watches: PersistentVolumeClaim, Pod.   Writes: PersistentVolumeClaim.
Source: "Persistent Volumes", "Storage Object in Use Protection".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context

FINALIZER = "kubernetes.io/pvc-protection"
_BY_CLAIM = "claim"


def plan(claim: Obj | None, users: Iterable[Obj]) -> Obj | None:
    """The claim without the finalizer, or None when it is to stay as it is.

    Args:
        users: the Pods that name it.
    """
    if claim is None or not meta.is_deleting(claim) or FINALIZER not in (claim["metadata"].get("finalizers") or ()):
        return None
    if any(_uses(pod) for pod in users):
        return None
    left = [name for name in claim["metadata"]["finalizers"] if name != FINALIZER]
    return {**claim, "metadata": {**claim["metadata"], "finalizers": left}}


def _uses(pod: Obj) -> bool:
    """A Pod that no node runs yet, or that is over, holds nothing; one that is ending does until it has gone."""
    return bool(pod["spec"].get("nodeName")) and not pods.is_terminal(pod)


class PVCProtectionController:
    """Keys are claims."""

    name = "persistentvolumeclaim-protection-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._claims = context.watch(kinds.PERSISTENT_VOLUME_CLAIM, self._claim_changed)
        self._pods = context.informers.of(kinds.POD)
        self._pods.add_index(_BY_CLAIM, _claims_of)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one claim."""
        namespace, name = meta.split_key(key)
        wanted = plan(self._claims.get(name, namespace), self._pods.by_index(_BY_CLAIM, key))
        if wanted is None:
            return None
        users = (await self._client.list(kinds.POD, namespace=namespace)).items
        if any(key in _claims_of(pod) and _uses(pod) for pod in users):
            return None  # the cache is behind: the event of that Pod brings the claim back here
        try:
            await self._client.update(kinds.PERSISTENT_VOLUME_CLAIM, wanted)
        except errors.NotFound:
            pass
        return None

    def _claim_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and meta.is_deleting(new):
            self._queue.add(meta.key(new))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        if event != "DELETED" and not pods.is_terminal(pod):
            return
        for key in _claims_of(pod):
            self._queue.add(key)


def _claims_of(pod: Obj) -> Iterator[str]:
    """Keys of the claims that a Pod uses; of an ephemeral volume the one that is made for it."""
    own = pod["metadata"]
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim") is not None:
            yield f"{own['namespace']}/{volume['persistentVolumeClaim'].get('claimName')}"
        elif volume.get("ephemeral") is not None:
            yield f"{own['namespace']}/{own['name']}-{volume['name']}"
