"""Whatever decodes can be warned about and shown: neither trips over what is missing, nor changes the object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hyperpy.api import defaults, kinds, printers, schema, validation, warnings

Obj = dict[str, Any]
Objects = Callable[[kinds.Kind], st.SearchStrategy[Obj]]
STORED = [kind for kind in kinds.BUILT_IN if "update" in kind.verbs]


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.kind)
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_decoded_object_is_told_about_and_shown(kind: kinds.Kind, objects_of: Objects, data: Any) -> None:
    obj = data.draw(objects_of(kind))
    assume(not schema.of(kind).decode(obj).causes)
    obj.setdefault("metadata", {})
    defaults.apply(kind, obj)
    before = copy.deepcopy(obj)
    assert all(isinstance(text, str) for text in warnings.on_create(kind, obj))
    newer = {**obj, "metadata": {**obj["metadata"], "generation": -1}}
    assert all(isinstance(text, str) for text in warnings.on_update(kind, newer, obj))
    if not validation.on_create(kind, {**obj, "metadata": {"name": "x", "namespace": "y"}}):
        table = printers.table(kind, [obj], now=0.0)
        assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])
    assert obj == before
