"""PVC protection: a claim that is being deleted stays while a Pod uses it.

Watches: PersistentVolumeClaim, Pod.   Writes: PersistentVolumeClaim.
Source: "Persistent Volumes", "Storage Object in Use Protection".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hyperpy.api import errors, kinds, meta, pods, volume_binding
from hyperpy.api.volume_binding import PodClaim
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.storage import claim_index
from hyperpy.components.controllers.upkeep import finalizing

FINALIZER = "kubernetes.io/pvc-protection"


def plan(claim: Obj | None, users: Iterable[Obj]) -> Obj | None:
    """The claim with the finalizer that it lacks or without the one it waits for, or None when all is well.

    Args:
        users: the Pods that may use it.
    """
    if claim is None:
        return None
    if finalizing.lacks(claim, FINALIZER):
        return finalizing.put_on(claim, FINALIZER)
    if not finalizing.waits_for(claim, FINALIZER) or any(_uses(pod, meta.key(claim)) for pod in users):
        return None
    return finalizing.taken_off(claim, FINALIZER)


def _uses(pod: Obj, key: str) -> bool:
    """Whether a Pod that a node has uses a claim, until it is gone; an ephemeral volume's until it is shut down."""
    if not pod["spec"].get("nodeName"):
        return False
    shut_down = meta.is_deleting(pod) and pod["metadata"].get("deletionGracePeriodSeconds") == 0
    return key in _named_claims(pod) or (not shut_down and key in _ephemeral_claims(pod))


class PVCProtectionController:
    """Keys are claims."""

    name = "persistentvolumeclaim-protection-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._claims = context.watch(kinds.PERSISTENT_VOLUME_CLAIM, self._claim_changed)
        self._pods = context.informers.of(kinds.POD)
        claim_index.index_by_claim(self._pods)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one claim."""
        namespace, name = meta.split_key(key)
        wanted = plan(self._claims.get(name, namespace), claim_index.users(self._pods, key))
        if wanted is None:
            return None
        if meta.is_deleting(wanted):
            users = (await self._client.list(kinds.POD, namespace=namespace)).items
            if any(_uses(pod, key) for pod in users):
                return None  # the cache is behind: the event of that Pod brings the claim back here
        try:
            await self._client.update(kinds.PERSISTENT_VOLUME_CLAIM, wanted)
        except errors.NotFound:
            pass
        return None

    def _claim_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and (finalizing.waits_for(new, FINALIZER) or finalizing.lacks(new, FINALIZER)):
            self._queue.add(meta.key(new))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        if event != "DELETED" and not pods.is_terminal(pod) and not meta.is_deleting(pod):
            return
        for key in claim_index.keys(pod):
            self._queue.add(key)


def _named_claims(pod: Obj) -> Iterator[str]:
    """Keys of the claims that a Pod names."""
    return (_key(pod, claim) for claim in volume_binding.claims_of(pod) if not claim.ephemeral)


def _ephemeral_claims(pod: Obj) -> Iterator[str]:
    """Keys of the claims that are made for a Pod's ephemeral volumes."""
    return (_key(pod, claim) for claim in volume_binding.claims_of(pod) if claim.ephemeral)


def _key(pod: Obj, claim: PodClaim) -> str:
    return f"{pod['metadata']['namespace']}/{claim.name}"
