"""EndpointSlice controller: the addresses behind each Service with a selector, in slices of at most 100.

Watches: Service, Pod, Node (zones), EndpointSlice.   Writes: EndpointSlice.   The planner is in `slice_plan`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers import refusals, slice_plan
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.expectations import Expectations
from hyperpy.components.controllers.service_watch import ServiceWatch

ZONE = "topology.kubernetes.io/zone"
_OF_SERVICE = "service-of-slice"
_OF_NODE = "node-name"


class EndpointSliceController:
    """Writes the slices of one Service at a time, one set of writes after the other as the cache shows them."""

    name = "endpoint-slice-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._events = context.events(self.name)
        self._expectations = Expectations()
        self._watch = ServiceWatch(context, queue)
        self._watch.pods.add_index(_OF_NODE, _node_of)
        self._slices = context.informers.of(kinds.ENDPOINT_SLICE)
        self._slices.add_index(_OF_SERVICE, _service_of)
        context.watch(kinds.ENDPOINT_SLICE, self._slice_changed)
        self._nodes = context.watch(kinds.NODE, self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one Service's slices in step. The garbage collector removes those of a Service that is gone."""
        namespace, name = meta.split_key(key)
        service = self._watch.services.get(name, namespace)
        if service is None:
            self._expectations.forget(key)
            return None
        if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return None
        if meta.is_deleting(service):
            return None
        wait_s = await self._expectations.wait_s(key, now=self._now(), lookup=self._lookup)
        if wait_s is not None:
            return wait_s
        pods = self._watch.backends_of(service)
        present = [each for each in self._slices.by_index(_OF_SERVICE, key) if not meta.is_deleting(each)]
        try:
            await self._write(key, service, slice_plan.plan(service, pods, present, zones=self._zones(pods)))
        except errors.Conflict:
            raise
        except errors.StatusError as error:
            if refusals.namespace_is_leaving(error):
                return None
            message = f"Error updating Endpoint Slices for Service {key}: {error}"
            self._events.event(service, kinds.SERVICE, "Warning", "FailedToUpdateEndpointSlices", message)
            raise
        return None

    async def _write(self, key: str, service: Obj, plan: slice_plan.Plan) -> None:
        namespace = service["metadata"]["namespace"]
        for obj in plan.create:
            name = meta.generate_name(f"{service['metadata']['name']}-", self._context.rng)
            self._expectations.created(key, namespace=namespace, name=name, now=self._now())
            try:
                await self._client.create(kinds.ENDPOINT_SLICE, {**obj, "metadata": {**obj["metadata"], "name": name}})
            except errors.StatusError as error:
                if error.code < 500:
                    self._expectations.failed(namespace=namespace, name=name)
                raise
        for obj in plan.update:
            written = await self._client.update(kinds.ENDPOINT_SLICE, obj)
            cached = self._slices.get(obj["metadata"]["name"], namespace)
            self._expectations.updated(key, written, cached=cached, now=self._now())
        for obj in plan.delete:
            await self._delete(key, obj)

    async def _delete(self, key: str, obj: Obj) -> None:
        about = obj["metadata"]
        if self._slices.get(about["name"], about["namespace"]) is None:
            return
        self._expectations.deleted(key, obj, now=self._now())
        options = DeleteOptions(uid=about["uid"])
        try:
            await self._client.delete(
                kinds.ENDPOINT_SLICE, about["name"], namespace=about["namespace"], options=options
            )
        except errors.NotFound:
            pass
        except errors.StatusError:
            self._expectations.failed(namespace=about["namespace"], name=about["name"], uid=about["uid"])
            raise

    async def _lookup(self, namespace: str, name: str) -> Obj | None:
        try:
            return await self._client.get(kinds.ENDPOINT_SLICE, name, namespace=namespace)
        except errors.NotFound:
            return None

    def _zones(self, pods: Iterable[Obj]) -> dict[str, str]:
        zones = {}
        for name in {pod["spec"].get("nodeName") for pod in pods}:
            node = self._nodes.get(name) if name else None
            zone = _zone(node)
            if name and zone:
                zones[name] = zone
        return zones

    def _now(self) -> float:
        return self._context.clock.monotonic()

    def _slice_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._expectations.observe(event, obj)
        for key in _service_of(obj):
            self._queue.add(key)

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


def _service_of(obj: Obj) -> Iterable[str]:
    """The key of the Service whose slice this is, if it is one of ours."""
    labels = obj["metadata"].get("labels") or {}
    if labels.get(slice_plan.MANAGED_BY) != slice_plan.CONTROLLER or slice_plan.SERVICE_NAME not in labels:
        return ()
    return (f"{obj['metadata']['namespace']}/{labels[slice_plan.SERVICE_NAME]}",)
