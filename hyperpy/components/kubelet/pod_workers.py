"""The workers of a node's pods: one task each, made when a Pod is heard of, ended when the Pod is gone for good.

API ─────────┐
manifests ───┼──▶ worker per uid ──▶ gone
left-overs ──┘
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hyperpy.api import meta
from hyperpy.components.kubelet.context import Context
from hyperpy.components.kubelet.pod_view import PodView
from hyperpy.components.kubelet.pod_worker import PodWorker
from hyperpy.runtime import spec
from hyperpy.runtime.protocol import Container, Sandbox

log = logging.getLogger(__name__)

Obj = dict[str, Any]

MIRROR = "kubernetes.io/config.mirror"
SOURCE = "kubernetes.io/config.source"


class PodWorkers:
    """All workers. Tasks are owned by the group that `start` is given.

    Args:
        gone: called with the uid of each Pod whose worker has ended.
    """

    def __init__(self, *, gone: Callable[[str], None]) -> None:
        self._gone = gone
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._context: Context | None = None
        self._group: asyncio.TaskGroup | None = None
        #: Called with each Pod that comes or changes.
        self.on_put: Callable[[Obj], None] = lambda pod: None

    def start(self, context: Context, group: asyncio.TaskGroup) -> None:
        """From now on Pods get workers."""
        self._context, self._group = context, group

    def __iter__(self) -> Iterator[PodWorker]:
        return iter(list(self._workers.values()))

    def get(self, uid: str) -> PodWorker | None:
        """The worker of a Pod, or None."""
        return self._workers.get(uid)

    def named(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of the newest Pod of that name."""
        found = [w for w in self if w.pod["metadata"]["name"] == name and w.pod["metadata"]["namespace"] == namespace]
        return found[-1] if found else None

    def wake(self, uid: str) -> None:
        """Something of a Pod looks different in the runtime."""
        worker = self._workers.get(uid)
        if worker is not None:
            worker.wake()

    def objects_changed(self, uid: str) -> None:
        """A ConfigMap or Secret of a Pod changed."""
        worker = self._workers.get(uid)
        if worker is not None:
            worker.objects_changed()

    def put(self, pod: Obj) -> None:
        """A Pod is to run here, or its object changed."""
        self.on_put(pod)
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            self._begin(pod)
        else:
            worker.update(pod)

    def remove(self, uid: str, *, grace_s: int | None = None) -> None:
        """A Pod is wanted no more."""
        worker = self._workers.get(uid)
        if worker is not None:
            worker.remove(grace_s=grace_s)

    def clean_up(self, uid: str, view: PodView) -> None:
        """End and remove what the runtime has of a Pod that nobody wants."""
        if uid not in self._workers:
            pod = left_over(uid, view)
            log.info("pod %s is not wanted any more: removing what is left of it", meta.key(pod))
            self._begin(pod)
            self.remove(uid)

    async def stop(self) -> None:
        """End the workers; the pods run on."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, pod: Obj) -> None:
        assert self._context is not None and self._group is not None
        worker = PodWorker(pod, self._context)
        self._workers[worker.uid] = worker
        self._tasks[worker.uid] = self._group.create_task(self._run(worker), name=f"kubelet/pod/{meta.key(pod)}")

    async def _run(self, worker: PodWorker) -> None:
        await worker.run()
        self._workers.pop(worker.uid, None)
        self._tasks.pop(worker.uid, None)
        self._gone(worker.uid)


def pod_labels(view: PodView) -> Mapping[str, str]:
    """The labels that tell which Pod the runtime's records are of."""
    known: list[Sandbox | Container] = [*view.sandboxes, *view.containers]
    return known[0].labels if known else {}


def left_over(uid: str, view: PodView) -> Obj:
    """A Pod object for what is left of one in the runtime: enough to end it with its own grace."""
    known: list[Sandbox | Container] = [*view.sandboxes, *view.containers]
    labels = pod_labels(view)
    grace = next((k.annotations[spec.GRACE_PERIOD] for k in known if spec.GRACE_PERIOD in k.annotations), None)
    pod: Obj = {
        "metadata": {
            "name": labels.get(spec.POD_NAME, uid),
            "namespace": labels.get(spec.POD_NAMESPACE, "default"),
            "uid": uid,
        },
        "spec": {"containers": [], "hostNetwork": True},
    }
    if grace is not None:
        pod["spec"]["terminationGracePeriodSeconds"] = int(grace)
    return pod
