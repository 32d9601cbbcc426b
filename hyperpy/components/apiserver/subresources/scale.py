"""scale: the replica count of a workload as an autoscaling/v1 Scale, whatever its kind.

Source: the API reference, "Scale".
"""

from __future__ import annotations

from dataclasses import replace

from hyperpy.api import errors, labels, meta, schema, validation
from hyperpy.api.apply import managers
from hyperpy.api.custom.scale import ScalePaths
from hyperpy.api.kinds import Kind
from hyperpy.api.patch import values
from hyperpy.api.paths import RequestInfo
from hyperpy.api.schema import cause
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.admission.chain import UPDATE
from hyperpy.components.apiserver.content import field_validation, negotiation, patching, write_options
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import conversion
from hyperpy.components.apiserver.registry import form as stored
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.subresources import scale_managers
from hyperpy.components.apiserver.verbs import apply as apply_verb
from hyperpy.components.apiserver.verbs import write
from hyperpy.components.apiserver.writes import field_managers, updating
from hyperpy.components.apiserver.writes.updating import Transform
from hyperpy.components.apiserver.writes.writing import Write

SCALE = scale_managers.SCALE
_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def get(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """The Scale of an object."""
    negotiation.accepted(request)
    kv = await core.objects.get(kind, write.namespace_of(info, kind), info.name)
    return rendering.plain(of(kind, await conversion.decoded(kind, kv)))


async def update(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PUT of a Scale."""
    options = write_options.parse(request, "UpdateOptions")
    wanted, warnings = write.read_object(request, SCALE, options.field_validation)
    target = write.target(request, info, kind, dry_run=options.dry_run)

    async def transform(old: Obj) -> Obj:
        return _scaled(target, old, wanted)

    return await _write(core, target, transform, warnings)


async def patch(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PATCH of a Scale."""
    if patching.media_type(request) == patching.APPLY_PATCH:
        return await _apply(core, request, info, kind)
    options = write_options.parse(request, "PatchOptions")
    content = patching.read(request, find_repeated=options.field_validation != write_options.IGNORE)
    target = write.target(request, info, kind, dry_run=options.dry_run)

    async def transform(old: Obj) -> Obj:
        wanted = content.apply(of(kind, old), schema.of(SCALE).root)
        field_validation.identify(SCALE, wanted)
        field_validation.settle(SCALE, wanted, repeated=content.repeated, level=options.field_validation)
        return _scaled(target, old, wanted)

    return await _write(core, target, transform, [])


async def _apply(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PATCH of a Scale by an apply configuration."""
    options = write_options.parse_apply(request)
    config, warnings = apply_verb.read(request, options)
    apply_verb.check(config, SCALE)
    target = replace(write.target(request, info, kind, dry_run=options.dry_run), manager="")
    operation = scale_managers.operation(options.field_manager, now=meta.timestamp(core.clock.now()))

    async def transform(old: Obj) -> Obj:
        before = field_managers.decoded(old)
        applied = apply_verb.applied_by(
            operation, of(kind, old), config, scale_managers.of_scale(kind, before),
            zero=field_managers.zero_of(SCALE), force=options.force,
        )  # fmt: skip
        wanted: Obj = values.clone(applied.obj)
        field_validation.settle(SCALE, wanted, repeated=(), level=write_options.IGNORE)
        new = _scaled(target, old, wanted)
        after = scale_managers.of_parent(kind, before, applied.managed)
        new["metadata"][field_managers.FIELD] = managers.encode(after)
        return new

    return await _write(core, target, transform, warnings)


def of(kind: Kind, obj: Obj) -> Obj:
    """The Scale that shows an object's replicas.

    Raises:
        InternalError: an object of a custom kind does not say how many it wants.
    """
    if kind.definition is not None:
        wanted, actual, selector = _custom(kind.definition.scale, obj)
    else:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        wanted, actual, selector = (
            spec.get("replicas") or 0,
            status.get("replicas") or 0,
            _selector(spec.get("selector")),
        )
    own = obj["metadata"]
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {name: own[name] for name in _KEPT if name in own},
        "spec": {"replicas": wanted},
        "status": {"replicas": actual, **({"selector": selector} if selector else {})},
    }


def _custom(paths: ScalePaths, obj: Obj) -> tuple[int, int, str]:
    wanted = paths.wanted(obj)
    if wanted is None:
        text = f'the spec replicas field "{paths.replicas}" does not exist'
        raise errors.InternalError(f"Internal error occurred: {text}", details={"causes": [{"message": text}]})
    return wanted, paths.actual(obj), paths.selected(obj)


def _selector(selector: Obj | None) -> str:
    """A ReplicationController selects by a plain map, the kinds of apps by a LabelSelector."""
    if not selector:
        return ""
    if selector.keys() <= {"matchLabels", "matchExpressions"}:
        return str(labels.from_selector(selector))
    return str(labels.from_map(selector))


def _scaled(target: Write, old: Obj, wanted: Obj) -> Obj:
    """The object with the replicas of a Scale.

    Raises:
        Conflict: the Scale is of another version or another object.
        Invalid: less than none is wanted.
    """
    own = wanted["metadata"]
    if own.get("name", target.name) != target.name:
        raise errors.BadRequest(
            f"the name of the object ({own['name']}) does not match the name on the URL ({target.name})"
        )
    based_on = own.get("resourceVersion")
    if based_on and based_on != old["metadata"]["resourceVersion"]:
        raise updating.conflict(target, updating.MODIFIED_MEANWHILE)
    updating.check_uid(target, own.get("uid"), old)
    replicas = (wanted.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        text = "must be greater than or equal to 0"
        raise validation.invalid(SCALE, target.name, [cause.invalid("spec.replicas", replicas, text)])
    new: Obj = values.clone(old)
    _set_replicas(target.kind, new, replicas)
    return new


def _set_replicas(kind: Kind, obj: Obj, replicas: int) -> None:
    if kind.definition is not None:
        kind.definition.scale.set_wanted(obj, replicas)
    else:
        obj.setdefault("spec", {})["replicas"] = replicas


async def _write(core: Core, target: Write, transform: Transform, warnings: list[str]) -> Response:
    async def judged(old: Obj) -> Obj:
        """Admission is asked about the Scale, and may change it."""
        new = await transform(old)
        asked = target.attributes(UPDATE, obj=of(target.kind, new), old=of(target.kind, old))
        await core.admission.admit(asked)
        _set_replicas(target.kind, new, ((asked.obj or {}).get("spec") or {}).get("replicas") or 0)
        await core.admission.validate(asked)
        return new

    written = await updating.update(core, replace(target, admitted=True), judged)
    shown = of(target.kind, stored.decode(written.value, written.revision))
    return rendering.plain(shown, warnings=[*warnings, *target.warnings])
