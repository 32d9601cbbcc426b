"""get, list and watch: stored bytes as they are, or in the form that was negotiated."""

from __future__ import annotations

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering, watch
from hyperpy.components.apiserver.content import negotiation
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import conversion, pages, query, selection


async def get(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """One object at its newest version (a resourceVersion only says "not older than").

    Raises:
        NotFound, NotAcceptable, Timeout.
    """
    form = negotiation.accepted(request)
    kv, revision = await core.objects.get_with_revision(kind, info.namespace or None, info.name)
    if "resourceVersion" in request.query:
        asked = query.parse(request, watch=False).revision
        if asked and asked > revision:
            raise pages.too_large(asked, revision)
    if kv is None:
        raise errors.not_found(kind.group, kind.plural, info.name)
    if kind.converts:
        (kv,) = await conversion.served(kind, [kv])
    return rendering.one(kind, form, kv.value, kv.mod_revision, now=core.clock.now())


async def list_objects(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """A page of the objects a request selects."""
    form = negotiation.accepted(request)
    options = query.parse(request, watch=False)
    page = await core.lists.page(selected(request, info, kind), options)
    return rendering.many(kind, form, page, now=core.clock.now())


async def watch_objects(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """A stream of changes."""
    form = negotiation.accepted(request)
    options = query.parse(request, watch=True)
    return await watch.handle(core, kind, selected(request, info, kind), options, form)


def selected(request: Request, info: RequestInfo, kind: Kind) -> selection.Selection:
    """The selection of a request by its path and query."""
    return selection.parse(
        kind,
        (info.namespace or None) if kind.namespaced else None,
        label_text=request.param("labelSelector"),
        field_text=request.param("fieldSelector"),
    )
