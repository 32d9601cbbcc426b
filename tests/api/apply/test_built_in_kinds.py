"""The rules of server-side apply on objects made up from the schemas of built-in kinds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hyperpy.api import apply, kinds, schema
from hyperpy.api.apply import checking, comparing, fieldset, managers, shape, zero
from hyperpy.api.schema import definitions

KINDS = (kinds.POD, kinds.SERVICE, kinds.DEPLOYMENT, kinds.NODE, kinds.INGRESS, kinds.EVENT, kinds.CONFIG_MAP)


class OneVersion:
    def __init__(self, kind):
        self._kind = kind

    def shape(self, api_version):
        return shape.of(schema.of(self._kind).root)

    def convert(self, obj, api_version):
        return obj


def operation(kind, manager):
    now = "2024-01-01T00:00:00Z"
    return apply.Operation(manager, kind.api_version, "", apply.SYSTEM_FIELDS, now, OneVersion(kind))


def readable(kind, obj):
    """The object as the server reads it; those that cannot be read or applied are not looked at."""
    obj["metadata"] = obj.get("metadata") or {}
    decoded = schema.of(kind).decode(obj)
    assume(not decoded.causes)
    obj["metadata"].pop("managedFields", None)
    assume(not checking.problems(obj, shape.of(schema.of(kind).root)))
    return obj


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_two_appliers_and_an_updater_keep_the_account(objects_of, kind, data):
    first, second, third = (readable(kind, data.draw(objects_of(kind))) for _ in range(3))
    base = zero.built_in(definitions.name_of(kind.group, kind.version, kind.kind))
    start = {"apiVersion": kind.api_version, "kind": kind.kind, **base}
    one = apply.apply(start, first, {}, operation(kind, "one"), zero=start, force=True)
    two = apply.apply(one.obj, second, one.managed, operation(kind, "two"), zero=start, force=True)
    again = apply.apply(two.obj, second, two.managed, operation(kind, "two"), zero=start, force=False)
    assert again.obj == two.obj
    after = apply.update(again.obj, third, again.managed, operation(kind, "three"))
    entries = managers.encode(after)
    assert managers.decode(entries, trusted=False) == after, "every set is written in its one form"
    taken = comparing.compare(again.obj, third, shape.of(schema.of(kind).root), passed_over=apply.SYSTEM_FIELDS).taken
    for manager, entry in after.items():
        if manager.name != "three":
            assert not fieldset.intersection(entry.fields, taken), "nobody else owns what the update changed"
