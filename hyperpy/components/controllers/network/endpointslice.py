"""EndpointSlice controller: the addresses behind each Service with a selector, in slices of at most 100.

Watches: Service, Pod, Node (zones), EndpointSlice.   Writes: EndpointSlice.   The planner is in `slice_plan`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.network import slice_plan
from hyperpy.components.controllers.network.service_watch import ServiceWatch
from hyperpy.components.controllers.network.slice_writer import SliceWriter
from hyperpy.components.controllers.network.trigger_time import TriggerTimes
from hyperpy.components.controllers.upkeep import refusals

ZONE = "topology.kubernetes.io/zone"
_OF_NODE = "node-name"


class EndpointSliceController:
    """Writes the slices of one Service at a time, one set of writes after the other as the cache shows them."""

    name = "endpoint-slice-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._queue = queue
        self._events = context.events(self.name)
        self._times = TriggerTimes()
        self._watch = ServiceWatch(context, queue)
        self._watch.pods.add_index(_OF_NODE, _node_of)
        self._writer = SliceWriter(context, self._watch.add, managed_by=slice_plan.CONTROLLER)
        self._nodes = context.watch(kinds.NODE, self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one Service's slices in step. The garbage collector removes those of a Service that is gone."""
        namespace, name = meta.split_key(key)
        service = self._watch.services.get(name, namespace)
        if service is None:
            self._writer.forget(key)
            self._times.forget(key)
            return None
        if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return None
        if meta.is_deleting(service):
            return None
        wait_s = await self._writer.wait_s(key)
        if wait_s is not None:
            return wait_s
        pods = self._watch.backends_of(service)
        changed, zones = self._times.of(service, pods), self._zones(pods)
        plan = slice_plan.plan(service, pods, self._writer.present(key), zones=zones, changed=changed)
        try:
            await self._writer.write(key, plan)
        except errors.Conflict:
            raise
        except errors.StatusError as error:
            if refusals.namespace_is_leaving(error):
                return None
            message = f"Error updating Endpoint Slices for Service {key}: {error}"
            self._events.event(service, kinds.SERVICE, "Warning", "FailedToUpdateEndpointSlices", message)
            raise
        return None

    def _zones(self, pods: Iterable[Obj]) -> dict[str, str]:
        zones = {}
        for name in {pod["spec"].get("nodeName") for pod in pods}:
            node = self._nodes.get(name) if name else None
            zone = _zone(node)
            if name and zone:
                zones[name] = zone
        return zones

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or _zone(old) == _zone(new):
            return
        for pod in self._watch.pods.by_index(_OF_NODE, new["metadata"]["name"]):
            self._watch.add_services_of(pod)


def _zone(node: Obj | None) -> str | None:
    return (node["metadata"].get("labels") or {}).get(ZONE) if node is not None else None


def _node_of(pod: Obj) -> Iterable[str]:
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()
