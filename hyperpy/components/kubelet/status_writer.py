"""Writes the statuses of pods to the API: the newest of each, one write at a time per pod, again until it is there.

    publish ──▶ waiting (a newer status replaces it) ──▶ patch pods/status
    finish  ──▶ after the last status: delete with grace 0, and the Pod leaves the API

Bounded by the number of Pods of the node: each waits at most once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Never

from hyperpy.api import errors
from hyperpy.api.kinds import POD
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import STRATEGIC_PATCH, Client, DeleteOptions
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.kubelet.conditions import OWN

log = logging.getLogger(__name__)

Obj = dict[str, Any]
WORKERS = 8


class StatusWriter:
    """The node's writer of Pod statuses.

    Args:
        object_of: the API's object for a Pod that runs here: itself, or the mirror of a static Pod (None: not there).
        workers: how many statuses are written at once.
    """

    def __init__(
        self, client: Client, clock: Clock, *, object_of: Callable[[Obj], Obj | None], workers: int = WORKERS
    ) -> None:
        self._client = client
        self._object_of = object_of
        self._workers = workers
        self._queue = WorkQueue("kubelet/status", clock)
        self._pods: dict[str, Obj] = {}
        self._wanted: dict[str, Obj] = {}
        self._written: dict[str, tuple[str, Obj]] = {}
        self._finished: set[str] = set()

    def publish(self, pod: Obj, status: Obj) -> None:
        """Write this status soon; a newer one replaces it."""
        uid = pod["metadata"]["uid"]
        self._pods[uid], self._wanted[uid] = pod, status
        self._queue.add(uid)

    def finish(self, pod: Obj) -> None:
        """After the last status: nothing of the Pod is left, its object may go."""
        uid = pod["metadata"]["uid"]
        if uid in self._finished:
            return
        self._pods[uid] = pod
        self._finished.add(uid)
        self._queue.add(uid)

    def again(self, pod: Obj) -> None:
        """The Pod's object appeared (a mirror was made): write the newest status to it."""
        uid = pod["metadata"]["uid"]
        if uid in self._wanted:
            self._queue.add(uid)

    def forget(self, uid: str) -> None:
        """The Pod is gone."""
        for table in (self._pods, self._wanted, self._written):
            table.pop(uid, None)
        self._finished.discard(uid)

    async def run(self) -> Never:
        """Write until cancelled."""
        await self._queue.run(self._write, workers=self._workers)

    async def _write(self, uid: str) -> None:
        pod = self._pods.get(uid)
        target = self._object_of(pod) if pod is not None else None
        if pod is None or target is None:
            return
        try:
            if uid in self._wanted:
                await self._patch(uid, target, self._wanted[uid])
            if uid in self._finished:
                await self._delete(target)
        except errors.NotFound:
            log.debug("pod %s has left the API", target["metadata"]["name"])

    async def _patch(self, uid: str, target: Obj, status: Obj) -> None:
        meta = target["metadata"]
        if self._written.get(uid) == (meta["uid"], status):
            return
        base = self._written.get(uid)
        old = base[1] if base is not None and base[0] == meta["uid"] else target.get("status") or {}
        body = {"metadata": {"uid": meta["uid"]}, "status": difference(old, status)}
        try:
            await self._client.patch(
                POD, meta["name"], body, namespace=meta["namespace"], patch_type=STRATEGIC_PATCH, subresource="status"
            )
        except errors.Conflict as error:
            # Another Pod has taken the name meanwhile: this one's status is of no interest any more.
            log.debug("status of pod %s: %s", meta["name"], error)
        self._written[uid] = (meta["uid"], status)

    async def _delete(self, target: Obj) -> None:
        meta = target["metadata"]
        options = DeleteOptions(grace_s=0, uid=meta["uid"])
        try:
            await self._client.delete(POD, meta["name"], namespace=meta["namespace"], options=options)
        except errors.Conflict:
            log.debug("pod %s: another has taken the name", meta["name"])


def difference(old: Obj, new: Obj) -> Obj:
    """A strategic merge patch from one status to another: what is not there any more is null.

    Lists with a merge key are merged by it: an address that is gone is deleted by name, and the conditions of others
    are left out.
    """
    patch: Obj = {key: value for key, value in new.items() if old.get(key) != value}
    if "conditions" in patch:
        before = {entry["type"]: entry for entry in old.get("conditions") or ()}
        own = (entry for entry in patch["conditions"] if entry["type"] in OWN)
        patch["conditions"] = [{**dict.fromkeys(before.get(entry["type"], ())), **entry} for entry in own]
    patch.update({key: None for key in old if key not in new and key in _FIELDS})
    gone = [entry["ip"] for entry in old.get("podIPs") or () if entry not in new.get("podIPs", ())]
    if gone and "podIPs" in new:
        patch["podIPs"] = [*new["podIPs"], *({"$patch": "delete", "ip": ip} for ip in gone)]
    return patch


_FIELDS = frozenset(
    ("phase", "reason", "message", "podIP", "podIPs", "hostIP", "hostIPs", "initContainerStatuses",
     "ephemeralContainerStatuses", "containerStatuses", "startTime", "qosClass")
)  # fmt: skip
