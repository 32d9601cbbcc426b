"""Creates and deletes the Pods of a controller: slow-start batches, events, expectations until the cache shows them.

Creation starts with one Pod and doubles while all goes well, so that a quota or a broken template costs one refused
request and not hundreds. Source of the event reasons and texts: kube-controller-manager.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from itertools import islice

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.clock import Clock
from hyperpy.client.events import EventRecorder
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Client, DeleteOptions, Obj
from hyperpy.components.controllers.upkeep.expectations import Expectations

MAX_BATCH = 64


class PodControl:
    """Writes Pods on behalf of the objects of one kind.

    Args:
        kind: of the owners.
        pods: the cache that must show what was written.
    """

    def __init__(
        self, client: Client, *, kind: Kind, pods: Informer, events: EventRecorder, clock: Clock, rng: random.Random
    ) -> None:
        self._client = client
        self._kind = kind
        self._pods = pods
        self._events = events
        self._clock = clock
        self._rng = rng
        self.expectations = Expectations()

    async def wait_s(self, owner_key: str) -> float | None:
        """Seconds to wait while writes for the owner are still unseen, or None when the cache shows them all."""
        if not self.expectations.pending(owner_key):
            return None
        return await self.expectations.wait_s(owner_key, now=self._clock.monotonic(), lookup=self._lookup)

    async def create(self, owner: Obj, count: int) -> None:
        """Create `count` Pods from the owner's template; see `create_pods`."""
        names = (meta.generate_name(_base(owner), self._rng) for _ in range(count))
        await self.create_pods(owner, (from_template(owner, self._kind, name=name) for name in names))

    async def create_pods(self, owner: Obj, pods: Iterable[Obj]) -> None:
        """Create Pods, one first and then twice as many; stops after the first batch with a failure.

        Args:
            pods: with their names; `from_template` makes them. Taken one batch at a time, as they are needed.
        Raises:
            errors.StatusError: the first failure, after an event told of it.
        """
        waiting, batch = iter(pods), 1
        while now := list(islice(waiting, batch)):
            for failure in await asyncio.gather(*(self._create_one(owner, pod) for pod in now)):
                if failure is not None:
                    raise failure
            batch = min(batch * 2, MAX_BATCH)

    async def delete(self, owner: Obj, pods: Sequence[Obj]) -> None:
        """Delete Pods of the owner.

        Raises:
            errors.StatusError: the first failure, after an event told of it.
        """
        for start in range(0, len(pods), MAX_BATCH):
            batch = pods[start : start + MAX_BATCH]
            for failure in await asyncio.gather(*(self._delete_one(owner, pod) for pod in batch)):
                if failure is not None:
                    raise failure

    async def _create_one(self, owner: Obj, pod: Obj) -> errors.StatusError | None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        now = self._clock.monotonic()
        self.expectations.created(meta.key(owner), namespace=namespace, name=name, now=now)
        try:
            await self._client.create(kinds.POD, pod)
        except errors.StatusError as error:
            if error.code < 500:
                # After a server's failure the Pod may be there all the same; the expectation finds out.
                self.expectations.failed(namespace=namespace, name=name)
            self._events.event(owner, self._kind, "Warning", "FailedCreate", f"Error creating: {error}")
            return error
        self._events.event(owner, self._kind, "Normal", "SuccessfulCreate", f"Created pod: {name}")
        return None

    async def _delete_one(self, owner: Obj, pod: Obj) -> errors.StatusError | None:
        name, namespace, uid = (pod["metadata"][field] for field in ("name", "namespace", "uid"))
        cached = self._pods.get(name, namespace)
        if cached is None or cached["metadata"]["uid"] != uid or meta.is_deleting(cached):
            return None
        self.expectations.deleted(meta.key(owner), pod, now=self._clock.monotonic())
        try:
            await self._client.delete(kinds.POD, name, namespace=namespace, options=DeleteOptions(uid=uid))
        except (errors.NotFound, errors.Conflict):
            # Gone already, or another of that name: the cache will show it.
            return None
        except errors.StatusError as error:
            self.expectations.failed(namespace=namespace, name=name, uid=uid)
            self._events.event(owner, self._kind, "Warning", "FailedDelete", f"Error deleting: {error}")
            return error
        self._events.event(owner, self._kind, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")
        return None

    async def _lookup(self, namespace: str, name: str) -> Obj | None:
        try:
            return await self._client.get(kinds.POD, name, namespace=namespace)
        except errors.NotFound:
            return None


def from_template(owner: Obj, kind: Kind, *, name: str) -> Obj:
    """A Pod as the owner's template describes it, controlled by the owner."""
    template = owner["spec"]["template"]
    described = template.get("metadata") or {}
    metadata = {field: described[field] for field in ("labels", "annotations", "finalizers") if described.get(field)}
    return {
        "apiVersion": kinds.POD.api_version,
        "kind": kinds.POD.kind,
        "metadata": {
            **metadata,
            "name": name,
            "generateName": _base(owner),
            "namespace": owner["metadata"]["namespace"],
            "ownerReferences": [meta.owner_reference(kind, owner)],
        },
        "spec": template.get("spec") or {},
    }


def _base(owner: Obj) -> str:
    return f"{owner['metadata']['name']}-"
