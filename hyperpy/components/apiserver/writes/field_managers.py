"""metadata.managedFields of every write: who owns what afterwards. The rules are in `api.apply`, their input here.

Entries may speak of other versions of the kind; then objects are converted, which may ask a webhook. The rules are pure
and wait for nothing: a run that needs a conversion is given up, and done again with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import orjson

from hyperpy.api import apply, meta, schema, validation
from hyperpy.api.apply import fieldset, managers, shape, zero
from hyperpy.api.apply.fieldset import Fields
from hyperpy.api.apply.managers import Managed
from hyperpy.api.apply.shape import Shape
from hyperpy.api.kinds import Kind
from hyperpy.api.schema import cause, definitions
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import conversion
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.writes.writing import Write

T = TypeVar("T")

#: Where an object says who owns its fields.
FIELD = "managedFields"
_MAX_NAME = 128
_MAX_SUBRESOURCE = 256

#: Fields besides `spec` that writes of a status do not reach. Source: GetResetFields of the strategies of the kinds.
_NOT_IN_STATUS: dict[str, Fields] = {
    "pods": fieldset.of_paths(("metadata", "deletionTimestamp"), ("metadata", "ownerReferences")),
    "deployments.apps": fieldset.of_paths(("metadata", "labels")),
    "customresourcedefinitions.apiextensions.k8s.io": fieldset.of_paths(("metadata",)),
    "apiservices.apiregistration.k8s.io": fieldset.of_paths(("metadata",)),
}


async def track_new(core: Core, write: Write, obj: Obj) -> None:
    """Set the managers of an object that is being created, in place. Raises StatusError."""
    own = obj["metadata"]
    managed = _given(write, own.pop(FIELD, None)) or {}
    await _track(core, write, obj, zero_of(write.kind), managed)


async def track(core: Core, write: Write, new: Obj, old: Obj) -> None:
    """Set the managers of an object that is being changed, in place. Raises StatusError."""
    given, stored = new["metadata"].pop(FIELD, None), old["metadata"].get(FIELD)
    managed: Managed | None = None
    if given != stored and not write.subresource:
        managed = _given(write, given)
    if managed is None:
        managed = decoded(old)
    if managed:
        await _track(core, write, new, old, managed, stored=stored if given == stored or not given else None)


async def _track(
    core: Core, write: Write, new: Obj, old: Obj, managed: Managed, *, stored: list[Any] | None = None
) -> None:
    """Args: stored: the encoded form of `managed`, when there is one."""
    operation = of_write(core, write, write.manager)

    def rules(versions: apply.Versions) -> Managed:
        return apply.update(old, new, current(write.kind, managed, versions), operation(versions))

    after = await run(core, write.kind, rules)
    if after is managed and stored is not None:
        new["metadata"][FIELD] = stored
    elif after:
        new["metadata"][FIELD] = managers.encode(after)


def of_write(core: Core, write: Write, manager: str) -> Callable[[apply.Versions], apply.Operation]:
    """The operation that a write is, once the versions of its kind are at hand."""
    kind, now = write.kind, meta.timestamp(core.clock.now())
    passed_over = _passed_over("status" in kind.subresources, write.subresource, kind.qualified)
    return lambda versions: apply.Operation(
        manager, kind.api_version, write.subresource, passed_over, now, versions
    )  # fmt: skip


def current(kind: Kind, managed: Managed, versions: apply.Versions) -> Managed:
    """The managers as the schema is now: that of a custom kind changes."""
    return managed if kind.definition is None else apply.reconciled(managed, versions)


@cache
def _passed_over(has_status: bool, subresource: str, qualified: str) -> Fields:
    fields = apply.SYSTEM_FIELDS
    if subresource in ("status", "approval"):
        fields = fieldset.union(fields, fieldset.of_paths(("spec",)))
        return fieldset.union(fields, _NOT_IN_STATUS.get(qualified, {}))
    return fieldset.union(fields, fieldset.of_paths(("status",))) if has_status else fields


def decoded(obj: Obj) -> Managed:
    """The managers of a stored object; none where what is stored makes no sense."""
    try:
        return managers.decode(obj["metadata"].get(FIELD) or (), trusted=True)
    except ValueError:
        return {}


def _given(write: Write, entries: list[Any] | None) -> Managed | None:
    """The managers that a client sets; None when it sets none, or what it sends makes no sense.

    Raises:
        Invalid: a name is too long.
    """
    if managers.resets(entries):
        return {}
    try:
        managed = managers.decode(entries or (), trusted=False)
    except ValueError:
        return None
    for index, manager in enumerate(managed):
        field = f"metadata.managedFields[{index}]"
        if len(manager.name) > _MAX_NAME:
            raise validation.invalid(write.kind, write.name, [cause.too_long(f"{field}.manager", _MAX_NAME)])
        if len(manager.subresource) > _MAX_SUBRESOURCE:
            raise validation.invalid(write.kind, write.name, [cause.too_long(f"{field}.subresource", _MAX_SUBRESOURCE)])
    return managed or None


def keep_times(new: Obj, old: Obj) -> None:
    """When a write changes nothing but the times of managers, give those back: it is none.

    Source: the API server's IgnoreManagedFieldsTimestampsTransformer.
    """
    after, before = new["metadata"].get(FIELD), old["metadata"].get(FIELD)
    if after is before or not after or not before or not managers.same_but_times(after, before):
        return
    new["metadata"][FIELD] = before
    if new != old:
        new["metadata"][FIELD] = after


def zero_of(kind: Kind) -> Obj:
    """The object of a kind before anything is set."""
    name = "" if kind.definition is not None else definitions.name_of(kind.group, kind.version, kind.kind)
    start = zero.built_in(name) if name else zero.CUSTOM
    return {"apiVersion": kind.api_version, "kind": kind.kind, **start}


def shape_of(kind: Kind) -> Shape:
    """The shape of a kind's objects."""
    return shape.of(schema.of(kind).root)


class _Needed(Exception):
    """A conversion that has to be done first."""

    def __init__(self, obj: Obj, kind: Kind, key: tuple[bytes, str]) -> None:
        super().__init__(f"a conversion to {kind.api_version}")
        self.obj = obj
        self.kind = kind
        self.key = key


class _KnownVersions:
    """The versions of a kind, with the conversions that were done already."""

    def __init__(self, core: Core, kind: Kind) -> None:
        self._core = core
        self._kind = kind
        self._converted: dict[tuple[bytes, str], Obj] = {}

    def shape(self, api_version: str) -> Shape | None:
        kind = self._find(api_version)
        return shape_of(kind) if kind is not None else None

    def convert(self, obj: Obj, api_version: str) -> Obj:
        if obj.get("apiVersion") == api_version:
            return obj
        kind = self._find(api_version)
        assert kind is not None, "only versions that have a shape are asked for"
        key = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS), api_version
        if key not in self._converted:
            raise _Needed(obj, kind, key)
        return self._converted[key]

    async def provide(self, needed: _Needed) -> None:
        """Do a conversion."""
        copy = orjson.loads(needed.key[0])
        self._converted[needed.key] = (await conversion.objects(needed.kind, [copy]))[0]

    def _find(self, api_version: str) -> Kind | None:
        kind = self._kind
        if api_version == kind.api_version:
            return kind
        other = self._core.kinds.find(api_version, kind.kind)
        if other is None:
            return None
        return other if (other.storage.group, other.plural) == (kind.storage.group, kind.plural) else None


async def run(core: Core, kind: Kind, rules: Callable[[apply.Versions], T]) -> T:
    """What the rules make of the versions of a kind. Raises what they raise, and StatusError from conversions."""
    versions = _KnownVersions(core, kind)
    while True:
        try:
            return rules(versions)
        except _Needed as needed:
            missing = needed
        await versions.provide(missing)
