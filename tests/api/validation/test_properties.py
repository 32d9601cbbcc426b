"""Every rule takes any object that decodes: no rule trips over what is missing, and none changes the object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hyperpy.api import defaults, kinds, schema, validation

Obj = dict[str, Any]
Objects = Callable[[kinds.Kind], st.SearchStrategy[Obj]]
STORED = [kind for kind in kinds.BUILT_IN if "update" in kind.verbs]

relaxed = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def ready(kind: kinds.Kind, obj: Obj) -> Obj:
    """As the API server has it when it asks for rules."""
    assume(not schema.of(kind).decode(obj).causes)
    obj.setdefault("metadata", {})
    defaults.apply(kind, obj)
    return obj


@pytest.mark.parametrize("kind", kinds.BUILT_IN, ids=lambda kind: kind.kind)
@relaxed
@given(data=st.data())
def test_any_decoded_object_is_judged_and_left_as_it_is(kind: kinds.Kind, objects_of: Objects, data: Any) -> None:
    obj = ready(kind, data.draw(objects_of(kind)))
    before = copy.deepcopy(obj)
    causes = validation.on_create(kind, obj)
    assert obj == before
    if causes:
        status = validation.invalid(kind, "x", causes).status()
        assert status["code"] == 422
        assert len(status["details"]["causes"]) == len(causes)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.kind)
@relaxed
@given(data=st.data())
def test_any_change_is_judged_and_none_breaks_no_rule_about_change(
    kind: kinds.Kind, objects_of: Objects, data: Any
) -> None:
    old, new = (ready(kind, data.draw(objects_of(kind))) for _ in range(2))
    validation.on_update(kind, new, old)
    validation.on_status_update(kind, new, old)
    known = {*validation.on_create(kind, old)}
    assert {*validation.on_update(kind, copy.deepcopy(old), old)} <= known
