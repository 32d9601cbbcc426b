"""managedFields: read, written, capped, and the names of writers."""

from __future__ import annotations

import pytest
from api.apply.shapes import names

from hyperpy.api.apply import managers
from hyperpy.api.apply.managers import APPLY, UPDATE, Entry, Manager

TIME = "2024-01-01T00:00:00Z"


def entry(**changes):
    whole = {
        "manager": "me",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": TIME,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        "subresource": "scale",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def test_entries_survive_reading_and_writing():
    entries = [entry(operation="Apply", subresource=None), entry()]
    assert managers.encode(managers.decode(entries, trusted=False)) == entries
    assert managers.encode(managers.decode(entries, trusted=True)) == entries


def test_appliers_come_first_then_the_oldest():
    managed = {
        Manager("b", UPDATE, "v1"): Entry("v1", names("a"), "2024-01-02T00:00:00Z"),
        Manager("a", UPDATE, "v1"): Entry("v1", names("a"), "2024-01-02T00:00:00Z"),
        Manager("c", UPDATE, "v1"): Entry("v1", names("a"), TIME),
        Manager("z", APPLY, ""): Entry("v1", names("a"), "2024-01-03T00:00:00Z"),
    }
    assert [one["manager"] for one in managers.encode(managed)] == ["z", "c", "a", "b"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"operation": "Delete"}, id="an unknown operation"),
        pytest.param({"apiVersion": None}, id="no version"),
        pytest.param({"fieldsType": None}, id="no type"),
        pytest.param({"fieldsType": "FieldsV2"}, id="an unknown type"),
        pytest.param({"fieldsV1": {"spec": {}}}, id="no field set"),
    ],
)
def test_what_is_no_entry_is_refused(changes):
    with pytest.raises(ValueError):
        managers.decode([entry(**changes)], trusted=False)


def test_only_an_empty_list_or_entry_resets():
    assert managers.resets([]) and managers.resets([{}])
    assert not managers.resets(None) and not managers.resets([entry()]) and not managers.resets([{}, {}])


def test_more_than_ten_updaters_lose_their_oldest_to_ancient_changes():
    managed = {
        Manager(f"m{index:02}", UPDATE, "v1"): Entry("v1", names(f"spec.f{index}"), f"2024-01-{index + 1:02}T00:00:00Z")
        for index in range(12)
    }
    managed[Manager("z", APPLY, "")] = Entry("v1", names("spec.z"))
    capped = managers.capped(managed)
    assert len(capped) == 11
    ancient = capped[Manager("ancient-changes", UPDATE, "v1")]
    assert ancient.fields == names("spec.f0", "spec.f1", "spec.f2")
    assert ancient.time == "2024-01-03T00:00:00Z"
    assert Manager("m03", UPDATE, "v1") in capped and Manager("m02", UPDATE, "v1") not in capped


def test_ten_updaters_stay_as_they_are():
    managed = {Manager(f"m{index}", UPDATE, "v1"): Entry("v1", names("a")) for index in range(10)}
    assert managers.capped(managed) is managed


def test_versions_are_not_put_together():
    managed = {
        Manager(f"m{index:02}", UPDATE, f"v{index % 2}"): Entry(f"v{index % 2}", names(f"f{index}"), TIME)
        for index in range(12)
    }
    capped = managers.capped(managed)
    assert len(capped) == 10
    assert capped[Manager("ancient-changes", UPDATE, "v0")].fields == names("f0", "f2")
    assert capped[Manager("ancient-changes", UPDATE, "v1")].fields == names("f1", "f3")


@pytest.mark.parametrize(
    ("field_manager", "user_agent", "name"),
    [
        ("me", "kubectl/v1", "me"),
        ("", "kubectl/v1.34.0 (linux/amd64) kubernetes/abc", "kubectl"),
        ("", "a\nb\u200b/1", "ab"),
        ("", "x" * 200, "x" * 128),
        ("", "", "unknown"),
    ],
    ids=["named", "user agent", "unprintable", "long", "nothing"],
)
def test_the_name_of_a_writer(field_manager, user_agent, name):
    assert managers.name_of(field_manager, user_agent) == name


def test_times_are_all_that_differs():
    assert managers.same_but_times([entry()], [entry(time="2025-01-01T00:00:00Z")])
    assert not managers.same_but_times([entry()], [entry(manager="you")])
    assert not managers.same_but_times([entry()], [])
