"""Turns changes of Services and Pods into keys of the Services concerned; shared by the endpoint controllers."""

from __future__ import annotations

from typing import Any

from hyperpy.api import kinds, labels, meta, pods
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import owner_index

#: A pass looks at every backend of a Service and writes objects as large as they are many. Where there are many,
#: changes of Pods are gathered for so long each.
GATHER_S_A_BACKEND = 0.0005
MANY = 100


class ServiceWatch:
    """Adds the keys of Services to a queue when their backends may have changed.

    A Pod's event is compared by what endpoints are made of, so that a busy Pod (probes, restarts) costs nothing here.
    """

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._queue = queue
        self._sizes: dict[str, int] = {}
        self.services: Informer = context.watch(kinds.SERVICE, self._service_changed)
        self.pods: Informer = context.watch(kinds.POD, self._pod_changed)

    def backends_of(self, service: Obj) -> list[Obj]:
        """The Pods that the Service selects."""
        selector = labels.from_map(service["spec"]["selector"])
        namespace = service["metadata"]["namespace"]
        found = [pod for pod in self.pods.list(namespace) if selector.matches(pod["metadata"].get("labels"))]
        self._sizes[meta.key(service)] = len(found)
        return found

    def add_services_of(self, pod: Obj) -> None:
        """Add the Services that select this Pod."""
        own = pod["metadata"].get("labels") or {}
        for service in self.services.list(pod["metadata"]["namespace"]):
            wanted = service["spec"].get("selector")
            if wanted and all(own.get(name) == value for name, value in wanted.items()):
                self.add(meta.key(service))

    def add(self, key: str) -> None:
        """Look at a Service soon: at once, or where it has many backends with what else changes by then."""
        size = self._sizes.get(key, 0)
        self._queue.add_after(key, size * GATHER_S_A_BACKEND if size >= MANY else 0.0)

    def _service_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        service = new or old
        if service is not None and event == "DELETED":
            self._sizes.pop(meta.key(service), None)
        if service is not None and owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(service))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event == "DELETED":
            new = None
        if old is not None and new is not None and _essence(old) == _essence(new):
            return
        for pod in (old, new):
            if pod is not None:
                self.add_services_of(pod)


def _essence(pod: Obj) -> tuple[Any, ...]:
    """What endpoints are made of."""
    status, spec = pod.get("status") or {}, pod["spec"]
    return (
        pod["metadata"].get("labels"),
        meta.is_deleting(pod),
        status.get("podIP"),
        status.get("podIPs"),
        pods.is_ready(pod),
        pods.is_terminal(pod),
        spec.get("nodeName"),
        spec.get("hostname"),
    )
