"""TTL after finished: deletes Jobs so many seconds after their end as they ask for.

Watches: Job.   Writes: Job (deletes).
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context


def expires_at(job: Obj) -> float | None:
    """Seconds since the epoch at which a Job is to go; None: it stays, or has not ended."""
    ttl_s = job["spec"].get("ttlSecondsAfterFinished")
    if ttl_s is None or meta.is_deleting(job):
        return None
    for name in ("Complete", "Failed"):
        ended = meta.condition(job, name)
        if ended is not None and ended.get("status") == "True":
            return meta.parse_time(ended["lastTransitionTime"]) + float(ttl_s)
    return None


class TTLAfterFinishedController:
    """Keys are Jobs; each asks to be looked at again when its time is over."""

    name = "ttl-after-finished-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._queue = queue
        self._jobs = context.watch(kinds.JOB, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """Delete one Job when its time is over, by what the API says of it now: its TTL may have changed."""
        namespace, name = meta.split_key(key)
        job = self._jobs.get(name, namespace)
        left_s = self._left_s(job)
        if left_s is None or left_s > 0:
            return left_s
        try:
            fresh = await self._client.get(kinds.JOB, name, namespace=namespace)
            left_s = self._left_s(fresh)
            if left_s is None or left_s > 0:
                return left_s
            about = fresh["metadata"]
            options = DeleteOptions(
                uid=about["uid"], resource_version=about["resourceVersion"], propagation="Foreground"
            )
            await self._client.delete(kinds.JOB, name, namespace=namespace, options=options)
        except errors.NotFound:
            pass
        return None

    def _left_s(self, job: Obj | None) -> float | None:
        end = None if job is None else expires_at(job)
        return None if end is None else end - self._clock.now()

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event != "DELETED" and new is not None and expires_at(new) is not None:
            self._queue.add(meta.key(new))
