"""Keeping account of who owns what: after a write (`update`), and applying a configuration (`apply`).

    live, new    ─▶ compare ─▶ others lose what changed or went; the writer owns what it changed
    live, config ─▶ merge ─▶ take out what this manager applied before and no longer does, unless others own it
                 ─▶ compare ─▶ others own what would change? conflicts, or with `force` they lose it

Nothing here writes to its arguments. Source: Kubernetes' documentation, "Server-Side Apply"; rules of the merging and
the bookkeeping from structured-merge-diff and apimachinery's managedfields (behaviour only).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hyperpy.api import errors
from hyperpy.api.apply import checking, comparing, fieldset, managers, merging, owned
from hyperpy.api.apply.comparing import Comparison
from hyperpy.api.apply.conflicts import Conflicts
from hyperpy.api.apply.fieldset import Fields
from hyperpy.api.apply.managers import APPLY, UPDATE, Entry, Managed, Manager
from hyperpy.api.apply.shape import Shape

Obj = dict[str, Any]

#: Who owns what was there before an object without managers is applied for the first time.
BEFORE_FIRST_APPLY = "before-first-apply"

_METADATA = "f:metadata"
#: What no manager ever owns. Source: fieldmanager's stripMeta.
SYSTEM_FIELDS: Fields = fieldset.of_paths(
    ("apiVersion",),
    ("kind",),
    *(
        ("metadata", name)
        for name in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
            "resourceVersion",
        )
    ),
)  # fmt: skip


class Versions(Protocol):
    """The versions of one kind, as entries name them."""

    def shape(self, api_version: str) -> Shape | None:
        """The shape of a version; None when it is no longer served."""
        ...

    def convert(self, obj: Obj, api_version: str) -> Obj:
        """An object in a version that has a shape. The object itself when it is in that version."""
        ...


@dataclass(frozen=True, slots=True)
class Operation:
    """A write, as the account sees it.

    Args:
        manager: the name of the writer.
        api_version: the version in which it writes.
        subresource: what it writes to, "" for the object itself.
        passed_over: fields that this write cannot change: SYSTEM_FIELDS, and what the subresource does not reach.
        now: a `Time`.
    """

    manager: str
    api_version: str
    subresource: str
    passed_over: Fields
    now: str
    versions: Versions

    @property
    def shape(self) -> Shape:
        """The shape of the version that is written."""
        shape = self.versions.shape(self.api_version)
        assert shape is not None, "the version of a request is served"
        return shape


def update(live: Obj, new: Obj, managed: Managed, operation: Operation) -> Managed:
    """The managers after `live` became `new`. Without a change it is `managed` itself.

    Args:
        live: the object before; the kind's zero object when `new` is created.
    """
    compared = _Compared(live, new, operation)
    own = compared.in_version(operation.api_version)
    assert own is not None, "the version of a request is served"
    if not own.taken and not own.removed:
        return managed
    result = _settled(managed.items(), compared)
    if own.taken:
        writer = Manager(operation.manager, UPDATE, operation.api_version, operation.subresource)
        before = result.get(writer)
        fields = fieldset.union(own.taken, before.fields) if before else own.taken
        result[writer] = Entry(operation.api_version, fields, operation.now)
    return managers.capped(result)


def reconciled(managed: Managed, versions: Versions) -> Managed:
    """The managers of an object whose schema may have changed since. Unchanged, they are `managed` itself."""
    result = managed
    for manager, entry in managed.items():
        shape = versions.shape(entry.api_version)
        fields = owned.collapsed(entry.fields, shape) if shape is not None else entry.fields
        if fields is not entry.fields:
            result = dict(result) if result is managed else result
            result[manager] = replace(entry, fields=fields)
    return result


@dataclass(frozen=True, slots=True)
class Applied:
    """`obj` is the object as it is to be (without defaults), equal to the live one when nothing changed."""

    obj: Obj
    managed: Managed


def apply(live: Obj, config: Obj, managed: Managed, operation: Operation, *, zero: Obj, force: bool) -> Applied:
    """Apply a configuration.

    Args:
        live: the object; the zero object when it is created.
        zero: the kind's zero object.
        force: take fields away from other managers.
    Raises:
        Conflicts: others own fields that would change.
        BadRequest: `config` does not fit its schema.
    """
    shape = operation.shape
    check(config, shape)
    if not managed:
        managed = update(zero, live, {}, replace(operation, manager=BEFORE_FIRST_APPLY))
    applier = Manager(operation.manager, APPLY, "", operation.subresource)
    last = managed.get(applier)
    fields = fieldset.without(owned.applied(config, shape), operation.passed_over)
    if not fields.get(_METADATA, True):
        del fields[_METADATA]
    entry = Entry(operation.api_version, fields, last.time if last else "")
    new = merging.merged(live, config, shape)
    if last is not None and (last.api_version != entry.api_version or fieldset.difference(last.fields, fields)):
        new = _pruned(new, {**managed, applier: entry}, last, operation)
    compared = _Compared(live, new, operation)
    others = [item for item in managed.items() if item[0] != applier]
    if not force:
        _check_conflicts(others, compared)
    result = _settled(others, compared)
    if new != live:
        entry = replace(entry, time=operation.now)
        new = _without_nulls(new, live)
    if fields:
        result[applier] = entry
    return Applied(new, result)


def check(config: Obj, shape: Shape) -> None:
    """Make sure that a configuration fits its schema.

    Raises:
        BadRequest: it does not. (Kubernetes answers with this text and 500, kubernetes/kubernetes#139253.)
    """
    found = checking.problems(config, shape)
    if not found:
        return
    metadata = config.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    group, _, version = str(config.get("apiVersion", "")).rpartition("/")
    place = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    kind = f"{group}/{version}, Kind={config.get('kind', '')}"
    raise errors.BadRequest(f"failed to create typed patch object ({place}; {kind}): {checking.listed(found)}")


class _Compared:
    """The difference that a write makes, in each version that somebody owns fields in."""

    def __init__(self, live: Obj, new: Obj, operation: Operation) -> None:
        self._live = live
        self._new = new
        self._operation = operation
        self._known: dict[str, Comparison | None] = {}

    def in_version(self, api_version: str) -> Comparison | None:
        """The difference; None when the version is no longer served."""
        if api_version not in self._known:
            self._known[api_version] = self._compare(api_version)
        return self._known[api_version]

    def _compare(self, api_version: str) -> Comparison | None:
        versions = self._operation.versions
        shape = versions.shape(api_version)
        if shape is None:
            return None
        live, new = self._live, self._new
        if api_version != self._operation.api_version:
            live, new = versions.convert(live, api_version), versions.convert(new, api_version)
        return comparing.compare(live, new, shape, passed_over=self._operation.passed_over)


def _check_conflicts(others: Iterable[tuple[Manager, Entry]], compared: _Compared) -> None:
    found: dict[Manager, Fields] = {}
    for manager, entry in others:
        comparison = compared.in_version(entry.api_version)
        common = fieldset.intersection(entry.fields, comparison.taken) if comparison else None
        if common:
            found[manager] = common
    if found:
        raise Conflicts(found)


def _settled(others: Iterable[tuple[Manager, Entry]], compared: _Compared) -> Managed:
    """The managers without what was taken from them or is gone; those with nothing left are dropped."""
    result: Managed = {}
    for manager, entry in others:
        comparison = compared.in_version(entry.api_version)
        if comparison is None:
            continue
        fields = entry.fields
        if comparison.taken:
            fields = fieldset.difference(fields, comparison.taken)
        if comparison.removed:
            fields = fieldset.difference(fields, comparison.removed)
        if fields:
            result[manager] = replace(entry, fields=fields)
    return result


def _pruned(merged: Obj, managed: Managed, last: Entry, operation: Operation) -> Obj:
    """`merged` without what the manager applied last time and does not now, unless somebody owns it.

    Args:
        managed: everybody, the manager with what it applies now.
        last: what it applied last time.
    """
    versions, version = operation.versions, last.api_version
    shape = versions.shape(version)
    if shape is None:
        return merged
    base = versions.convert(merged, version)
    before = _but_metadata(owned.with_named(last.fields, shape))
    left = merging.removed(base, before, shape) or {}
    by_version: dict[str, Fields] = {version: {}}
    for entry in managed.values():
        by_version[entry.api_version] = fieldset.union(by_version.get(entry.api_version, {}), entry.fields)
    for api_version, fields in by_version.items():
        left = _with_owned(base, left, fields, api_version, versions)
    left = versions.convert(left, version)
    gone = fieldset.difference(_named(base, shape), _named(left, shape))
    result = merging.removed(base, fieldset.intersection(gone, before), shape) or {}
    return versions.convert(result, operation.api_version)


def _with_owned(base: Obj, left: Obj, fields: Fields, api_version: str, versions: Versions) -> Obj:
    """What is left of `base`, with what owners of these fields keep."""
    shape = versions.shape(api_version)
    if shape is None:
        return left
    base, left = versions.convert(base, api_version), versions.convert(left, api_version)
    kept = fieldset.union(_named(left, shape), owned.with_named(fields, shape))
    return merging.removed(base, fieldset.difference(_named(base, shape), kept), shape) or {}


def _named(obj: Obj, shape: Shape) -> Fields:
    return owned.with_named(owned.applied(obj, shape), shape)


def _but_metadata(fields: Fields) -> Fields:
    """The set without `metadata` itself, so that objects keep their names while they are converted."""
    return fieldset.difference(fields, {_METADATA: fieldset.OWNED})


def _without_nulls(new: Any, live: Any) -> Any:
    """`new` without the nulls that stand where the live object has something: what lost all its parts."""
    if not isinstance(new, dict) or new is live:
        return new
    live = live if isinstance(live, dict) else {}
    return {
        name: _without_nulls(value, live.get(name))
        for name, value in new.items()
        if value is not None or live.get(name) is None
    }
