"""Making an object: metadata, defaults, admission, the kind's own rules, validation, then one conditional write.

decoded ─▶ metadata ─▶ defaults ─▶ managers ─▶ admission ─▶ strategy ─▶ validation ─▶ admission ─▶ allocation ─▶ stored
                                               (mutating)                          (validating)
"""

from __future__ import annotations

from dataclasses import replace

from hyperpy.api import defaults, errors, meta, validation, warnings
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver import strategy
from hyperpy.components.apiserver.admission.chain import CREATE
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import conversion, form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.writes import field_managers, metadata
from hyperpy.components.apiserver.writes.writing import Write, Written

#: Attempts to find a free generated name (as Kubernetes since KEP-4420).
_NAMES = 8


async def create(core: Core, write: Write, obj: Obj) -> Written:
    """Make a new object.

    Args:
        obj: decoded, typed and of the write's kind; it is changed in place.
    Raises:
        BadRequest, NotFound (namespace), Forbidden, AlreadyExists, Invalid.
    """
    kind, rules = write.kind, strategy.of(write.kind)
    if kind.definition is not None and kind.definition.terminating:
        raise errors.MethodNotAllowed("create not allowed while custom resource definition is terminating")
    metadata.fit_to_request(kind, obj, namespace=write.namespace, name=write.name or None)
    own = obj["metadata"]
    metadata.begin(
        obj,
        strategy=rules,
        has_status="status" in kind.subresources,
        now=meta.timestamp(core.clock.now()),
        uid=meta.new_uid(core.rng),
    )
    base = own.get("generateName") if not own.get("name") else None
    if base:
        own["name"] = meta.generate_name(base, core.rng)
    write = replace(write, name=own.get("name") or "", generated=bool(base))
    defaults.apply(kind, obj)
    metadata.single_owners(obj, write.warnings)
    if write.manager:
        await field_managers.track_new(core, write, obj)
    await core.admission.admit(write.attributes(CREATE, obj=obj))
    metadata.single_owners(obj, write.warnings, after_admission=True)
    rules.create(obj)
    if rules.requested_by is not None:
        rules.requested_by(obj, write.user)
    causes = validation.on_create(kind, obj)
    if causes:
        raise validation.invalid(kind, write.name or base or "", causes)
    write.warnings.extend(warnings.on_create(kind, obj))
    await core.admission.validate(write.attributes(CREATE, obj=obj))
    return await _store(core, write, obj, base or "")


async def _store(core: Core, write: Write, obj: Obj, base: str) -> Written:
    hold = await core.services.hold(obj, None, dry_run=write.dry_run) if is_service(write.kind) else None
    try:
        written = await _insert_named(core, write, obj, base)
    except errors.StatusError:
        if hold is not None:
            await hold.drop()
        raise
    if hold is not None:
        await (hold.drop() if write.dry_run else hold.keep())
    return written


async def _insert_named(core: Core, write: Write, obj: Obj, base: str) -> Written:
    """Write it, trying further generated names while the ones before are taken."""
    for _ in range(_NAMES - 1 if base else 0):
        try:
            return await _insert(core, write, obj)
        except errors.AlreadyExists:
            obj["metadata"]["name"] = meta.generate_name(base, core.rng)
            write = write.named(obj["metadata"]["name"])
    try:
        return await _insert(core, write, obj)
    except errors.AlreadyExists as error:
        if base:
            error.message += ", the server was not able to generate a unique name for the object"
        raise


async def _insert(core: Core, write: Write, obj: Obj) -> Written:
    kind, value = write.kind, form.encode(obj)
    if write.dry_run:
        if await core.objects.find(kind, write.namespace, write.name) is not None:
            raise errors.already_exists(kind.group, kind.plural, write.name)
        return Written(value, 0, created=True)
    kept = await conversion.to_store(kind, value, obj)
    if not strategy.of(kind).expires:
        revision = await core.objects.create(kind, write.namespace, write.name, kept)
        return Written(await conversion.answered(kind, value, kept), revision, created=True)
    revision = await core.event_leases.bound(
        lambda lease: core.objects.create(kind, write.namespace, write.name, kept, lease=lease)
    )
    return Written(value, revision, created=True)


def is_service(kind: Kind) -> bool:
    """Whether objects of this kind are given addresses and ports."""
    return kind.plural == "services" and not kind.group
