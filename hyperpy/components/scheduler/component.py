"""The scheduler.   Watches: Pod, Node.   Writes: Binding (pods/NAME/binding), Pod/status, Event.

One loop decides, one pod at a time, against a snapshot that already counts what it decided before; the bindings are
written beside it, at most `BINDINGS` at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Never

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.events import EventRecorder
from hyperpy.client.informer import Informers
from hyperpy.client.leader import LeaderElector
from hyperpy.client.protocol import STRATEGIC_PATCH, Client
from hyperpy.components.scheduler.framework import Decision
from hyperpy.components.scheduler.node_info import Snapshot
from hyperpy.components.scheduler.plugins import profile
from hyperpy.components.scheduler.pod_info import PodInfo, read
from hyperpy.components.scheduler.queue import SchedulingQueue

log = logging.getLogger(__name__)

Obj = dict[str, Any]

#: Bindings under way at once; when all are taken, deciding waits.
BINDINGS = 64
#: Decisions made before other tasks get a turn.
_BURST = 16


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a scheduler.

    Args:
        scheduler_name: it takes the Pods whose spec.schedulerName is this.
        leader_elect: wait for the Lease before working.
        identity: this process in the Lease.
    """

    scheduler_name: str = "default-scheduler"
    leader_elect: bool = False
    identity: str = ""


class Scheduler:
    """Gives pending Pods their Nodes."""

    name = "scheduler"

    def __init__(self, client: Client, informers: Informers, options: Options, *, clock: Clock | None = None) -> None:
        self._client = client
        self._options = options
        self._clock = clock or SystemClock()
        self._pods = informers.of(kinds.POD)
        self._nodes = informers.of(kinds.NODE)
        self._events = EventRecorder(client, options.scheduler_name, self._clock)
        self._queue = SchedulingQueue(self._clock)
        self._snapshot = Snapshot()
        self._framework = profile.default()
        self._binding = asyncio.Semaphore(BINDINGS)

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Place Pods until cancelled; with leader election, from the moment the Lease is held."""
        if self._options.leader_elect:
            ready()
            elector = LeaderElector(self._client, self._clock, name="kube-scheduler", identity=self._options.identity)
            await elector.run(lambda: self._work(lambda: None))
        await self._work(ready)
        raise AssertionError("the scheduler does not return")

    async def _work(self, ready: Callable[[], None]) -> None:
        await self._nodes.synced()
        await self._pods.synced()
        subscriptions = [self._nodes.subscribe(self._node_changed), self._pods.subscribe(self._pod_changed)]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._events.run(), name="scheduler/events")
                group.create_task(self._queue.run(), name="scheduler/back-off")
                ready()
                await self._decide_all(group)
        finally:
            for unsubscribe in subscriptions:
                unsubscribe()

    async def _decide_all(self, group: asyncio.TaskGroup) -> Never:
        decided = 0
        while True:
            pod = await self._queue.pop()
            decision = self._framework.decide(pod, self._snapshot.nodes())
            if decision.node is None:
                group.create_task(self._put_aside(pod, decision), name=f"scheduler/{pod.key}")
            else:
                self._snapshot.place(pod, decision.node)
                await self._binding.acquire()
                group.create_task(self._bind(pod, decision.node), name=f"scheduler/{pod.key}")
            decided += 1
            if decided % _BURST == 0:
                await asyncio.sleep(0)

    async def _bind(self, pod: PodInfo, node: str) -> None:
        """Write a decision; when that fails, the pod counts nowhere and comes back after its back-off."""
        about = pod.obj["metadata"]
        binding = {
            "apiVersion": kinds.BINDING.api_version,
            "kind": kinds.BINDING.kind,
            "metadata": {"name": about["name"], "namespace": about["namespace"], "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            await self._client.create(kinds.POD, binding, name=about["name"], subresource="binding")
        except errors.StatusError as error:
            self._snapshot.remove(pod.uid)
            if isinstance(error, (errors.NotFound, errors.Conflict)):
                log.debug("binding %s: %s", pod.key, error)
            else:
                log.warning("binding %s to %s: %s", pod.key, node, error)
                self._tell_failed(pod, f"Binding rejected: {error}")
            self._queue.failed(pod.uid, retry=True)
        else:
            self._queue.remove(pod.uid)
            message = f"Successfully assigned {pod.key} to {node}"
            self._events.event(dict(pod.obj), kinds.POD, "Normal", "Scheduled", message)
        finally:
            self._binding.release()

    async def _put_aside(self, pod: PodInfo, decision: Decision) -> None:
        self._queue.failed(pod.uid)
        message = decision.message()
        self._tell_failed(pod, message)
        await self._write_condition(pod, "Unschedulable", message)

    def _tell_failed(self, pod: PodInfo, message: str) -> None:
        self._events.event(dict(pod.obj), kinds.POD, "Warning", "FailedScheduling", message)

    async def _write_condition(self, pod: PodInfo, reason: str, message: str) -> None:
        """Set PodScheduled=False where it does not say this already."""
        old = meta.condition(dict(pod.obj), "PodScheduled") or {}
        if (old.get("status"), old.get("reason"), old.get("message")) == ("False", reason, message):
            return
        now = meta.timestamp(self._clock.now())
        condition = {
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": now if old.get("status") != "False" else old.get("lastTransitionTime", now),
        }  # fmt: skip
        about = pod.obj["metadata"]
        try:
            await self._client.patch(
                kinds.POD,
                about["name"],
                {"metadata": {"uid": pod.uid}, "status": {"conditions": [condition]}},
                namespace=about["namespace"],
                patch_type=STRATEGIC_PATCH,
                subresource="status",
            )
        except (errors.NotFound, errors.Conflict) as error:
            log.debug("condition of %s: %s", pod.key, error)
        except errors.StatusError as error:
            log.warning("condition of %s: %s", pod.key, error)

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        uid = pod["metadata"]["uid"]
        if event == "DELETED" or pods.is_terminal(pod):
            self._queue.remove(uid)
            if self._snapshot.node_of(uid) is not None:
                self._snapshot.remove(uid)
                self._queue.move_all()
        elif pod["spec"].get("nodeName"):
            self._queue.remove(uid)
            self._snapshot.place(read(pod), pod["spec"]["nodeName"])
        elif pod["spec"].get("schedulerName") == self._options.scheduler_name and not meta.is_deleting(pod):
            self._consider(pod, old)
        else:
            self._queue.remove(uid)

    def _consider(self, pod: Obj, old: Obj | None) -> None:
        """A pending Pod of ours; a change of its status alone (our own condition) is no reason to look again."""
        info = read(pod)
        if self._snapshot.node_of(info.uid) is not None:
            return  # bound a moment ago; the API has not told of it yet
        if info.uid in self._queue and old is not None and old["spec"] == pod["spec"]:
            return
        self._queue.add(info, gated=self._framework.gate(info) is not None)

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        self._snapshot.set_node(node["metadata"]["name"], None if event == "DELETED" else node)
        if event == "ADDED" or (event == "MODIFIED" and _matters(old, new)):
            self._queue.move_all()


def _matters(old: Obj | None, new: Obj | None) -> bool:
    """Whether a Node's change may let a pod fit: heartbeats do not."""

    def relevant(node: Obj | None) -> tuple[object, ...]:
        node = node or {}
        spec, status = node.get("spec") or {}, node.get("status") or {}
        labels = (node.get("metadata") or {}).get("labels")
        return labels, spec.get("taints"), spec.get("unschedulable"), status.get("allocatable")

    return relevant(old) != relevant(new)
