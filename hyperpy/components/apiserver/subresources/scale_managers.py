"""Who owns the replicas of a Scale: the managers of the object that is scaled, as far as they own its replicas.

Entries of the object name its version and the path of its replicas (`spec.replicas`, unless a definition says another);
those of its Scale name autoscaling/v1 and `spec.replicas`.
Source: apimachinery's managedfields, ScaleHandler (behaviour only).
"""

from __future__ import annotations

from dataclasses import replace

from hyperpy.api import apply, schema
from hyperpy.api.apply import fieldset, shape
from hyperpy.api.apply.fieldset import Fields
from hyperpy.api.apply.managers import UPDATE, Entry, Managed, Manager
from hyperpy.api.apply.shape import Shape
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.registry.form import Obj

SCALE = Kind("autoscaling", "v1", "Scale", "scales")
SUBRESOURCE = "scale"

_REPLICAS = fieldset.of_paths(("spec", "replicas"))
_PASSED_OVER = fieldset.union(apply.SYSTEM_FIELDS, fieldset.of_paths(("status",)))


class _OneVersion:
    """Scale has one version."""

    def shape(self, api_version: str) -> Shape | None:
        return shape.of(schema.of(SCALE).root) if api_version == SCALE.api_version else None

    def convert(self, obj: Obj, api_version: str) -> Obj:
        return obj


def operation(manager: str, *, now: str) -> apply.Operation:
    """An apply to a Scale. `now` is a `Time`."""
    return apply.Operation(manager, SCALE.api_version, SUBRESOURCE, _PASSED_OVER, now, _OneVersion())


def of_scale(kind: Kind, parent: Managed) -> Managed:
    """The managers of the Scale of an object of this kind."""
    replicas = _replicas(kind)
    return {
        _in_version(manager, SCALE.api_version): Entry(SCALE.api_version, _REPLICAS, entry.time)
        for manager, entry in parent.items()
        if fieldset.intersection(entry.fields, replicas)
    }


def of_parent(kind: Kind, parent: Managed, scale: Managed) -> Managed:
    """The managers of an object of this kind, once those of its Scale are these.

    Args:
        parent: its managers before.
    """
    replicas = _replicas(kind)
    result: Managed = {}
    added = dict(scale)
    for manager, entry in parent.items():
        if not fieldset.intersection(entry.fields, replicas):
            result[manager] = entry
            continue
        kept = added.pop(_in_version(manager, SCALE.api_version), None)
        fields = entry.fields if kept else fieldset.difference(entry.fields, replicas)
        if fields:
            result[manager] = replace(entry, fields=fields)
    for manager, entry in added.items():
        if entry.fields:
            result[_in_version(manager, kind.api_version)] = Entry(kind.api_version, replicas, entry.time)
    return result


def _replicas(kind: Kind) -> Fields:
    """Where an object of this kind says how many it wants."""
    if kind.definition is None:
        return _REPLICAS
    return fieldset.of_paths(tuple(kind.definition.scale.replicas.removeprefix(".").split(".")))


def _in_version(manager: Manager, api_version: str) -> Manager:
    return replace(manager, api_version=api_version) if manager.operation == UPDATE else manager
