"""eviction: deletes a Pod the polite way, if no disruption budget forbids it.

Source: Concepts, "API-initiated Eviction". Budgets are asked when the kind PodDisruptionBudget is served.
"""

from __future__ import annotations

from dataclasses import replace

from hyperpy.api import errors, labels
from hyperpy.api.kinds import Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import deletion, deletion_options, negotiation, rendering
from hyperpy.components.apiserver.admission.chain import CREATE
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.verbs import write, write_options

EVICTION = Kind("policy", "v1", "Eviction", "evictions")
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
_OVER = ("Succeeded", "Failed")


async def create(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """POST to `pods/NAME/eviction`.

    Raises:
        NotFound; TooManyRequests: a budget is used up.
    """
    negotiation.accepted(request)
    query = write_options.parse(request)
    eviction, warnings = write.read_object(request, EVICTION, query.field_validation)
    name = eviction["metadata"].get("name") or info.name
    if name != info.name:
        raise errors.BadRequest(f"name in URL does not match name in Eviction object: {info.name} and {name}")
    dry_run = ("All",) if query.dry_run else ()
    options = deletion_options.from_body(eviction.get("deleteOptions") or {}, dry_run=dry_run)
    target = write.target(request, info, kind, dry_run=options.dry_run)
    pod = form.decoded(await core.objects.get(kind, target.namespace, target.name))
    await core.admission.ask(target.attributes(CREATE, obj=eviction))
    if (pod.get("status") or {}).get("phase") not in _OVER and not pod["metadata"].get("deletionTimestamp"):
        await _check_budgets(core, pod)
    await deletion.delete(core, replace(target, admitted=True), options)
    return rendering.plain(_SUCCESS, status=201, warnings=[*warnings, *target.warnings])


async def _check_budgets(core: Core, pod: Obj) -> None:
    kind = core.kinds.resource("policy", "v1", "poddisruptionbudgets")
    if kind is None:
        return
    found = await core.objects.everything(kind, pod["metadata"]["namespace"])
    for budget in map(form.decoded, found.kvs):
        selector = labels.from_selector((budget.get("spec") or {}).get("selector"))
        allowed = (budget.get("status") or {}).get("disruptionsAllowed") or 0
        if selector.matches(pod["metadata"].get("labels")) and allowed <= 0:
            cause = {
                "reason": "DisruptionBudget",
                "message": f"The disruption budget {budget['metadata']['name']} allows no further disruption now",
            }
            raise errors.TooManyRequests(
                "Cannot evict pod as it would violate the pod's disruption budget.", details={"causes": [cause]}
            )
