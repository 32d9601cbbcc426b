"""delete and deletecollection."""

from __future__ import annotations

import asyncio

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering, strategy
from hyperpy.components.apiserver.content import deletion_options, negotiation
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import form, query
from hyperpy.components.apiserver.verbs import read, write
from hyperpy.components.apiserver.writes import deletion
from hyperpy.components.apiserver.writes.writing import Write

#: Objects of a collection that are deleted at the same time.
_AT_ONCE = 64


async def delete(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """DELETE of one object: 200, or 202 when it waits for dependents that were asked to go first."""
    negotiation.accepted(request)
    options = deletion_options.parse(request)
    target = write.target(request, info, kind, dry_run=options.dry_run)
    _warn(target, options)
    deleted = await deletion.delete(core, target, options)
    if deleted.gone and not strategy.of(kind).returns_deleted:
        return rendering.plain(deletion.status_of(target, deleted), warnings=target.warnings)
    waits = not deleted.gone and options.orphan_dependents is False
    return rendering.plain(deleted.obj, status=202 if waits else 200, warnings=target.warnings)


def _warn(target: Write, options: deletion_options.DeleteOptions) -> None:
    """Tell that dependents stay, where that is a surprise and the request does not ask for it."""
    text = strategy.of(target.kind).warns_of_orphans
    if text and options.propagation is None and options.orphan_dependents is None:
        target.warnings.append(text)


async def delete_collection(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """DELETE of all that a request selects; answers with a list of it. One that is gone already is no failure."""
    negotiation.accepted(request)
    options = deletion_options.parse(request)
    page = await core.lists.page(read.selected(request, info, kind), query.parse(request, watch=False))
    targets = [
        Write(kind, own.get("namespace"), own["name"], "", request.user, options.dry_run)
        for own in (form.decoded(kv)["metadata"] for kv in page.kvs)
    ]
    items: list[form.Obj] = []
    for start in range(0, len(targets), _AT_ONCE):
        items += await _delete_all(core, targets[start : start + _AT_ONCE], options)
    head = {"kind": kind.list_kind, "apiVersion": kind.api_version}
    return rendering.plain({**head, "metadata": rendering.list_meta(page), "items": items})


async def _delete_all(core: Core, targets: list[Write], options: deletion_options.DeleteOptions) -> list[form.Obj]:
    """Delete these at the same time, so that they share commits; what was there, as it was left."""
    results = await asyncio.gather(
        *(deletion.delete(core, target, options) for target in targets), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, errors.NotFound):
            raise result
    return [result.obj for result in results if isinstance(result, deletion.Deleted)]
