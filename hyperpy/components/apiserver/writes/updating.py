"""Changing an object: read it, make the new version from it, check that, swap it in; again when somebody was faster.

read ─▶ transform ─▶ defaults ─▶ managers ─▶ admission ─▶ prepare ─▶ validation ─▶ admission ─▶ unchanged? answer it
  ▲                                          (mutating)                           (validating)     └─▶ last finalizer
  └──────────────────────── changed meanwhile ◀── compare-and-swap ◀───────────────────┘               gone? delete
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hyperpy.api import defaults, errors, meta, validation, warnings
from hyperpy.api.kinds import Kind
from hyperpy.api.patch import values
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import pod_resize
from hyperpy.components.apiserver import strategy
from hyperpy.components.apiserver.admission.chain import UPDATE
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import conversion, form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.strategy import Strategy
from hyperpy.components.apiserver.writes import field_managers, metadata
from hyperpy.components.apiserver.writes.creating import is_service
from hyperpy.components.apiserver.writes.writing import Write, Written
from hyperpy.store.protocol import KeyValue

#: Rounds after which a write that is never first is refused; each lost round means that another write won.
_ROUNDS = 64
MODIFIED_MEANWHILE = "the object has been modified; please apply your changes to the latest version and try again"

#: Makes the new version of an object from the current one, which it must not change. May raise StatusError.
Transform = Callable[[Obj], Awaitable[Obj]]


@dataclass(frozen=True, slots=True)
class Rules:
    """How a new version is completed and judged. The functions of `main`, `status` and `trusted` below."""

    prepare: Callable[[Kind, Strategy, Obj, Obj], Obj]
    validate: Callable[[Kind, Obj, Obj], Sequence[Cause]]


def _prepare_main(kind: Kind, rules: Strategy, new: Obj, old: Obj) -> Obj:
    if "status" in kind.subresources:
        if "status" in old:
            new["status"] = old["status"]
        else:
            new.pop("status", None)
    rules.update(new, old)
    metadata.count_generation(new, old, strategy=rules)
    return new


def _prepare_status(kind: Kind, rules: Strategy, new: Obj, old: Obj) -> Obj:
    """Only status and metadata come from a status write."""
    merged = {**old, "metadata": new["metadata"]}
    if "status" in new:
        merged["status"] = new["status"]
    else:
        merged.pop("status", None)
    rules.update_status(merged, old)
    return merged


def _prepare_approval(kind: Kind, rules: Strategy, new: Obj, old: Obj) -> Obj:
    """Only conditions and metadata come from a write of `approval`; a certificate in it is refused by validation."""
    before, given = old.get("status") or {}, new.get("status") or {}
    status = {**before, "conditions": given.get("conditions") or []}
    if given.get("certificate"):
        status["certificate"] = given["certificate"]
    return {**old, "metadata": new["metadata"], "status": status}


def _prepare_ephemeral(kind: Kind, rules: Strategy, new: Obj, old: Obj) -> Obj:
    """Only the ephemeral containers come from a write of `ephemeralcontainers`."""
    listed = (new.get("spec") or {}).get("ephemeralContainers")
    spec = {**old["spec"], "ephemeralContainers": listed} if listed else _without(old["spec"], "ephemeralContainers")
    return _counted({**old, "spec": spec}, rules, new, old)


def _prepare_resize(kind: Kind, rules: Strategy, new: Obj, old: Obj) -> Obj:
    """Only the resources of containers come from a write of `resize`."""
    return _counted(pod_resize.resized(new, old), rules, new, old)


def _counted(merged: Obj, rules: Strategy, new: Obj, old: Obj) -> Obj:
    """The old object's metadata with what says who wrote which version."""
    given = new["metadata"]
    metadata_now = {**old["metadata"], **{name: given[name] for name in _SAID if name in given}}
    merged = {**merged, "metadata": metadata_now}
    metadata.count_generation(merged, old, strategy=rules)
    return merged


def _without(obj: Obj, name: str) -> Obj:
    return {key: value for key, value in obj.items() if key != name}


def _as_is(kind: Kind, rules: Strategy, new: Obj, old: Obj) -> Obj:
    return new


def _no_causes(kind: Kind, new: Obj, old: Obj) -> Sequence[Cause]:
    return ()


#: What a write of a part of an object says in its metadata.
_SAID = ("managedFields", "resourceVersion", "uid")

#: A write of the object itself, of its status, of the approval of a certificate, and one whose transform keeps the
#: rules of the kind already.
MAIN = Rules(_prepare_main, validation.on_update)
STATUS = Rules(_prepare_status, validation.on_status_update)
APPROVAL = Rules(_prepare_approval, validation.on_approval_update)
TRUSTED = Rules(_as_is, _no_causes)
#: The rules of the subresources that are written like the object itself; "" is the object.
BY_SUBRESOURCE = {
    "": MAIN,
    "status": STATUS,
    "approval": APPROVAL,
    "ephemeralcontainers": Rules(_prepare_ephemeral, validation.on_ephemeral_containers_update),
    "resize": Rules(_prepare_resize, validation.on_resize),
}


async def update(core: Core, write: Write, transform: Transform, *, rules: Rules = MAIN) -> Written:
    """Change an object.

    Raises:
        NotFound, Conflict, Forbidden, Invalid: from here or from `transform`.
    """
    for _ in range(_ROUNDS):
        kv = await core.objects.get(write.kind, write.namespace, write.name)
        old = await conversion.decoded(write.kind, kv)
        new = await transform(old)
        written = await _swap(core, write, rules, _Versions(kv, old, new))
        if written is not None:
            return written
    raise conflict(write, MODIFIED_MEANWHILE)


def conflict(write: Write, why: str) -> errors.Conflict:
    """The 409 of a write."""
    return errors.conflict(write.kind.group, write.kind.plural, write.name, why)


def check_uid(write: Write, wanted: str | None, old: Obj) -> None:
    """Refuse a write meant for another object of the same name; raises Conflict."""
    actual = old["metadata"].get("uid")
    if wanted and wanted != actual:
        raise conflict(
            write, f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Versions:
    """The stored pair, what it decodes to and what is to replace it."""

    kv: KeyValue
    old: Obj
    new: Obj


async def _swap(core: Core, write: Write, rules: Rules, versions: _Versions) -> Written | None:
    """Complete, judge and store the new version; None when the object has changed meanwhile."""
    kind, old, new = write.kind, versions.old, versions.new
    metadata.fit_to_request(kind, new, namespace=write.namespace, name=write.name)
    check_uid(write, new["metadata"].get("uid"), old)
    metadata.carry_over(new, old)
    defaults.apply(kind, new)
    if write.manager:
        await field_managers.track(core, write, new, old)
    if not write.admitted:
        await core.admission.admit(write.attributes(UPDATE, obj=new, old=old))
    metadata.single_owners(new, write.warnings, after_admission=True)
    own = strategy.of(kind)
    new = rules.prepare(kind, own, new, old)
    if own.note_times is not None:
        own.note_times(new, old, meta.timestamp(core.clock.now()))
    metadata.check_unchanged(kind, new, old)
    causes = rules.validate(kind, new, old)
    if causes:
        raise validation.invalid(kind, write.name, causes)
    if not write.subresource:
        write.warnings.extend(warnings.on_update(kind, new, old))
    if not write.admitted:
        await core.admission.validate(write.attributes(UPDATE, obj=new, old=old))
    if _is_released(new):
        return await _remove(core, write, versions, new)
    if not is_service(kind):
        return await _replace(core, write, versions, new)
    hold = await core.services.hold(new, old, dry_run=write.dry_run)
    try:
        written = await _replace(core, write, versions, new)
    except errors.StatusError:
        await hold.drop()
        raise
    await (hold.drop() if written is None or write.dry_run else hold.keep())
    return written


async def _replace(core: Core, write: Write, versions: _Versions, new: Obj) -> Written | None:
    kv = versions.kv
    new["metadata"]["resourceVersion"] = versions.old["metadata"]["resourceVersion"]
    field_managers.keep_times(new, versions.old)
    value = form.encode(new)
    unchanged = new == versions.old
    if write.dry_run or (unchanged and write.kind.definition is None):
        return Written(value, kv.mod_revision)
    kept = await conversion.to_store(write.kind, value, new)
    if unchanged and form.same(kept, kv.value):
        return Written(value, kv.mod_revision)  # else it is brought into the form in which it is kept nowadays
    if strategy.of(write.kind).expires:
        revision = await core.event_leases.bound(lambda lease: core.objects.replace(kv, kept, lease=lease))
    else:
        revision = await core.objects.replace(kv, kept)
    if revision is None:
        return None
    return Written(await conversion.answered(write.kind, value, kept), revision)


async def _remove(core: Core, write: Write, versions: _Versions, new: Obj) -> Written | None:
    value = form.encode(new)
    if write.dry_run:
        return Written(value, versions.kv.mod_revision)
    revision = await core.objects.remove(versions.kv)
    if revision is None:
        return None
    if is_service(write.kind):
        await core.services.released(versions.old)
    return Written(value, revision)


def _is_released(obj: Obj) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    own = obj["metadata"]
    if not own.get("deletionTimestamp") or own.get("finalizers") or own.get("deletionGracePeriodSeconds"):
        return False
    return obj["kind"] != "Namespace" or not (obj.get("spec") or {}).get("finalizers")


def replacement(write: Write, obj: Obj, *, rules: Strategy) -> Transform:
    """The transform of a PUT: this object, if it is based on the current version."""

    async def transform(old: Obj) -> Obj:
        based_on = obj["metadata"].get("resourceVersion") or ""
        if based_on in ("", "0"):
            if rules.needs_resource_version:
                raise validation.invalid(write.kind, write.name, [_UNVERSIONED])
        elif based_on != old["metadata"]["resourceVersion"]:
            raise conflict(write, MODIFIED_MEANWHILE)
        own = obj["metadata"]
        new: Obj = values.clone({**obj, "metadata": {**own, "managedFields": None}})
        new["metadata"]["managedFields"] = own.get("managedFields")  # large, and nobody writes to it
        metadata.single_owners(new, write.warnings)
        return new

    return transform


_UNVERSIONED = Cause(
    "metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0: must be specified for an update"
)  # fmt: skip
