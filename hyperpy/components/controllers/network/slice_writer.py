"""Writes the EndpointSlices of one key after the other, and knows when the cache has shown them; for both controllers
of EndpointSlices."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.network.slice_plan import MANAGED_BY, SERVICE_NAME, Plan
from hyperpy.components.controllers.upkeep.expectations import Expectations


class SliceWriter:
    """The slices of one controller.

    Args:
        changed: called with the key of a Service one of whose slices changed.
        managed_by: the label's value on its slices.
    """

    def __init__(self, context: Context, changed: Callable[[str], None], *, managed_by: str) -> None:
        self._context = context
        self._client = context.client
        self._changed = changed
        self._expectations = Expectations()
        self._service_of = _service_of(managed_by)
        self._index = f"service-of-slice/{managed_by}"
        self._slices = context.informers.of(kinds.ENDPOINT_SLICE)
        self._slices.add_index(self._index, self._service_of)
        context.watch(kinds.ENDPOINT_SLICE, self._slice_changed)

    def present(self, key: str) -> list[Obj]:
        """The slices of a Service that are not leaving."""
        return [each for each in self._slices.by_index(self._index, key) if not meta.is_deleting(each)]

    async def wait_s(self, key: str) -> float | None:
        """Seconds to wait for what was written before, or None when the cache shows all of it."""
        return await self._expectations.wait_s(key, now=self._now(), lookup=self._lookup)

    def forget(self, key: str) -> None:
        """The Service is gone."""
        self._expectations.forget(key)

    async def write(self, key: str, plan: Plan) -> None:
        """Carry out a plan for a Service. Raises StatusError."""
        namespace, service = meta.split_key(key)
        assert namespace is not None, "Services have namespaces"
        for obj in plan.create:
            name = meta.generate_name(f"{service}-", self._context.rng)
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

    def _now(self) -> float:
        return self._context.clock.monotonic()

    def _slice_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._expectations.observe(event, obj)
        for key in self._service_of(obj):
            self._changed(key)


def _service_of(managed_by: str) -> Callable[[Obj], Iterable[str]]:
    """A function that gives the key of the Service whose slice an object is, if it is one of this controller."""

    def service_of(obj: Obj) -> Iterable[str]:
        labels = obj["metadata"].get("labels") or {}
        if labels.get(MANAGED_BY) != managed_by or SERVICE_NAME not in labels:
            return ()
        return (f"{obj['metadata']['namespace']}/{labels[SERVICE_NAME]}",)

    return service_of
