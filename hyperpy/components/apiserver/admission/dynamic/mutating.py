"""MutatingAdmissionWebhook: asks the webhooks that may change an object, one after the other.

Source: Dynamic Admission Control, "Reinvocation policy". After a change the plugins before this one have another turn,
then those webhooks that wish so, if the object has changed since they saw it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import orjson

from hyperpy.api import defaults, patch, schema
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import Attributes
from hyperpy.components.apiserver.admission.dynamic import review, webhook
from hyperpy.components.apiserver.admission.dynamic.collection import Collection
from hyperpy.components.apiserver.admission.dynamic.request import Shown
from hyperpy.components.apiserver.admission.dynamic.review import BadAnswer
from hyperpy.components.apiserver.admission.dynamic.rules import GROUP, is_exempt
from hyperpy.components.apiserver.admission.dynamic.webhook import Asker, FailedCall, Webhook
from hyperpy.components.apiserver.admission.world import World
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.registry import conversion
from hyperpy.components.apiserver.registry.form import Obj

#: Fields of metadata that are the server's own: what a webhook makes of them is dropped.
_OWN = (
    "name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp",
    "deletionGracePeriodSeconds", "selfLink",
)  # fmt: skip
_PLURAL = "mutatingwebhookconfigurations"


@dataclass(slots=True)
class _Turns:
    """What happened so far.

    Args:
        invoked: webhooks asked already that take a second turn.
        due: those of them after whose turn the object has changed.
        changed: whether any webhook has changed the object.
        number: 0 in the first round, 1 in the second.
    """

    invoked: set[Webhook] = field(default_factory=set)
    due: set[Webhook] = field(default_factory=set)
    changed: bool = False
    number: int = 0


class MutatingAdmissionWebhook:
    def __init__(self, world: World) -> None:
        kind = world.kinds.resource(GROUP, "v1", _PLURAL)
        assert kind is not None
        self._again: Callable[[Attributes], Awaitable[None]] | None = None
        self._asker = Asker(world, mutating=True)
        self._configurations = Collection(
            kind, objects=world.objects, feeds=world.feeds, clock=world.clock, make=webhook.read
        )

    def concerns(self, kind: Kind) -> bool:
        """Its own configurations too, but only to know of their changes."""
        return not is_exempt(kind) or kind.plural == _PLURAL

    def follow(self, again: Callable[[Attributes], Awaitable[None]]) -> None:
        self._again = again

    async def admit(self, attributes: Attributes) -> None:
        if is_exempt(attributes.kind):
            self._configurations.touched()
            return
        configurations = await self._configurations.items()
        if not configurations:
            return
        hooks = [hook for configuration in configurations for hook in configuration]
        turns = _Turns()
        await self._ask_all(hooks, attributes, turns)
        if not turns.changed:
            return
        seen = _snapshot(attributes)
        if self._again is not None:
            await self._again(attributes)
        if _snapshot(attributes) != seen:
            turns.due |= turns.invoked
        turns.number = 1
        await self._ask_all(hooks, attributes, turns)

    async def aclose(self) -> None:
        """Close the connections to webhooks."""
        await self._asker.aclose()

    async def _ask_all(self, hooks: Sequence[Webhook], attributes: Attributes, turns: _Turns) -> None:
        for index, hook in enumerate(hooks):
            if turns.number and hook not in turns.due:
                continue
            request = await self._asker.concerned(hook, attributes)
            if request is None:
                continue
            place = f"round_{turns.number}_index_{index}"
            changed = await self._ask(hook, request, place)
            _note(hook, place, changed=changed)
            if changed:
                turns.changed = True
                turns.due |= turns.invoked
            if hook.reinvoked:
                turns.invoked.add(hook)

    async def _ask(self, hook: Webhook, request: Shown, place: str) -> bool:
        """Whether the webhook has changed the object. `place` is when it was asked, for the audit."""
        answer = await self._asker.ask(hook, request, place)
        if answer is None or not answer.patch:
            return False
        try:
            changed = await _apply(hook, answer.patch, request)
        except FailedCall as failure:
            self._asker.unanswered(hook, failure, place)
            return False
        if changed and remarks.current() is not None:
            patch = orjson.Fragment(answer.patch)
            remarks.add(f"{remarks.PATCHES}{place}", _told(hook, patch=patch, patchType="JSONPatch"))
        return changed


def _note(hook: Webhook, place: str, *, changed: bool) -> None:
    if remarks.current() is not None:
        remarks.add(f"mutation.webhook.admission.k8s.io/{place}", _told(hook, mutated=changed))


def _told(hook: Webhook, **more: object) -> str:
    return orjson.dumps({"configuration": hook.configuration, "webhook": hook.name, **more}).decode()


def _snapshot(attributes: Attributes) -> bytes:
    return orjson.dumps(attributes.obj, option=orjson.OPT_SORT_KEYS)


async def _apply(hook: Webhook, text: bytes, request: Shown) -> bool:
    """Change the request's object as the webhook wishes; whether that made a difference.

    Raises:
        FailedCall: it is no patch.
        InternalError: it cannot be applied, or makes something else than such an object.
    """
    try:
        operations = review.operations(text)
    except BadAnswer as error:
        raise FailedCall(hook, str(error)) from error
    if not operations:
        return False
    attributes, shown = request.attributes, request.obj
    if shown is None or attributes.obj is None:
        raise webhook.internal(
            f'admission webhook "{hook.name}" attempted to modify the object, which is not supported for this operation'
        )
    before = _snapshot(attributes)
    try:
        patched = patch.json_patch(shown, operations)
    except (patch.MalformedPatch, patch.PatchError) as error:
        raise webhook.internal(str(error)) from error
    new = await _settled(patched, request)
    attributes.obj.clear()
    attributes.obj.update(new)
    return _snapshot(attributes) != before


async def _settled(patched: object, request: Shown) -> Obj:
    """The patched object as one of the request's kind: decoded, defaulted, the server's own fields as they were."""
    attributes = request.attributes
    old = attributes.obj or {}
    if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
        raise webhook.internal("the patch of an admission webhook leaves no object")
    if (patched.get("apiVersion"), patched.get("kind")) != ((request.obj or {}).get("apiVersion"), old.get("kind")):
        raise webhook.internal("an admission webhook may not change apiVersion or kind")
    if old.get("kind") != attributes.kind.kind:
        return _with_own_metadata(patched, old)
    _decode(request.kind, patched)
    new: Obj = patched
    if request.kind != attributes.kind:
        new = (await conversion.objects(attributes.kind, [patched]))[0]
    _decode(attributes.kind, new)
    defaults.apply(attributes.kind, new)
    if not attributes.subresource and "status" in attributes.kind.subresources:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    return _with_own_metadata(new, old)


def _decode(kind: Kind, obj: Obj) -> None:
    causes = schema.of(kind).decode(obj).causes
    if causes:
        raise webhook.internal(f"unable to decode the patched object: {', '.join(map(str, causes))}")


def _with_own_metadata(new: Obj, old: Obj) -> Obj:
    metadata, before = new["metadata"], old.get("metadata") or {}
    for name in _OWN:
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]
    return new
