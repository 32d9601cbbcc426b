"""One webhook, ready to be asked: whether it is concerned, and what it says.

Source: the API reference, "MutatingWebhook" and "ValidatingWebhook" (admissionregistration.k8s.io/v1).
"""

from __future__ import annotations

import base64
import binascii
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from hyperpy.api import errors, meta
from hyperpy.api.cel import CelError
from hyperpy.components.apiserver.admission.chain import Attributes, refusal
from hyperpy.components.apiserver.admission.dynamic import asking, conditions, review, service
from hyperpy.components.apiserver.admission.dynamic.caller import Caller, CallFailed
from hyperpy.components.apiserver.admission.dynamic.conditions import Conditions
from hyperpy.components.apiserver.admission.dynamic.matching import Match, Matcher
from hyperpy.components.apiserver.admission.dynamic.request import Shown, shown
from hyperpy.components.apiserver.admission.dynamic.review import Answer, BadAnswer
from hyperpy.components.apiserver.admission.world import World
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.metrics import dynamic_admission

log = logging.getLogger(__name__)

_SAFE_IN_DRY_RUN = ("None", "NoneOnDryRun")
_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class Webhook:
    """A webhook of a configuration. Compared by identity: a changed configuration has other ones."""

    name: str
    configuration: str
    config: Mapping[str, Any]
    trusted: bytes | None
    match: Match
    conditions: Conditions
    ignores_failure: bool
    timeout_s: int
    safe_in_dry_run: bool
    version: str
    reinvoked: bool


def read(configuration: Mapping[str, Any]) -> list[Webhook]:
    """The webhooks of a configuration, in their order."""
    name = configuration["metadata"]["name"]
    return [_webhook(name, hook) for hook in configuration.get("webhooks") or ()]


def _webhook(configuration: str, hook: Mapping[str, Any]) -> Webhook:
    config = hook.get("clientConfig") or {}
    return Webhook(
        name=hook.get("name") or "",
        configuration=configuration,
        config=config,
        trusted=_pem(config.get("caBundle")),
        match=Match.read(hook, hook.get("rules") or ()),
        conditions=Conditions(hook.get("matchConditions") or ()),
        ignores_failure=hook.get("failurePolicy") == "Ignore",
        timeout_s=hook.get("timeoutSeconds") or _TIMEOUT_S,
        safe_in_dry_run=hook.get("sideEffects") in _SAFE_IN_DRY_RUN,
        version=review.version(hook.get("admissionReviewVersions") or ()),
        reinvoked=hook.get("reinvocationPolicy") == "IfNeeded",
    )


def _pem(bundle: str | None) -> bytes | None:
    try:
        return base64.b64decode(bundle) if bundle else None
    except (binascii.Error, ValueError):
        return b""


class FailedCall(Exception):
    """A webhook gave no usable answer: its failure policy decides."""

    def __init__(self, hook: Webhook, why: str, *, code: int = 503) -> None:
        super().__init__(f'failed calling webhook "{hook.name}": {why}')
        self.code = code


class Asker:
    """Finds out whether a webhook is concerned, and asks it; `aclose` ends the connections to webhooks.

    Args:
        mutating: whether the webhooks may change objects.
    """

    def __init__(self, world: World, *, mutating: bool) -> None:
        self._world = world
        self._caller = Caller()
        self._mutating = mutating
        self._step = "admit" if mutating else "validating"
        self._metrics = world.metrics.webhooks
        self._matcher = Matcher(world.objects, world.kinds)
        self._rng: random.Random = world.rng

    async def concerned(self, hook: Webhook, attributes: Attributes) -> Shown | None:
        """The request as the webhook is to see it; None when it is not concerned.

        Raises:
            Forbidden: a match condition cannot be evaluated and the webhook's failures count.
        """
        if not hook.match.rules:
            return None
        kind = await self._matcher.matched(hook.match, attributes)
        if kind is None:
            return None
        request = await shown(attributes, kind, nameless=self._mutating)
        if hook.conditions and not self._conditions_hold(hook, request):
            return None
        return request

    def _conditions_hold(self, hook: Webhook, request: Shown) -> bool:
        authority = asking.authority(self._world.authorizer, request)
        try:
            return hook.conditions.hold(conditions.values(request, authority=authority))
        except CelError as error:
            if hook.ignores_failure:
                return False
            raise refusal(request.attributes, str(error)) from error

    async def ask(self, hook: Webhook, request: Shown, place: str) -> Answer | None:
        """The webhook's answer, whose warnings and annotations are taken over; None when its failure is ignored.

        Args:
            place: of this call among all for the request, as the audit names it.

        Raises:
            BadRequest: it has side effects, and this is a dry run.
            InternalError: there is no usable answer, and the webhook's failures count.
            StatusError: the webhook refuses.
        """
        operation, began = request.attributes.operation, perf_counter()
        code, rejected, error_type = 200, False, dynamic_admission.NO_ERROR
        try:
            return await self._asked(hook, request)
        except FailedCall as failure:
            code, rejected, error_type = failure.code, not hook.ignores_failure, dynamic_admission.CALL_FAILED
            self.unanswered(hook, failure, place)
            return None
        except errors.StatusError as refused:
            code, rejected = refused.code, True
            raise
        finally:
            duration_s = perf_counter() - began
            self._metrics.called(hook.name, self._step, operation, duration_s, code=code, rejected=rejected)
            if rejected:
                self._metrics.rejected(hook.name, self._step, operation, error_type, code)

    def unanswered(self, hook: Webhook, failure: FailedCall, place: str) -> None:
        """Let the failure of a webhook pass, or make it the answer.

        Raises:
            InternalError: the webhook's failures count.
        """
        if not hook.ignores_failure:
            raise internal(str(failure)) from failure
        log.warning("a webhook failed and is ignored: %s", failure)
        self._metrics.failed_open(hook.name, self._step)
        what = "mutation" if self._mutating else "validating"
        remarks.add(f"failed-open.{what}.webhook.admission.k8s.io/{place}", hook.name)

    async def aclose(self) -> None:
        """Close the connections to webhooks."""
        await self._caller.aclose()

    async def _asked(self, hook: Webhook, request: Shown) -> Answer:
        """Raises FailedCall and StatusError."""
        if request.attributes.dry_run and not hook.safe_in_dry_run:
            raise errors.BadRequest(f'admission webhook "{hook.name}" does not support dry run')
        answer = await self._answer(hook, request)
        for key, value in (answer.annotations or {}).items():
            remarks.add(f"{hook.name}/{key}", str(value))
        request.attributes.warnings.extend(answer.warnings)
        if not answer.allowed:
            raise review.rejection(hook.name, answer.result)
        return answer

    async def _answer(self, hook: Webhook, request: Shown) -> Answer:
        uid = meta.new_uid(self._rng)
        question = review.question(request, uid=uid, version=hook.version)
        url = f"{service.shown_url(hook.config)}?timeout={hook.timeout_s}s"
        world = self._world
        try:
            endpoint = await service.endpoint(hook.config, url, hook.trusted, objects=world.objects, rng=self._rng)
        except errors.StatusError as error:
            why = service.words(error, hook.config)
            raise FailedCall(hook, f'failed to call webhook: Post "{url}": {why}') from error
        try:
            given = await self._caller.call(endpoint, question, timeout_s=hook.timeout_s)
        except CallFailed as error:
            raise FailedCall(hook, f"failed to call webhook: {error}", code=error.code) from error
        try:
            return review.answer(given, uid=uid, version=hook.version, mutating=self._mutating)
        except BadAnswer as error:
            raise FailedCall(hook, f"received invalid webhook response: {error}") from error


def internal(why: str) -> errors.InternalError:
    """The 500 of an admission webhook that is of no use."""
    return errors.InternalError(f"Internal error occurred: {why}", details={"causes": [{"message": why}]})
