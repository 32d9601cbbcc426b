"""Who owns the replicas of a Scale: the managers of the object that is scaled, as far as they own its replicas.

Entries of the object name its version and `spec.replicas`; those of its Scale name autoscaling/v1 and the same path.
Source: apimachinery's managedfields, ScaleHandler (behaviour only).
"""

from __future__ import annotations

from dataclasses import replace

from hyperpy.api import apply, schema
from hyperpy.api.apply import fieldset, shape
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


def of_scale(parent: Managed) -> Managed:
    """The managers of a Scale."""
    return {
        _in_version(manager, SCALE.api_version): Entry(SCALE.api_version, _REPLICAS, entry.time)
        for manager, entry in parent.items()
        if fieldset.intersection(entry.fields, _REPLICAS)
    }


def of_parent(parent: Managed, scale: Managed, api_version: str) -> Managed:
    """The managers of the scaled object, once those of its Scale are these.

    Args:
        parent: its managers before.
        api_version: its version, in which new entries speak.
    """
    result: Managed = {}
    added = dict(scale)
    for manager, entry in parent.items():
        if not fieldset.intersection(entry.fields, _REPLICAS):
            result[manager] = entry
            continue
        kept = added.pop(_in_version(manager, SCALE.api_version), None)
        fields = entry.fields if kept else fieldset.difference(entry.fields, _REPLICAS)
        if fields:
            result[manager] = replace(entry, fields=fields)
    for manager, entry in added.items():
        if entry.fields:
            result[_in_version(manager, api_version)] = Entry(api_version, _REPLICAS, entry.time)
    return result


def _in_version(manager: Manager, api_version: str) -> Manager:
    return replace(manager, api_version=api_version) if manager.operation == UPDATE else manager
