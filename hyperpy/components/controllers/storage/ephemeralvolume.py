"""Ephemeral volumes: makes the claims of Pods that bring a template along. They go with their Pods.

Watches: Pod, PersistentVolumeClaim.   Writes: PersistentVolumeClaim.
Source: Concepts, "Ephemeral Volumes", "Generic ephemeral volumes".
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta, pods, volume_binding
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.storage import claim_index
from hyperpy.components.controllers.upkeep import refusals

#: A claim that was made is looked for again until the cache shows it: one that came and went unseen is made anew.
_UNSEEN_S = 1.0


def plan(pod: Obj) -> list[tuple[str, Obj]]:
    """The claims that a Pod must have, each with the name of its volume."""
    if meta.is_deleting(pod) or pods.is_terminal(pod):
        return []
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    return [
        (each.volume, _claim(pod, each.name, volumes[each.volume]["ephemeral"].get("volumeClaimTemplate") or {}))
        for each in volume_binding.claims_of(pod)
        if each.ephemeral
    ]


def _claim(pod: Obj, name: str, template: Obj) -> Obj:
    about = template.get("metadata") or {}
    metadata = {
        "name": name,
        "namespace": pod["metadata"]["namespace"],
        "ownerReferences": [meta.owner_reference(kinds.POD, pod)],
        **{field: about[field] for field in ("annotations", "labels") if about.get(field)},
    }
    return {"metadata": metadata, "spec": template.get("spec") or {}}


class EphemeralVolumeController:
    """Keys are Pods. One whose claim's name is taken waits until that claim is gone."""

    name = "ephemeral-volume-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._events = context.events("ephemeral_volume")
        self._claims = context.informers.of(kinds.PERSISTENT_VOLUME_CLAIM)
        self._pods = context.informers.of(kinds.POD)
        claim_index.index_by_claim(self._pods)
        context.watch(kinds.POD, self._pod_changed)
        context.watch(kinds.PERSISTENT_VOLUME_CLAIM, self._claim_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one Pod."""
        namespace, name = meta.split_key(key)
        pod = self._pods.get(name, namespace)
        if pod is None:
            return None
        unseen = [await self._make(pod, volume, claim) for volume, claim in plan(pod)]
        return _UNSEEN_S if any(unseen) else None

    async def _make(self, pod: Obj, volume: str, claim: Obj) -> bool:
        """Make a claim that is not there; returns whether the cache has still to show it."""
        about = claim["metadata"]
        there = cached = self._claims.get(about["name"], about["namespace"])
        if there is None:
            try:
                there = await self._client.create(kinds.PERSISTENT_VOLUME_CLAIM, claim)
            except errors.AlreadyExists:
                there = await self._client.get(
                    kinds.PERSISTENT_VOLUME_CLAIM, about["name"], namespace=about["namespace"]
                )
            except errors.StatusError as error:
                if refusals.namespace_is_leaving(error):
                    return False
                self._failed(pod, volume, f"create PVC {about['name']}: {error}")
                raise
        foreign = volume_binding.not_for_pod(there, pod)
        if foreign:
            self._failed(pod, volume, foreign)
        return cached is None

    def _failed(self, pod: Obj, volume: str, why: str) -> None:
        message = f"ephemeral volume {volume}: {why}"
        self._events.event(pod, kinds.POD, "Warning", "FailedBinding", message)

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event == "ADDED" and new is not None and any(claim.ephemeral for claim in volume_binding.claims_of(new)):
            self._queue.add(meta.key(new))

    def _claim_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        claim = new or old
        if event == "DELETED" and claim is not None:
            for pod in claim_index.users(self._pods, meta.key(claim)):
                self._queue.add(meta.key(pod))
