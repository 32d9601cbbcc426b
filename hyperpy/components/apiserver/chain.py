"""The way of a request: deadline → authentication → impersonation → max-in-flight → authorization → routing, and
errors → Status.

From the network a request goes the whole way. A client in the same process comes in at authorization, with its user.
Metrics and audit see both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from time import perf_counter

import orjson

from hyperpy.api import errors, paths
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver import deadlines, rendering
from hyperpy.components.apiserver.authn import authentication, impersonation
from hyperpy.components.apiserver.authn.authentication import Authenticator
from hyperpy.components.apiserver.authz import authorization
from hyperpy.components.apiserver.authz.authorization import MASTERS, Authorizer
from hyperpy.components.apiserver.authz.rbac import Attributes
from hyperpy.components.apiserver.deadlines import Deadlines
from hyperpy.components.apiserver.limits import InFlight
from hyperpy.components.apiserver.observing import Exchange, Observer
from hyperpy.components.apiserver.routing import Router

log = logging.getLogger(__name__)

_MAY_CREATE = ("patch", "update")
_STREAMS = frozenset(("attach", "exec", "log", "portforward", "proxy"))


class Chain:
    """The handler chain of one API server."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        authorizer: Authorizer,
        in_flight: InFlight,
        router: Router,
        deadlines: Deadlines,
        observer: Observer,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._in_flight = in_flight
        self._router = router
        self._deadlines = deadlines
        self._observer = observer

    async def from_network(
        self, request: Request, *, certificate_user: UserInfo | None, headers: Iterable[tuple[str, str]]
    ) -> Response:
        """Answer a request from a socket; never raises anything but cancellation.

        Args:
            certificate_user: whom the client certificate of the connection names.
            headers: every header, repeated ones too.
        """
        try:
            info = _parse(request)
        except errors.StatusError as error:
            response = failure(error)
            await self._observer.begin(request, RequestInfo(request.method.lower(), request.path)).end(response)
            return response
        exchange = self._observer.begin(request, info)
        try:
            if "timeout" in request.query:
                seconds = deadlines.asked(request.query, self._deadlines.limit_s)
                if seconds is not None and not _is_long(info):
                    async with deadlines.within(seconds):
                        return await self._in_time(exchange, request, certificate_user, headers)
            return await self._in_time(exchange, request, certificate_user, headers)
        except errors.StatusError as error:
            response = failure(error)
            await exchange.end(response)
        except asyncio.CancelledError:
            exchange.abandoned()
            raise
        except Exception:
            response = unexpected(request)
            await exchange.end(response, panicked=True)
        return response

    async def _in_time(
        self,
        exchange: Exchange,
        request: Request,
        certificate_user: UserInfo | None,
        headers: Iterable[tuple[str, str]],
    ) -> Response:
        """Work on a request while its time lasts. Raises Timeout when it is over, and what the work raises."""
        task = None if _is_long(exchange.info) else self._deadlines.enter()
        try:
            return await self._whole_way(exchange, request, certificate_user, headers)
        finally:
            if task is not None and self._deadlines.leave(task):
                raise deadlines.over()

    async def _whole_way(
        self,
        exchange: Exchange,
        request: Request,
        certificate_user: UserInfo | None,
        headers: Iterable[tuple[str, str]],
    ) -> Response:
        info = exchange.info
        try:
            user = await self._authenticator.user(request, certificate_user)
        except errors.Unauthorized as error:
            await exchange.unauthenticated(failure(error))
            raise
        await exchange.authenticated(user)
        if any(header in request.headers for header in impersonation.HEADERS):
            named = impersonation.user(user, headers, self._authorizer)
            if named is not None:
                user = named
                exchange.impersonated(user)
        request.user = user
        if MASTERS in user.groups or _is_long(info):
            return await self._answer(exchange, request, user)
        with self._in_flight.one(info.verb):
            return await self._answer(exchange, request, user)

    async def handle(self, request: Request) -> Response:
        """Answer a request of a client in this process, whose `user` is set. Raises StatusError."""
        user = request.user
        assert user is not None, "a client in this process sets the user"
        exchange = self._observer.begin(request, _parse(request))
        await exchange.authenticated(user, count=False)
        try:
            return await self._answer(exchange, request, user)
        except errors.StatusError as error:
            await exchange.end(failure(error))
            raise
        except asyncio.CancelledError:
            exchange.abandoned()
            raise
        except Exception:
            await exchange.end(failure(errors.InternalError("the handler failed")), panicked=True)
            raise

    async def _answer(self, exchange: Exchange, request: Request, user: UserInfo) -> Response:
        info = exchange.info
        if MASTERS in user.groups:
            exchange.authorized(True, "", 0.0)
        elif not authentication.is_public(request.path):
            self._authorize(exchange, request, user)
        if info.is_resource:
            response = await self._router.resource(request, info)
        else:
            response = await self._router.path(request)
        await exchange.end(response)
        return response

    def _authorize(self, exchange: Exchange, request: Request, user: UserInfo) -> None:
        began = perf_counter()
        asked = _attributes(exchange.info)
        decision = self._authorizer.decide(user, asked)
        exchange.authorized(decision.allowed, decision.reason, perf_counter() - began)
        if not decision.allowed:
            raise authorization.forbidden(user, asked, decision)
        if asked.verb in _MAY_CREATE and not asked.subresource:
            request.check_create = partial(self._check_create, user, asked)

    def _check_create(self, user: UserInfo, asked: Attributes) -> None:
        """A missing object is made by an apply, and by an update of some kinds; who asks must be allowed to."""
        wanted = replace(asked, verb="create")
        decision = self._authorizer.decide(user, wanted)
        if not decision.allowed:
            raise authorization.forbidden(user, wanted, decision)


def _parse(request: Request) -> RequestInfo:
    try:
        return paths.parse(request.method, request.path, request.query)
    except ValueError as error:
        raise errors.BadRequest(str(error)) from error


def _is_long(info: RequestInfo) -> bool:
    return info.verb == "watch" or info.subresource in _STREAMS


def _attributes(info: RequestInfo) -> Attributes:
    if not info.is_resource:
        return Attributes(info.verb, path=info.path)
    return Attributes(info.verb, info.group, info.resource, info.subresource, info.namespace, info.name)


def failure(error: errors.StatusError) -> Response:
    """The answer that a StatusError stands for."""
    headers = {"X-Content-Type-Options": "nosniff", **rendering.warning_headers(error.warnings)}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return Response(error.code, orjson.dumps(error.status()), headers=headers)


def unexpected(request: Request) -> Response:
    """The answer to a request whose handling broke: the trace goes to the log, not to the client."""
    log.exception("%s %s: the handler failed", request.method, request.path)
    return failure(
        errors.InternalError("Internal error occurred: the request could not be handled; see the server's log")
    )
