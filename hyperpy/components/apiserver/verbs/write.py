"""create and update (POST, PUT): the body becomes an object of the URL's kind and is written."""

from __future__ import annotations

from hyperpy.api import errors
from hyperpy.api.apply import managers
from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver import rendering, strategy
from hyperpy.components.apiserver.content import field_validation, negotiation, write_options
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.writes import creating, metadata, updating
from hyperpy.components.apiserver.writes.writing import Write, Written


async def create(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """POST to a collection."""
    form = negotiation.accepted(request)
    options = write_options.parse(request, "CreateOptions")
    obj, warnings = read_object(request, kind, options.field_validation)
    write = target(request, info, kind, dry_run=options.dry_run)
    written = await creating.create(core, write, obj)
    if kind is CUSTOM_RESOURCE_DEFINITION:
        await core.definitions.reach(written.revision)
    return answer(core, kind, form, written, [*warnings, *write.warnings])


async def update(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PUT of an object or of its status; a missing object is made where the kind allows it."""
    form = negotiation.accepted(request)
    options = write_options.parse(request, "UpdateOptions")
    obj, warnings = read_object(request, kind, options.field_validation)
    write = target(request, info, kind, dry_run=options.dry_run)
    metadata.fit_to_request(kind, obj, namespace=write.namespace, name=write.name)
    strategy_of_kind = strategy.of(kind)
    transform = updating.replacement(write, obj, rules=strategy_of_kind)
    rules = updating.BY_SUBRESOURCE[info.subresource]
    try:
        written = await updating.update(core, write, transform, rules=rules)
    except errors.NotFound:
        if not strategy_of_kind.create_on_update or info.subresource or obj["metadata"].get("resourceVersion"):
            raise
        if request.check_create is not None:
            request.check_create()
        written = await creating.create(core, write, obj)
    if kind is CUSTOM_RESOURCE_DEFINITION:
        await core.definitions.reach(written.revision)
    return answer(core, kind, form, written, [*warnings, *write.warnings])


def read_object(request: Request, kind: Kind, level: str) -> tuple[Obj, list[str]]:
    """The object in the body and the warnings about it.

    Raises:
        BadRequest, UnsupportedMediaType.
    """
    body = negotiation.decode(request, find_repeated=level != write_options.IGNORE)
    field_validation.identify(kind, body.value)
    warnings = field_validation.settle(kind, body.value, repeated=body.repeated, level=level, lines=body.repeated_lines)
    return body.value, warnings


def target(request: Request, info: RequestInfo, kind: Kind, *, dry_run: bool) -> Write:
    """What a request is about."""
    manager = managers.name_of(request.param("fieldManager"), request.headers.get("user-agent", ""))
    return Write(
        kind, namespace_of(info, kind), info.name, info.subresource, request.user, dry_run,
        manager=manager, options=write_options.document(request),
    )  # fmt: skip


def namespace_of(info: RequestInfo, kind: Kind) -> str | None:
    """The namespace of a request; a Namespace itself is in none."""
    return info.namespace or None if kind.namespaced else None


def answer(core: Core, kind: Kind, form: negotiation.Form, written: Written, warnings: list[str]) -> Response:
    """The written object: 201 when it is new."""
    status = 201 if written.created else 200
    return rendering.one(
        kind, form, written.value, written.revision, now=core.clock.now(), status=status, warnings=warnings
    )
