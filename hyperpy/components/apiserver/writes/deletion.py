"""Deleting an object: preconditions, admission, then the plan of `deletion_plan` under compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.api.custom import naming
from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION
from hyperpy.api.patch import values
from hyperpy.components.apiserver import strategy
from hyperpy.components.apiserver.admission.chain import DELETE
from hyperpy.components.apiserver.content.deletion_options import DeleteOptions
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import conversion, form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.writes import deletion_plan, updating
from hyperpy.components.apiserver.writes.creating import is_service
from hyperpy.components.apiserver.writes.writing import Write
from hyperpy.store.protocol import KeyValue

_ROUNDS = 64
_PURGING = (
    "The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will "
    "automatically be purged by the system."
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """`obj` as it was left, with its resourceVersion; `gone` tells whether it is out of the store."""

    obj: Obj
    gone: bool


async def delete(core: Core, write: Write, options: DeleteOptions) -> Deleted:
    """Delete an object, or set its deletion going.

    Raises:
        NotFound, Conflict, Forbidden.
    """
    for _ in range(_ROUNDS):
        kv = await core.objects.get(write.kind, write.namespace, write.name)
        old = await conversion.decoded(write.kind, kv)
        updating.check_uid(write, options.uid, old)
        _check_version(write, options, old)
        if not write.admitted:
            await core.admission.ask(write.attributes(DELETE, old=old, options=options.document()))
        plan = _plan(core, write, options, old)
        deleted = await _carry_out(core, write, kv, plan, old)
        if deleted is not None:
            return deleted
    raise updating.conflict(write, updating.MODIFIED_MEANWHILE)


def _check_version(write: Write, options: DeleteOptions, old: Obj) -> None:
    actual = old["metadata"]["resourceVersion"]
    if options.resource_version and options.resource_version != actual:
        raise updating.conflict(
            write,
            f"Precondition failed: ResourceVersion in precondition: {options.resource_version}, "
            f"ResourceVersion in object meta: {actual}",
        )


def _plan(core: Core, write: Write, options: DeleteOptions, old: Obj) -> deletion_plan.Plan:
    now = core.clock.now()
    if write.kind.plural == "namespaces" and not write.kind.group:
        return _plan_namespace(write, old, now)
    if write.kind == CUSTOM_RESOURCE_DEFINITION:
        return _plan_definition(old, now)
    return deletion_plan.plan(old, options, strategy=strategy.of(write.kind), now=now)


def _plan_namespace(write: Write, old: Obj, now: float) -> deletion_plan.Plan:
    """A namespace is marked, emptied by its controller, and removed when that takes its finalizer away."""
    waits = bool((old.get("spec") or {}).get("finalizers") or old["metadata"].get("finalizers"))
    if old["metadata"].get("deletionTimestamp"):
        if waits:
            raise updating.conflict(write, _PURGING)
        return deletion_plan.Plan(old, gone=True)
    marked = values.clone(old)
    marked["metadata"]["deletionTimestamp"] = meta.timestamp(now)
    marked["status"] = {**(marked.get("status") or {}), "phase": "Terminating"}
    return deletion_plan.Plan(marked, gone=not waits)


def _plan_definition(old: Obj, now: float) -> deletion_plan.Plan:
    """A definition is marked, and removed when its objects are gone (see `custom.cleanup`)."""
    if old["metadata"].get("deletionTimestamp"):
        return deletion_plan.Plan(old, gone=not old["metadata"].get("finalizers"))
    stamp = meta.timestamp(now)
    message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    marked = values.clone(old)
    marked["status"] = naming.terminating(marked, now=stamp, reason="InstanceDeletionPending", message=message)
    finalizers = list(marked["metadata"].get("finalizers") or ())
    if naming.CLEANUP not in finalizers:
        finalizers.append(naming.CLEANUP)
    marked["metadata"] |= {"deletionTimestamp": stamp, "deletionGracePeriodSeconds": 0, "finalizers": finalizers}
    return deletion_plan.Plan(marked, gone=False)


async def _carry_out(core: Core, write: Write, kv: KeyValue, plan: deletion_plan.Plan, old: Obj) -> Deleted | None:
    """Store the plan; None when the object has changed meanwhile."""
    if write.dry_run:
        return Deleted(plan.obj, plan.gone)
    if plan.gone:
        revision = await core.objects.remove(kv)
        if revision is not None and is_service(write.kind):
            await core.services.released(plan.obj)
    elif plan.obj == old:
        revision = kv.mod_revision
    else:
        value = await conversion.to_store(write.kind, form.encode(plan.obj), plan.obj)
        revision = await core.objects.replace(kv, value)
    if revision is None:
        return None
    plan.obj["metadata"]["resourceVersion"] = str(revision)
    return Deleted(plan.obj, plan.gone)


def status_of(write: Write, deleted: Deleted) -> Obj:
    """The Status Success that answers a delete where the object itself is not returned."""
    details = {
        "name": write.name,
        "kind": write.kind.plural,
        "uid": deleted.obj["metadata"].get("uid", ""),
    }
    if write.kind.group:
        details["group"] = write.kind.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
