"""finalize: the namespace controller takes its finalizer away, after which the namespace is gone.

Source: Kubernetes' design of namespaces, "Finalizers".
"""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.api.patch import values
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.content import negotiation, write_options
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.verbs import write
from hyperpy.components.apiserver.writes import updating


async def update(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PUT to `namespaces/NAME/finalize`: only `spec.finalizers` counts."""
    form = negotiation.accepted(request)
    options = write_options.parse(request, "UpdateOptions")
    wanted, warnings = write.read_object(request, kind, options.field_validation)
    target = write.target(request, info, kind, dry_run=options.dry_run)

    async def transform(old: Obj) -> Obj:
        based_on = wanted["metadata"].get("resourceVersion")
        if based_on and based_on != old["metadata"]["resourceVersion"]:
            raise updating.conflict(target, updating.MODIFIED_MEANWHILE)
        updating.check_uid(target, wanted["metadata"].get("uid"), old)
        new: Obj = values.clone(old)
        new["spec"] = {**(new.get("spec") or {}), "finalizers": (wanted.get("spec") or {}).get("finalizers") or []}
        return new

    written = await updating.update(core, target, transform, rules=updating.TRUSTED)
    return write.answer(core, kind, form, written, [*warnings, *target.warnings])
