"""EndpointSlice mirroring: Endpoints of Services without a selector, written by people or by older programs, as slices.

Watches: Endpoints, Service, EndpointSlice.   Writes: EndpointSlice.   The planner is in `slice_mirror_plan`.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.network import slice_mirror_plan
from hyperpy.components.controllers.network.slice_writer import SliceWriter
from hyperpy.components.controllers.upkeep import refusals


class EndpointSliceMirroringController:
    """Keys are Endpoints, which have the names of their Services."""

    name = "endpoint-slice-mirroring-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._queue = queue
        self._events = context.events(self.name)
        self._endpoints = context.informers.of(kinds.ENDPOINTS)
        self._services = context.informers.of(kinds.SERVICE)
        self._writer = SliceWriter(context, queue.add, managed_by=slice_mirror_plan.CONTROLLER)
        context.watch(kinds.ENDPOINTS, self._endpoints_changed)
        context.watch(kinds.SERVICE, self._service_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring the slices of one Endpoints object in step."""
        wait_s = await self._writer.wait_s(key)
        if wait_s is not None:
            return wait_s
        namespace, name = meta.split_key(key)
        endpoints = self._endpoints.get(name, namespace)
        present = self._writer.present(key)
        if not slice_mirror_plan.is_mirrored(endpoints, self._services.get(name, namespace)):
            await self._writer.write(key, slice_mirror_plan.removal(present))
            return None
        assert endpoints is not None, "what is mirrored is there"
        mirrored = slice_mirror_plan.plan(endpoints, present)
        self._tell_left_out(endpoints, mirrored)
        try:
            await self._writer.write(key, mirrored.plan)
        except errors.Conflict:
            raise
        except errors.StatusError as error:
            if refusals.namespace_is_leaving(error):
                return None
            message = f"Error updating Endpoint Slices for Endpoints {key}: {error}"
            self._events.event(endpoints, kinds.ENDPOINTS, "Warning", "FailedToUpdateEndpointSlices", message)
            raise
        return None

    def _tell_left_out(self, endpoints: Obj, mirrored: slice_mirror_plan.Mirrored) -> None:
        told = []
        if mirrored.invalid:
            message = f"Skipped {mirrored.invalid} invalid IP addresses when mirroring to EndpointSlices"
            told.append(("InvalidIPAddress", message))
        if mirrored.skipped:
            message = (
                f"A max of {slice_mirror_plan.MAX_OF_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints "
                f"subset. {mirrored.invalid + mirrored.skipped} addresses were skipped"
            )
            told.append(("TooManyAddressesToMirror", message))
        for reason, message in told:
            self._events.event(endpoints, kinds.ENDPOINTS, "Warning", reason, message)

    def _endpoints_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        key = meta.key(obj)
        if any(self._matters(each) for each in (old, new)) or self._writer.present(key):
            self._queue.add(key)

    def _matters(self, endpoints: Obj | None) -> bool:
        """Most Endpoints are those of a Service with a selector, and change often: they cost nothing here."""
        if endpoints is None:
            return False
        about = endpoints["metadata"]
        return slice_mirror_plan.is_mirrored(endpoints, self._services.get(about["name"], about["namespace"]))

    def _service_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        service = new or old
        assert service is not None
        if event == "MODIFIED" and _selects(old) == _selects(new):
            return
        key = meta.key(service)
        namespace, name = meta.split_key(key)
        if self._endpoints.get(name, namespace) is not None or self._writer.present(key):
            self._queue.add(key)


def _selects(service: Obj | None) -> bool:
    return service is not None and bool(service["spec"].get("selector"))
