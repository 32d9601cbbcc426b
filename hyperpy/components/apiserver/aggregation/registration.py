"""Keeps an APIService for every served version of every custom resource.

Watches: CustomResourceDefinition, APIService.   Writes: APIService.
Source: kube-apiserver's CRD registration and auto-registration controllers.
"""

from __future__ import annotations

from typing import Any, Never

from hyperpy.api import errors, kinds, meta
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.apiserver.bootstrap import local_services, priorities

Obj = dict[str, Any]


class Registration:
    """Registers custom group-versions."""

    def __init__(self, client: Client, informers: Informers, clock: Clock) -> None:
        self._client = client
        self._services = informers.of(kinds.API_SERVICE)
        self._definitions = informers.of(kinds.CUSTOM_RESOURCE_DEFINITION)
        self._queue = WorkQueue("apiserver/autoregister", clock)

    async def run(self) -> Never:
        """Work until cancelled."""
        await self._services.synced()
        await self._definitions.synced()
        leave = (self._services.subscribe(self._service), self._definitions.subscribe(self._definition))
        try:
            await self._queue.run(self.reconcile)
        finally:
            for unsubscribe in leave:
                unsubscribe()

    async def reconcile(self, name: str) -> float | None:
        """Make one APIService as it should be, or take it away."""
        wanted, found = self._wanted(name), self._services.get(name)
        try:
            if wanted is None:
                if found is not None and local_services.managed_by(found) == local_services.ALWAYS:
                    await self._client.delete(kinds.API_SERVICE, name)
            elif found is None:
                await self._client.create(kinds.API_SERVICE, wanted)
            elif (better := local_services.mended(found, wanted)) is not found:
                await self._client.update(kinds.API_SERVICE, better)
        except (errors.NotFound, errors.AlreadyExists):
            pass  # somebody was faster; the informer brings what there is now
        return None

    def _wanted(self, name: str) -> Obj | None:
        version, _, group = name.partition(".")
        if priorities.built_in(group, version) is not None:
            return None
        for definition in self._definitions.list():
            if definition["spec"].get("group") == group and version in served(definition):
                return local_services.wanted(group, version, priorities.CUSTOM, managed=local_services.ALWAYS)
        return None

    def _service(self, event: str, old: Obj | None, new: Obj | None) -> None:
        self._queue.add((new or old or {})["metadata"]["name"])

    def _definition(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for definition in filter(None, (old, new)):
            for version in definition["spec"].get("versions") or ():
                self._queue.add(local_services.name_of(definition["spec"]["group"], version["name"]))


def served(definition: Obj) -> list[str]:
    """The versions of a CustomResourceDefinition that are answered: none before it is established."""
    established = meta.condition(definition, "Established")
    if established is None or established.get("status") != "True":
        return []
    return [version["name"] for version in definition["spec"].get("versions") or () if version.get("served")]
