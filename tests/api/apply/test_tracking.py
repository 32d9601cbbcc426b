"""Keeping account: what updates and applies make of an object and of its managers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from api.apply.shapes import OneVersion, names, objects, shape
from hypothesis import given

from hyperpy.api import apply, errors
from hyperpy.api.apply import comparing, fieldset, managers, owned, tracking
from hyperpy.api.apply.managers import APPLY, UPDATE, Entry, Manager
from hyperpy.api.apply.shape import Shape
from hyperpy.api.schema import Node

SHAPE = shape()
ZERO = {"apiVersion": "v1", "kind": "Thing", "metadata": {}}
NOW, LATER = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"


def operation(manager="me", now=NOW, versions=None, subresource=""):
    return apply.Operation(manager, "v1", subresource, apply.SYSTEM_FIELDS, now, versions or OneVersion())


def thing(**spec):
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec}


def applied(live, config, managed, manager="me", now=NOW, force=False):
    return apply.apply(live, config, managed, operation(manager, now), zero=ZERO, force=force)


def fields_of(managed, name, kind=APPLY):
    (entry,) = (entry for manager, entry in managed.items() if (manager.name, manager.operation) == (name, kind))
    return entry.fields


def test_an_update_takes_what_it_changes_and_others_lose_it():
    created = apply.update(ZERO, thing(count=1, text="a"), {}, operation("one"))
    assert fields_of(created, "one", UPDATE) == {"f:spec": {".": {}, "f:count": {}, "f:text": {}}}
    changed = apply.update(thing(count=1, text="a"), thing(count=2, text="a"), created, operation("two", LATER))
    assert fields_of(changed, "one", UPDATE) == {"f:spec": {".": {}, "f:text": {}}}
    assert fields_of(changed, "two", UPDATE) == names("spec.count")
    assert [entry.time for entry in changed.values()] == [NOW, LATER]


def test_an_update_that_removes_a_field_owns_nothing_and_dates_nothing():
    created = apply.update(ZERO, thing(count=1), {}, operation("one"))
    after = apply.update(thing(count=1), thing(), created, operation("two", LATER))
    assert [(manager.name, entry.time) for manager, entry in after.items()] == [("one", NOW)]
    assert fields_of(after, "one", UPDATE) == names("spec")


def test_a_manager_with_nothing_left_is_gone():
    managed = {Manager("one", UPDATE, "v1"): Entry("v1", names("spec.count"))}
    after = apply.update(thing(count=1), thing(count=2), managed, operation("two"))
    assert [manager.name for manager in after] == ["two"]


def test_names_and_versions_have_no_owner():
    created = apply.update(ZERO, thing(), {}, operation("one"))
    assert "f:metadata" not in fields_of(created, "one", UPDATE)


def test_an_apply_owns_what_it_says_and_takes_out_what_it_no_longer_says():
    first = applied(thing(on=True), thing(count=1, text="a"), {})
    assert first.obj == thing(on=True, count=1, text="a")
    assert fields_of(first.managed, "me") == names("spec.count", "spec.text")
    second = applied(first.obj, thing(count=1), first.managed)
    assert second.obj == thing(on=True, count=1)
    assert fields_of(second.managed, "me") == names("spec.count")


def test_what_others_own_stays_when_an_applier_gives_it_up():
    first = applied(thing(on=True), thing(count=1), {})
    other = applied(first.obj, thing(count=1), first.managed, "you")
    assert fields_of(other.managed, "you") == names("spec.count")
    last = applied(other.obj, thing(text="a"), other.managed)
    assert last.obj["spec"] == {"on": True, "count": 1, "text": "a"}
    gone = applied(last.obj, thing(text="a"), last.managed, "you")
    assert gone.obj["spec"] == {"on": True, "text": "a"}


def test_a_struct_goes_with_the_last_field_that_was_applied_in_it():
    first = applied(thing(on=True), thing(any={"a": {"b": 1}}), {})
    assert applied(first.obj, thing(), first.managed).obj == thing(on=True)


def test_parts_that_an_update_added_to_an_applied_item_go_with_it():
    first = applied(thing(on=True), thing(items=[{"name": "a"}, {"name": "b"}]), {})
    live = thing(on=True, items=[{"name": "a", "value": "1"}, {"name": "b"}])
    updated = apply.update(first.obj, live, first.managed, operation("you"))
    gone = applied(live, thing(items=[{"name": "b"}]), updated)
    assert gone.obj["spec"]["items"] == [{"name": "b"}]
    assert [manager.name for manager in gone.managed if manager.name == "you"] == []


def test_an_item_that_others_apply_too_stays_without_what_was_given_up():
    first = applied(thing(on=True), thing(items=[{"name": "a", "value": "1"}]), {})
    both = applied(first.obj, thing(items=[{"name": "a", "inner": {"a": "2"}}]), first.managed, "you")
    gone = applied(both.obj, thing(), both.managed)
    assert gone.obj["spec"]["items"] == [{"name": "a", "inner": {"a": "2"}}]


def test_a_conflict_names_manager_and_field():
    live = thing(count=1, text="a")
    managed = apply.update(ZERO, live, {}, operation("one"))
    with pytest.raises(apply.Conflicts) as caught:
        applied(live, thing(count=2), managed)
    error = caught.value.error()
    assert error.message == 'Apply failed with 1 conflict: conflict with "one" using v1: .spec.count'
    assert (error.code, error.reason) == (409, "Conflict")
    assert error.details["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one" using v1', "field": ".spec.count"}
    ]


def test_several_conflicts_are_listed_by_manager():
    live = thing(count=1, text="a", on=True)
    managed = {
        Manager("one", UPDATE, "v1", "status"): Entry("v1", names("spec.count")),
        Manager("two", APPLY, ""): Entry("v1", names("spec.text", "spec.on")),
    }
    with pytest.raises(apply.Conflicts) as caught:
        applied(live, thing(count=2, text="b", on=False), managed)
    assert caught.value.error().message == (
        'Apply failed with 3 conflicts: conflicts with "one" with subresource "status" using v1:\n- .spec.count\n'
        'conflicts with "two":\n- .spec.on\n- .spec.text'
    )


def test_force_takes_what_others_own():
    live = thing(count=1, text="a")
    managed = apply.update(ZERO, live, {}, operation("one"))
    forced = applied(live, thing(count=2), managed, force=True)
    assert forced.obj["spec"]["count"] == 2
    assert fields_of(forced.managed, "one", UPDATE) == {"f:spec": {".": {}, "f:text": {}}}


def test_the_same_value_is_shared_without_a_conflict():
    live = thing(count=1)
    managed = apply.update(ZERO, live, {}, operation("one"))
    shared = applied(live, thing(count=1), managed)
    assert fields_of(shared.managed, "me") == names("spec.count")
    assert fields_of(shared.managed, "one", UPDATE) == {"f:spec": {".": {}, "f:count": {}}}
    assert shared.obj == live


def test_what_was_there_without_managers_belongs_to_before_first_apply():
    live = thing(count=1)
    with pytest.raises(apply.Conflicts) as caught:
        applied(live, thing(count=2), {})
    assert caught.value.error().message.endswith('conflict with "before-first-apply" using v1: .spec.count')


def test_a_configuration_that_does_not_fit_is_refused_with_its_place():
    config = thing(counts=2)
    config["metadata"]["namespace"] = "default"
    with pytest.raises(errors.BadRequest) as caught:
        applied(thing(), {**config, "metadata": {"name": "x"}}, {})
    assert caught.value.message == (
        "failed to create typed patch object (/x; /v1, Kind=Thing): .spec.counts: field not declared in schema"
    )


@given(objects(), objects())
def test_applying_twice_changes_nothing(live, config):
    first = applied(live, config, {}, force=True)
    again = applied(first.obj, config, first.managed, now=LATER)
    assert again.obj == first.obj
    assert managers.encode(again.managed) == managers.encode(first.managed)


@given(objects(), objects())
def test_the_result_holds_what_was_applied(live, config):
    result = applied(live, config, {}, force=True).obj
    # Applying it to itself must have nothing to say: every applied field has its value.
    merged = tracking.merging.merged(result, config, SHAPE)
    assert not comparing.compare(result, merged, SHAPE).taken


@given(objects(), objects())
def test_applying_nothing_gives_back_what_was_there_before(live, config):
    """Fields that were there keep their applied value; those that were not are gone again."""
    bare = {name: config[name] for name in ("apiVersion", "kind", "metadata")}
    bare = {**bare, "metadata": {"name": "x"}}
    first = applied(live, config, {}, force=True)
    back = applied(first.obj, bare, first.managed)
    before, after = owned.applied(live, SHAPE), owned.applied(back.obj, SHAPE)
    added = fieldset.difference(owned.applied(config, SHAPE), before)
    leaves = [path for path in fieldset.paths(added) if path not in set(fieldset.paths(before))]
    assert not set(leaves) & set(fieldset.paths(after)) - _kept(first, leaves)
    assert all(manager.operation == UPDATE for manager in back.managed)


def _kept(first, leaves):
    """Fields that somebody else owns too, or that lead to such ones."""
    others = [entry.fields for manager, entry in first.managed.items() if manager.operation == UPDATE]
    owned_by_others = {
        path[: size + 1] for fields in others for path in fieldset.paths(fields) for size in range(len(path))
    }
    return {path for path in leaves if path in owned_by_others}


@given(objects(), objects(), objects())
def test_nothing_that_is_owned_is_missing(live, first, second):
    """After any sequence, what an applier owns is in the object."""
    one = applied(live, first, {}, "one", force=True)
    two = applied(one.obj, second, one.managed, "two", force=True)
    there = set(fieldset.paths(owned.applied(two.obj, SHAPE)))
    for manager, entry in two.managed.items():
        if manager.operation == APPLY:
            missing = {path for path in fieldset.paths(entry.fields) if path not in there}
            assert all(_is_empty_at(two.obj, path) for path in missing), (manager, missing)


def _is_empty_at(obj, path):
    """A field that is owned as an empty map (or list) may have got parts from others since."""
    place, here = obj, SHAPE
    for step in path:
        if isinstance(place, list):
            place = next((item for item in place if here.step(item) == step), None)
        else:
            place = place.get(step[2:]) if isinstance(place, dict) else None
        here = owned.below_of(here, step)
    return isinstance(place, dict | list)


class TwoVersions:
    """v1 has `spec.count`, v2 calls it `spec.number`; v3 is no longer served."""

    def __init__(self):
        number = {"type": "object", "properties": {"number": {"type": "integer"}, "text": {"type": "string"}}}
        properties = {**SHAPE.node._schema["properties"], "spec": number}
        self.second = Shape(Node({"type": "object", "properties": properties}))

    def shape(self, api_version):
        return {"v1": SHAPE, "v2": self.second}.get(api_version)

    def convert(self, obj, api_version):
        pair = ("count", "number") if api_version == "v2" else ("number", "count")
        spec = {pair[1] if name == pair[0] else name: value for name, value in (obj.get("spec") or {}).items()}
        return obj if obj["apiVersion"] == api_version else {**obj, "apiVersion": api_version, "spec": spec}


def test_entries_of_another_version_are_compared_in_that_version():
    managed = {
        Manager("two", UPDATE, "v2"): Entry("v2", names("spec.number", "spec.text")),
        Manager("old", UPDATE, "v3"): Entry("v3", names("spec.x")),
    }
    write = operation(versions=TwoVersions())
    after = apply.update(thing(count=1, text="a"), thing(count=2, text="a"), managed, write)
    assert fields_of(after, "two", UPDATE) == names("spec.text")
    assert [manager.name for manager in after] == ["two", "me"], "nobody owns fields of a version that is gone"


def test_what_was_applied_in_another_version_is_taken_out():
    managed = {Manager("me", APPLY, ""): Entry("v2", names("spec.number", "spec.text"))}
    write = operation(versions=TwoVersions())
    result = apply.apply(thing(count=1, text="a", on=True), thing(text="a"), managed, write, zero=ZERO, force=False)
    assert result.obj == thing(text="a", on=True)
    assert [entry.api_version for entry in result.managed.values()] == ["v1"]


def test_a_subresource_has_its_own_entry():
    write = replace(operation("one", subresource="status"), passed_over=names("spec"))
    old, new = thing(count=1), {**thing(count=2), "status": {"phase": "Up"}}
    after = apply.update(old, new, {Manager("one", UPDATE, "v1"): Entry("v1", names("spec.count"))}, write)
    assert {manager.subresource: entry.fields for manager, entry in after.items()} == {
        "": names("spec.count"),
        "status": {"f:status": {".": {}, "f:phase": {}}},
    }


def test_managers_follow_a_changed_schema():
    managed = {Manager("one", UPDATE, "v1"): Entry("v1", {"f:spec": {"f:words": {'v:"a"': {}}}})}
    assert [entry.fields for entry in apply.reconciled(managed, OneVersion()).values()] == [names("spec.words")]
    kept = {Manager("one", UPDATE, "v1"): Entry("v1", names("spec.words"))}
    assert apply.reconciled(kept, OneVersion()) is kept
