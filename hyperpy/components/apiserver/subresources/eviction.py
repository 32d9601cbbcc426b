"""eviction: deletes a Pod the polite way, if no disruption budget forbids it.

read the pod ─▶ over, pending, being deleted? ─▶ no budget asked ─┐
  ▲       └──▶ budgets that cover it: none ───────────────────────┼─▶ condition DisruptionTarget ─▶ delete
  │                                   one: charged, or exempt ────┘            │
  │                                   several: refused                         │
  └───────────── the pod changed meanwhile, and nothing was charged ◀──────────┘

Source: Concepts, "API-initiated Eviction" and "Pod disruption conditions".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hyperpy.api import errors, meta, pods
from hyperpy.api.kinds import POD, POD_DISRUPTION_BUDGET, Kind
from hyperpy.api.patch import values
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.admission.chain import CREATE
from hyperpy.components.apiserver.content import deletion_options, negotiation, write_options
from hyperpy.components.apiserver.content.deletion_options import DeleteOptions
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.credentials.access import APISERVER
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.subresources import disruption
from hyperpy.components.apiserver.verbs import write
from hyperpy.components.apiserver.writes import deletion, updating
from hyperpy.components.apiserver.writes.writing import Write

EVICTION = Kind("policy", "v1", "Eviction", "evictions")
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
_SEVERAL: dict[str, Any] = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    "code": 500,
}
_TARGET = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}
#: Times that an eviction starts anew because its pod has changed meanwhile.
_ROUNDS = 20


async def create(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """POST to `pods/NAME/eviction`.

    Raises:
        NotFound; TooManyRequests: a budget is used up; Conflict: a precondition does not hold.
    """
    negotiation.accepted(request)
    query = write_options.parse(request)
    eviction, warnings = write.read_object(request, EVICTION, query.field_validation)
    name = eviction["metadata"].get("name") or info.name
    if name != info.name:
        raise errors.BadRequest("name in URL does not match name in Eviction object")
    dry_run = ("All",) if query.dry_run else ()
    options = deletion_options.from_body(eviction.get("deleteOptions") or {}, dry_run=dry_run)
    target = write.target(request, info, kind, dry_run=options.dry_run)
    await core.objects.get(POD, target.namespace, target.name)
    await core.admission.ask(target.attributes(CREATE, obj=eviction))
    target = replace(target, admitted=True)
    for _ in range(_ROUNDS):
        try:
            answer = await _evict(core, target, options)
        except errors.Conflict:
            if options.resource_version or options.uid:
                raise
            continue
        return rendering.plain(answer, status=answer["code"], warnings=[*warnings, *target.warnings])
    raise updating.conflict(target, updating.MODIFIED_MEANWHILE)


async def _evict(core: Core, target: Write, options: DeleteOptions) -> Obj:
    """One attempt; raises Conflict when the pod has changed since it was read."""
    pod = form.decoded(await core.objects.get(POD, target.namespace, target.name))
    if pods.phase(pod) == "Pending" and not meta.is_deleting(pod):
        # It could become ready, and so be one that budgets count, before it is deleted.
        await _delete(core, target, _at(options, pod))
        return _SUCCESS
    if not pods.is_active(pod):
        await _delete(core, target, options)
        return _SUCCESS
    budgets = await _budgets(core, pod)
    if len(budgets) > 1:
        return _SEVERAL
    if budgets and disruption.is_exempt(budgets[0], pod):
        try:
            await _delete(core, target, _at(options, pod))
        except errors.Conflict:
            if options.resource_version:
                raise
            raise disruption.still_counting(budgets[0]["metadata"]["name"]) from None
        return _SUCCESS
    if budgets:
        await _charge(core, target, budgets[0])
    await _delete(core, target, options)
    return _SUCCESS


def _at(options: DeleteOptions, pod: Obj) -> DeleteOptions:
    """The options with the pod's version as a precondition, unless they have one."""
    if options.resource_version:
        return options
    return replace(options, resource_version=pod["metadata"]["resourceVersion"])


async def _budgets(core: Core, pod: Obj) -> list[Obj]:
    found = await core.objects.everything(POD_DISRUPTION_BUDGET, pod["metadata"]["namespace"])
    return [budget for budget in map(form.decoded, found.kvs) if disruption.guards(budget, pod)]


async def _charge(core: Core, target: Write, budget: Obj) -> None:
    """Take one disruption from the budget, as it is now. Raises TooManyRequests, Forbidden."""
    name, now = budget["metadata"]["name"], meta.timestamp(core.clock.now())

    async def transform(old: Obj) -> Obj:
        return disruption.charged(values.clone(old), target.name, now=now)

    charge = Write(POD_DISRUPTION_BUDGET, target.namespace, name, "status", APISERVER, target.dry_run)
    await updating.update(core, charge, transform, rules=updating.TRUSTED)


async def _delete(core: Core, target: Write, options: DeleteOptions) -> None:
    """Tell in the pod's status why it goes, and delete it. Raises NotFound, Conflict."""
    if not options.dry_run:
        options = await _mark(core, target, options)
    await deletion.delete(core, target, options)


async def _mark(core: Core, target: Write, options: DeleteOptions) -> DeleteOptions:
    now = meta.timestamp(core.clock.now())
    mark = Write(POD, target.namespace, target.name, "status", APISERVER, admitted=True)

    async def transform(old: Obj) -> Obj:
        updating.check_uid(mark, options.uid, old)
        version = old["metadata"]["resourceVersion"]
        if options.resource_version and options.resource_version != version:
            text = (
                f"the ResourceVersion in the precondition ({options.resource_version}) does not match the "
                f"ResourceVersion in record ({version}). The object might have been modified"
            )
            raise updating.conflict(mark, text)
        new: Obj = values.clone(old)
        conditions = new.setdefault("status", {}).setdefault("conditions", [])
        meta.set_condition(conditions, _TARGET, now=now)
        return new

    written = await updating.update(core, mark, transform, rules=updating.TRUSTED)
    if not options.resource_version:
        return options
    return replace(options, resource_version=str(written.revision))
