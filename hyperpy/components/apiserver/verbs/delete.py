"""delete and deletecollection."""

from __future__ import annotations

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import deletion, deletion_options, negotiation, rendering, strategy
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import form, pages, query
from hyperpy.components.apiserver.verbs import read, write
from hyperpy.components.apiserver.writing import Write


async def delete(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """DELETE of one object: 200, or 202 when it waits for dependents that were asked to go first."""
    negotiation.accepted(request)
    options = deletion_options.parse(request)
    target = write.target(request, info, kind, dry_run=options.dry_run)
    deleted = await deletion.delete(core, target, options)
    if deleted.gone and not strategy.of(kind).returns_deleted:
        return rendering.plain(deletion.status_of(target, deleted))
    waits = not deleted.gone and options.orphan_dependents is False
    return rendering.plain(deleted.obj, status=202 if waits else 200)


async def delete_collection(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """DELETE of all that a request selects; answers with a list of it. One that is gone already is no failure."""
    negotiation.accepted(request)
    options = deletion_options.parse(request)
    page = await pages.read(core.store, kind, read.selected(request, info, kind), query.parse(request, watch=False))
    items = []
    for kv in page.kvs:
        meta = form.decoded(kv)["metadata"]
        target = Write(kind, meta.get("namespace"), meta["name"], "", request.user, options.dry_run)
        try:
            items.append((await deletion.delete(core, target, options)).obj)
        except errors.NotFound:
            continue
    head = {"kind": kind.list_kind, "apiVersion": kind.api_version}
    return rendering.plain({**head, "metadata": {"resourceVersion": str(page.revision)}, "items": items})
