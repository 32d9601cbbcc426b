"""ValidatingAdmissionWebhook: asks all webhooks that judge an object at the same time.

Source: Dynamic Admission Control.
"""

from __future__ import annotations

import asyncio

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import Attributes
from hyperpy.components.apiserver.admission.dynamic import webhook
from hyperpy.components.apiserver.admission.dynamic.collection import Collection
from hyperpy.components.apiserver.admission.dynamic.request import Shown
from hyperpy.components.apiserver.admission.dynamic.rules import GROUP, is_exempt
from hyperpy.components.apiserver.admission.dynamic.webhook import Asker, Webhook
from hyperpy.components.apiserver.admission.world import World

_PLURAL = "validatingwebhookconfigurations"


class ValidatingAdmissionWebhook:
    def __init__(self, world: World) -> None:
        kind = world.kinds.resource(GROUP, "v1", _PLURAL)
        assert kind is not None
        self._asker = Asker(world, mutating=False)
        self._configurations = Collection(
            kind, objects=world.objects, feeds=world.feeds, clock=world.clock, make=webhook.read
        )

    def concerns(self, kind: Kind) -> bool:
        """Its own configurations too, but only to know of their changes."""
        return not is_exempt(kind) or kind.plural == _PLURAL

    async def validate(self, attributes: Attributes) -> None:
        if is_exempt(attributes.kind):
            self._configurations.touched()
            return
        configurations = await self._configurations.items()
        if not configurations:
            return
        concerned = []
        for index, hook in enumerate(hook for configuration in configurations for hook in configuration):
            request = await self._asker.concerned(hook, attributes)
            if request is not None:
                concerned.append((hook, request, f"round_0_index_{index}"))
        if len(concerned) == 1:
            await self._asker.ask(*concerned[0])
        elif concerned:
            await self._ask_together(concerned)

    async def _ask_together(self, concerned: list[tuple[Webhook, Shown, str]]) -> None:
        """The refusal of the first webhook in order that has one is the answer; all are heard."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._heard(hook, request, place), name=f"apiserver/webhook/{hook.name}")
                for hook, request, place in concerned
            ]
        for task in tasks:
            refusal = task.result()
            if refusal is not None:
                raise refusal

    async def _heard(self, hook: Webhook, request: Shown, place: str) -> errors.StatusError | None:
        try:
            await self._asker.ask(hook, request, place)
        except errors.StatusError as refusal:
            return refusal
        return None

    async def aclose(self) -> None:
        """Close the connections to webhooks."""
        await self._asker.aclose()
