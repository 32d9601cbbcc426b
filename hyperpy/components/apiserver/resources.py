"""The resource core: answers every verb on every kind, after authentication and authorization.

    request + its RequestInfo ─▶ kind ─▶ (subresource, verb) ─▶ one handler function ─▶ response

What is streamed or judged instead of stored (logs, exec, proxies, reviews, tokens) is not here.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping

from hyperpy.api import errors
from hyperpy.api.kinds import Kind, Registry
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.authz.authorization import Authorizer
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.core import Core, assemble
from hyperpy.components.apiserver.custom.converters import Converters
from hyperpy.components.apiserver.custom.definitions import Definitions
from hyperpy.components.apiserver.registry.objects import status_of
from hyperpy.components.apiserver.subresources import binding, eviction, finalize, scale
from hyperpy.components.apiserver.verbs import component_statuses, delete, patch, read, write
from hyperpy.components.instruments import Instruments
from hyperpy.store.protocol import Store, StoreError

__all__ = ["CoreConfig", "ResourceHandler", "build"]

Answer = Callable[[Core, Request, RequestInfo, Kind], Awaitable[Response]]

_MAIN: Mapping[str, Answer] = {
    "get": read.get,
    "list": read.list_objects,
    "watch": read.watch_objects,
    "create": write.create,
    "update": write.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "deletecollection": delete.delete_collection,
}
#: Subresources that show the object and write a part of it; see `updating.BY_SUBRESOURCE`.
_PART: Mapping[str, Answer] = {"get": read.get, "update": write.update, "patch": patch.patch}
_SUBRESOURCES: Mapping[str, Mapping[str, Answer]] = {
    "status": _PART,
    "approval": _PART,
    "ephemeralcontainers": _PART,
    "resize": _PART,
    "scale": {"get": scale.get, "update": scale.update, "patch": scale.patch},
    "binding": {"create": binding.create},
    "eviction": {"create": eviction.create},
    "finalize": {"update": finalize.update},
}
#: Resources that are computed when they are asked for, by (group, plural).
_COMPUTED: Mapping[tuple[str, str], Mapping[str, Answer]] = {
    ("", "componentstatuses"): {"get": component_statuses.get, "list": component_statuses.list_objects},
}
#: Resources of the core group that clients are told to leave.
_DEPRECATED = {
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}


class ResourceHandler:
    """Answers requests on stored kinds. Its owner calls `aclose()` after the last request."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._converters = Converters(core.objects, core.rng)
        self.definitions = Definitions(core, self._converters.of)

    async def __call__(self, request: Request, info: RequestInfo) -> Response:
        """Answer a request whose user is known and allowed.

        Raises:
            StatusError: whatever is wrong with it.
        """
        kind = self.core.kinds.resource(info.group, info.version, info.resource)
        answer = _answer(kind, info)
        if kind is None or answer is None:
            details = {"group": info.group, "kind": info.resource}
            raise errors.NotFound("the server could not find the requested resource", details=details)
        try:
            response = await answer(self.core, request, info, kind)
        except StoreError as error:
            raise status_of(error) from error
        if kind.plural in _DEPRECATED and not kind.group:
            rendering.warn(response, _DEPRECATED[kind.plural])
        if kind.definition is not None and kind.definition.warning:
            rendering.warn(response, kind.definition.warning)
        return response

    def knows(self, info: RequestInfo) -> bool:
        """Whether there is a resource of this name."""
        kind = self.core.kinds.resource(info.group, info.version, info.resource)
        return kind is not None and (not info.subresource or info.subresource in kind.subresources)

    def warns(self, info: RequestInfo) -> bool:
        """Whether clients of a resource are told to leave it."""
        kind = self.core.kinds.resource(info.group, info.version, info.resource)
        if kind is None or kind.definition is not None:
            return kind is not None and bool(kind.definition and kind.definition.warning)
        return not kind.group and kind.plural in _DEPRECATED

    async def aclose(self) -> None:
        """End every watch, the following of custom kinds, and the connections to webhooks."""
        await self.definitions.aclose()
        await self.core.feeds.aclose()
        await self.core.admission.aclose()
        await self._converters.aclose()


def _answer(kind: Kind | None, info: RequestInfo) -> Answer | None:
    """The function for a verb; raises MethodNotAllowed where the resource exists and the verb does not."""
    if kind is None or _out_of_place(kind, info):
        return None
    if info.subresource:
        answers = _SUBRESOURCES.get(info.subresource)
        if answers is None or info.subresource not in kind.subresources:
            return None
        if info.verb in answers:
            return answers[info.verb]
    elif kind.plural == "bindings" and not kind.group and info.verb == "create":
        return binding.create
    elif (kind.group, kind.plural) in _COMPUTED:
        if info.verb in kind.verbs:
            return _COMPUTED[kind.group, kind.plural][info.verb]
    elif info.verb in kind.verbs and info.verb in _MAIN and "get" in kind.verbs and not _names_wrongly(info):
        return _MAIN[info.verb]
    elif kind.definition is not None and kind.definition.terminating and not _names_wrongly(info):
        if info.verb in _MAIN and info.verb != "create":
            return _MAIN[info.verb]  # not announced any more, and needed to take finalizers away
        raise errors.MethodNotAllowed(f"{info.verb} not allowed while custom resource definition is terminating")
    raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")


def _out_of_place(kind: Kind, info: RequestInfo) -> bool:
    """Whether the path has a namespace too many, or names a namespaced object without one."""
    if kind.namespaced:
        return bool(info.name) and not info.namespace and info.verb not in ("list", "watch")
    return bool(info.namespace) and info.resource != "namespaces"


def _names_wrongly(info: RequestInfo) -> bool:
    """Whether a name stands where none may (POST to an object) or is missing (PUT to a collection)."""
    if info.verb == "create":
        return bool(info.name)
    return info.verb in ("update", "patch") and not info.name


def build(
    store: Store,
    registry: Registry,
    config: CoreConfig,
    clock: Clock,
    *,
    rng: random.Random | None = None,
    authorizer: Authorizer | None = None,
    instruments: Instruments | None = None,
) -> ResourceHandler:
    """The resource core over a store. No I/O happens before the first request.

    Args:
        rng: source of uids, name suffixes and picks of addresses; the system's when None.
        authorizer: whom admission asks what a user may do; None: everybody may do everything.
        instruments: where the core counts; its own when None.
    """
    numbers = rng or random.SystemRandom()
    return ResourceHandler(assemble(store, registry, config, clock, numbers, instruments or Instruments(), authorizer))
