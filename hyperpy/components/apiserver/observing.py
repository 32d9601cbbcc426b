"""Watches requests go through the chain: their ids, metrics and audit records, with one object each.

begin ──▶ authenticated ──▶ authorized ──▶ end (answered) | stream (answered, and goes on) ──▶ ended
"""

from __future__ import annotations

import itertools
import random
from time import perf_counter
from typing import TYPE_CHECKING

from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Pieces, Request, Response, UserInfo
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.metrics.access import AccessMetrics
from hyperpy.components.apiserver.metrics.requests import RequestMetrics

if TYPE_CHECKING:
    from hyperpy.components.apiserver.audit.auditor import Auditor, Record

AUDIT_ID = "Audit-Id"
#: An answer that takes over its connection, until it says better.
SWITCHING = 101
#: Told in metrics and audit when nobody waits for an answer any more (nginx' word for it).
CLIENT_GONE = 499
_MAX_ID = 64

_DECISION = "authorization.k8s.io/decision"
_REASON = "authorization.k8s.io/reason"


class Observer:
    """Begins exchanges.

    Args:
        auditor: None: nothing is audited.
    """

    def __init__(self, requests: RequestMetrics, access: AccessMetrics, auditor: Auditor | None = None) -> None:
        self.requests = requests
        self.access = access
        self.auditor = auditor
        seed = f"{random.SystemRandom().getrandbits(80):020x}"
        # Ids of the form of a UUID: random for the process, counted within it, which is all that "unique" needs.
        self._prefix = f"{seed[:8]}-{seed[8:12]}-4{seed[12:15]}-a{seed[15:18]}-"
        self._numbers = itertools.count(1)

    def begin(self, request: Request, info: RequestInfo) -> Exchange:
        """A request has come in."""
        given = request.headers.get("audit-id")
        if given and given.isascii():
            audit_id = given[:_MAX_ID]
        else:
            audit_id = f"{self._prefix}{next(self._numbers):012x}"
        return Exchange(self, request, info, audit_id)


class Exchange:
    """One request on its way."""

    __slots__ = ("_began", "_observer", "_outer", "_over", "_record", "_request", "_waited_s", "audit_id", "info")

    def __init__(self, observer: Observer, request: Request, info: RequestInfo, audit_id: str) -> None:
        self._observer = observer
        self._request = request
        self._record: Record | None = None
        self._over = False
        self._waited_s = 0.0
        self._began = perf_counter()
        self.info = info
        self.audit_id = audit_id
        self._outer = remarks.current()  # a request may ask the server itself, in its own task
        remarks.open_for(self)

    def annotate(self, key: str, value: str) -> None:
        """Add to the audit event; see `remarks`."""
        if self._record is not None:
            self._record.annotate(key, value)

    def waited(self, seconds: float) -> None:
        """Time that is not ours; see `remarks`."""
        self._waited_s += seconds

    async def authenticated(self, user: UserInfo, *, count: bool = True) -> None:
        """It is known who asks. Not counted for clients in this process, who need not say."""
        observer = self._observer
        if count:
            observer.access.authenticated(True, perf_counter() - self._began)
        if observer.auditor is not None:
            self._record = record = observer.auditor.begin(self._request, self.info, user, audit_id=self.audit_id)
            if record is not None:
                await record.received()

    async def unauthenticated(self, response: Response) -> None:
        """Nobody knows who asks."""
        self._observer.access.authenticated(False, perf_counter() - self._began)
        if self._observer.auditor is not None:
            record = self._observer.auditor.begin(self._request, self.info, None, audit_id=self.audit_id)
            if record is not None:
                await record.refused(response, _attempted(self._request))

    def impersonated(self, user: UserInfo) -> None:
        """The user acts as another."""
        if self._record is not None:
            self._record.impersonated(user)

    def authorized(self, allowed: bool, reason: str, duration_s: float) -> None:
        """It was decided whether the user may."""
        self._observer.access.authorized(allowed, duration_s)
        if self._record is not None:
            self._record.annotate(_DECISION, "allow" if allowed else "forbid")
            self._record.annotate(_REASON, reason)

    async def end(self, response: Response, *, panicked: bool = False) -> None:
        """The answer is there. When it is a stream, the rest is told when the stream ends."""
        response.headers[AUDIT_ID] = self.audit_id
        if self._over:
            return None  # it was answered, and its time ended before the answer left
        self._over = True
        remarks.open_for(self._outer)
        body = response.body
        if not isinstance(body, bytes | Pieces) or response.status == SWITCHING:
            return await self._stream(response)
        self._count(response.status, len(body), sli=True)
        record = self._record
        if record is not None:
            await (record.panicked(response) if panicked else record.complete(response))
        return None

    def abandoned(self) -> None:
        """The client has gone before there was an answer."""
        if self._over:
            return  # it went while the answer was being told to the audit log
        self._over = True
        remarks.open_for(self._outer)
        self._count(CLIENT_GONE, 0, sli=False)
        if self._record is not None:
            self._record.ended(CLIENT_GONE)

    async def _stream(self, response: Response) -> None:
        done = self._observer.requests.running(self.info)
        record = self._record
        if record is not None:
            await record.started(response)

        def ended() -> None:
            response.ended = None
            done()
            self._count(response.status, 0, sli=False)
            if record is not None:
                record.ended(response.status)

        response.ended = ended

    def _count(self, code: int, size: int, *, sli: bool) -> None:
        self._observer.requests.finished(
            self.info,
            code,
            perf_counter() - self._began,
            size=size,
            dry_run="dryRun" in self._request.query,
            sli=sli,
            waited_s=self._waited_s,
        )


def _attempted(request: Request) -> str:
    header = request.headers.get("authorization", "")
    scheme = header.partition(" ")[0].lower()
    return f"Authentication failed, attempted: {scheme}" if scheme else "Authentication failed, no credentials provided"
