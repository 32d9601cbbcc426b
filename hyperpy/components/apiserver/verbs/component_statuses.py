"""ComponentStatuses: computed when they are asked for, never stored. Of this cluster's parts, only the store has one.

The scheduler and the controllers have no health port that could be asked. Deprecated in Kubernetes since v1.19.
Source: the API reference, "ComponentStatus".
"""

from __future__ import annotations

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.content import negotiation
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.verbs import read
from hyperpy.store.protocol import StoreError

_STORE = "etcd-0"


async def get(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """The state of one component. Raises NotFound."""
    form = negotiation.accepted(request)
    if info.name != _STORE:
        raise errors.not_found(kind.group, kind.plural, info.name)
    status = orjson.dumps(await _store(core, kind))
    return rendering.one(kind, form, status, 0, now=core.clock.now())


async def list_objects(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """The state of every component."""
    form = negotiation.accepted(request)
    chosen = read.selected(request, info, kind)
    items = [status for status in (await _store(core, kind),) if chosen.matches(status)]
    return rendering.computed(kind, form, items, now=core.clock.now())


async def _store(core: Core, kind: Kind) -> Obj:
    condition = {"type": "Healthy", "status": "True", "message": "ok"}
    try:
        await core.store.revision()
    except StoreError as error:
        condition = {"type": "Healthy", "status": "False", "error": str(error)}
    head: Obj = {"apiVersion": kind.api_version, "kind": kind.kind}
    return {**head, "metadata": {"name": _STORE, "creationTimestamp": None}, "conditions": [condition]}
