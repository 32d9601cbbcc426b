"""Follows requests for the audit log: one record for each request that the policy wants.

received ──▶ (impersonated, annotated) ──▶ started (long-running only) ──▶ complete
                                     └──▶ panicked
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperpy.api import meta
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Pieces, Request, Response, UserInfo
from hyperpy.components.apiserver.audit import event, remarks
from hyperpy.components.apiserver.audit.backend import Backend
from hyperpy.components.apiserver.audit.event import Body, Pending
from hyperpy.components.apiserver.audit.policy import (
    PANIC,
    REQUEST_RECEIVED,
    RESPONSE_COMPLETE,
    RESPONSE_STARTED,
    Decision,
    Level,
    Policy,
)
from hyperpy.components.instruments import Instruments


class Auditor:
    """Begins records.

    Args:
        now: seconds since the epoch.
    """

    def __init__(self, policy: Policy, backend: Backend, instruments: Instruments, *, now: Callable[[], float]) -> None:
        self._policy = policy
        self._backend = backend
        self._now = now
        self._levels = instruments.counter(
            "apiserver_audit_level_total", "Counter of policy levels for audit events (1 per request).", ("level",)
        )

    def begin(self, request: Request, info: RequestInfo, user: UserInfo | None, *, audit_id: str) -> Record | None:
        """The record of a request, or None when nothing of it is to be written.

        Args:
            user: who asks; None when authentication failed.
        """
        decision = self._policy.decide(user, info)
        self._levels.child(decision.level.title).inc()
        if decision.level == Level.NONE:
            return None
        return Record(request, info, user, audit_id=audit_id, decision=decision, backend=self._backend, now=self._now)


class Record:
    """What is told of one request."""

    def __init__(
        self,
        request: Request,
        info: RequestInfo,
        user: UserInfo | None,
        *,
        audit_id: str,
        decision: Decision,
        backend: Backend,
        now: Callable[[], float],
    ) -> None:
        self._request = request
        self._decision = decision
        self._backend = backend
        self._now = now
        self._annotations: dict[str, str] = {}
        self._event = event.base(request, info, audit_id=audit_id, decision=decision, peer=getattr(request, "peer", ""))
        self._event["user"] = event.user(user) if user is not None else {}
        self._event["requestReceivedTimestamp"] = meta.micro_timestamp(now())

    def impersonated(self, user: UserInfo) -> None:
        """The user asks as another one."""
        self._event["impersonatedUser"] = event.user(user)

    def annotate(self, key: str, value: str) -> None:
        """Add an annotation; the first value of a key stays. Patches are told where bodies are. As in Kubernetes."""
        if self._decision.level >= Level.REQUEST or not key.startswith(remarks.PATCHES):
            self._annotations.setdefault(key, value)

    async def received(self) -> None:
        """Nothing was done yet."""
        await self._tell(REQUEST_RECEIVED, None, bodies=False)

    async def started(self, response: Response) -> None:
        """The answer of a long-running request has begun."""
        await self._tell(RESPONSE_STARTED, _status(response.status), bodies=False)

    async def refused(self, response: Response, message: str) -> None:
        """Authentication failed."""
        await self._tell(RESPONSE_STARTED, {**_status(response.status), "message": message}, bodies=False)

    async def complete(self, response: Response) -> None:
        """The request is answered."""
        pending = self._pending(RESPONSE_COMPLETE, _status(response.status), response)
        if pending is not None:
            await self._backend.written(pending)

    def ended(self, code: int) -> None:
        """A stream has ended, or its client has gone."""
        pending = self._pending(RESPONSE_COMPLETE, _status(code), None)
        if pending is not None:
            self._backend.put(pending)

    async def panicked(self, response: Response) -> None:
        """The handler broke."""
        status = {
            **_status(response.status),
            "status": "Failure",
            "reason": "InternalError",
            "message": "APIServer panic'd: the handler failed; see the server's log",
        }
        await self._tell(PANIC, status, bodies=True)

    async def _tell(self, stage: str, status: dict[str, Any] | None, *, bodies: bool) -> None:
        pending = self._pending(stage, status, None, request_body=bodies)
        if pending is not None:
            await self._backend.written(pending)

    def _pending(
        self, stage: str, status: dict[str, Any] | None, response: Response | None, *, request_body: bool = True
    ) -> Pending | None:
        if stage in self._decision.omit_stages:
            return None
        told = {**self._event, "stage": stage, "stageTimestamp": meta.micro_timestamp(self._now())}
        if "objectRef" in told:
            told["objectRef"] = dict(told["objectRef"])
        if status is not None:
            told["responseStatus"] = status
        if self._annotations:
            told["annotations"] = dict(self._annotations)
        asked, answered = None, None
        if request_body and self._request.body:
            asked = Body(self._request.body, self._request.headers.get("content-type", ""))
        if response is not None and isinstance(response.body, bytes | Pieces):
            answered = Body(response.body, response.content_type)
        return Pending(told, self._decision, asked, answered)


def _status(code: int) -> dict[str, Any]:
    return {"metadata": {}, "code": code}
