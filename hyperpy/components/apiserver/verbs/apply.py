"""apply (PATCH with application/apply-patch+yaml): a configuration laid over the object, which is made when missing.

Source: the API reference, "PatchOptions"; Kubernetes' documentation, "Server-Side Apply".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson

from hyperpy.api import apply, errors, manifest
from hyperpy.api.apply import last_applied, managers
from hyperpy.api.apply.managers import Managed
from hyperpy.api.apply.tracking import Applied
from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from hyperpy.api.patch import values
from hyperpy.api.paths import RequestInfo
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.content import field_validation, negotiation, write_options
from hyperpy.components.apiserver.content.write_options import WriteOptions
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.verbs import write
from hyperpy.components.apiserver.writes import creating, field_managers, updating
from hyperpy.components.apiserver.writes.writing import Write, Written

#: Rounds of "it is missing" and "it is there already" after which the last answer stands.
_ROUNDS = 5


async def patch(core: Core, request: Request, info: RequestInfo, kind: Kind) -> Response:
    """PATCH of an object, its status or approval, by an apply configuration: 201 when the object was missing."""
    form = negotiation.accepted(request)
    options = write_options.parse_apply(request)
    config, warnings = read(request, options)
    check(config, kind)
    target = replace(write.target(request, info, kind, dry_run=options.dry_run), manager="")
    applier = Applier(core, target, config, options)
    rules = updating.BY_SUBRESOURCE[info.subresource]
    for _ in range(_ROUNDS):
        try:
            written = await updating.update(core, target, applier.over, rules=rules)
        except errors.NotFound:
            if info.subresource:
                raise
            made = await _create(core, request, applier)
            if made is None:
                continue
            written = made
        if kind is CUSTOM_RESOURCE_DEFINITION:
            await core.definitions.reach(written.revision)
        return write.answer(core, kind, form, written, [*warnings, *target.warnings])
    raise updating.conflict(target, updating.MODIFIED_MEANWHILE)


async def _create(core: Core, request: Request, applier: Applier) -> Written | None:
    """Make the object that was missing; None when it is there by now. Raises StatusError."""
    target = applier.target
    if request.check_create is not None:
        request.check_create()
    obj = await applier.anew()
    uid = obj["metadata"].get("uid")
    if uid:
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise updating.conflict(target, why)
    try:
        return await creating.create(core, target, obj)
    except errors.AlreadyExists:
        return None


def read(request: Request, options: WriteOptions) -> tuple[Obj, list[str]]:
    """The configuration in a body, JSON or YAML, and the warnings about it. Raises BadRequest."""
    try:
        body = _decoded(request.body, find_repeated=options.field_validation != write_options.IGNORE)
    except manifest.ManifestError as error:
        raise errors.BadRequest(f"error decoding YAML: {error}") from error
    told = body.repeated_lines or [f'key "{path.rpartition(".")[2]}" already set in map' for path in body.repeated]
    if not told or options.field_validation == write_options.IGNORE:
        return body.value, []
    keys = "\n".join(f"  {text}" for text in told)
    why = f"error converting YAML to JSON: yaml: unmarshal errors:\n{keys}"
    if options.field_validation == write_options.STRICT:
        raise errors.BadRequest(f"error strict decoding YAML: {why}")
    return body.value, [why]


def _decoded(raw: bytes, *, find_repeated: bool) -> negotiation.Body:
    """Most clients send JSON, which is YAML too; reading it as JSON is a hundred times as fast."""
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        loaded = manifest.load_last(raw)
        if not isinstance(loaded.value, dict):
            raise errors.BadRequest("error decoding YAML: the body must hold one object") from None
        # Whatever JSON cannot hold (it nests too deeply, its numbers are too large) cannot be stored either.
        body = negotiation.decode_json(_json(loaded.value), find_repeated=False)
        return negotiation.Body(body.value, repeated_lines=loaded.repeated)
    return negotiation.decode_json(raw, find_repeated=find_repeated)


def _json(value: Obj) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise errors.BadRequest(f"error decoding YAML: {error}") from error


def check(config: Obj, kind: Kind) -> None:
    """Make sure that a configuration is of the URL's kind, and says nothing about managers. Raises BadRequest."""
    version, name = config.get("apiVersion") or "", config.get("kind") or ""
    if (version, name) != (kind.api_version, kind.kind):
        group, _, bare = str(version).rpartition("/")
        raise errors.BadRequest(f"invalid object type: {group}/{bare}, Kind={name}")
    own = config.get("metadata")
    if isinstance(own, dict) and own.get(field_managers.FIELD) is not None:
        raise errors.BadRequest("metadata.managedFields must be nil")


@dataclass(frozen=True, slots=True)
class Applier:
    """One apply request: what it makes of the live object, as often as that is asked for."""

    core: Core
    target: Write
    config: Obj
    options: WriteOptions

    async def over(self, old: Obj) -> Obj:
        """The live object with the configuration. Raises Conflict, BadRequest."""
        based_on = _metadata(self.config).get("resourceVersion")
        if based_on and based_on != old["metadata"]["resourceVersion"]:
            raise updating.conflict(self.target, updating.MODIFIED_MEANWHILE)
        return await self._applied(old, field_managers.decoded(old))

    async def anew(self) -> Obj:
        """The configuration as a new object. Raises BadRequest."""
        return await self._applied(field_managers.zero_of(self.target.kind), {})

    async def _applied(self, live: Obj, managed: Managed) -> Obj:
        kind = self.target.kind
        operation = field_managers.of_write(self.core, self.target, self.options.field_manager)
        rules = self._rules(live, managed, operation)
        applied = await field_managers.run(self.core, kind, rules)
        new: Obj = values.clone({**applied.obj, "metadata": _without_managers(applied.obj)})
        field_validation.settle(kind, new, repeated=(), level=write_options.IGNORE)
        if applied.managed:
            new["metadata"][field_managers.FIELD] = managers.encode(applied.managed)
        return new

    def _rules(
        self, live: Obj, managed: Managed, operation: Callable[[apply.Versions], apply.Operation]
    ) -> Callable[[apply.Versions], Applied]:
        def rules(versions: apply.Versions) -> Applied:
            kind = self.target.kind
            return applied_by(
                operation(versions), live, self.config, field_managers.current(kind, managed, versions),
                zero=field_managers.zero_of(kind), force=self.options.force,
            )  # fmt: skip

        return rules


def applied_by(
    operation: apply.Operation, live: Obj, config: Obj, managed: Managed, *, zero: Obj, force: bool
) -> Applied:
    """Apply; kubectl takes over what its client-side apply set. Raises Conflict, BadRequest."""
    try:
        applied = apply.apply(live, config, managed, operation, zero=zero, force=force)
    except apply.Conflicts as conflicts:
        if operation.manager != last_applied.MANAGER:
            raise conflicts.error() from None
        rest = conflicts.beyond(last_applied.owned_fields(live, operation.shape))
        if rest is not None:
            raise rest.error() from None
        applied = apply.apply(live, config, managed, operation, zero=zero, force=True)
    if operation.manager == last_applied.MANAGER:
        return Applied(last_applied.refreshed(applied.obj, config), applied.managed)
    return applied


def _metadata(obj: Obj) -> Obj:
    own = obj.get("metadata")
    return own if isinstance(own, dict) else {}


def _without_managers(obj: Obj) -> Obj:
    return {name: value for name, value in _metadata(obj).items() if name != field_managers.FIELD}
