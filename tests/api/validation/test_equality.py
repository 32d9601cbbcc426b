"""What counts as a change."""

from typing import Any

import pytest

from hyperpy.api.validation import equality


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ({"a": 1, "b": None}, {"a": 1}),
        ({"a": []}, {}),
        ({"a": {"b": {}}}, {"a": {}}),
        ({"hostNetwork": False}, {}),
        ([{"a": ""}], [{}]),
        (None, {}),
    ],
)
def test_absent_null_and_empty_are_the_same(new: Any, old: Any) -> None:
    assert equality.same(new, old)
    assert list(equality.changed(new, old)) == []


@pytest.mark.parametrize(
    ("new", "old"),
    [({"runAsUser": 0}, {}), ({"automountServiceAccountToken": False}, {}), ([1, 2], [2, 1]), ({"a": 0}, {"a": 1})],
)
def test_zero_and_false_are_values_where_null_is_another(new: Any, old: Any) -> None:
    assert not equality.same(new, old)


def test_changes_are_named_by_path() -> None:
    old = {"a": [{"b": 1, "c": 2}], "d": {"e": 1}, "f": [1]}
    new = {"a": [{"b": 1, "c": 3}], "d": {"e": 1, "g": 1}, "f": [1, 2]}
    assert list(equality.changed(new, old, "spec")) == ["spec.a[0].c", "spec.d.g", "spec.f"]
