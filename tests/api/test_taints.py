"""Taints and tolerations."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import taints

TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        pytest.param({"key": "k", "value": "v"}, True, id="equal-by-default"),
        pytest.param({"key": "k", "operator": "Equal", "value": "other"}, False, id="another-value"),
        pytest.param({"key": "k", "operator": "Exists"}, True, id="any-value"),
        pytest.param({"operator": "Exists"}, True, id="any-key"),
        pytest.param({"value": "v"}, False, id="no-key-needs-exists"),
        pytest.param({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False, id="another-effect"),
        pytest.param({"key": "other", "operator": "Exists"}, False, id="another-key"),
    ],
)
def test_which_toleration_fits(toleration: dict[str, Any], expected: bool) -> None:
    assert taints.tolerates(toleration, TAINT) is expected


def test_the_first_untolerated_taint_of_an_effect_is_found() -> None:
    soft = {"key": "soft", "effect": "PreferNoSchedule"}
    assert taints.untolerated([soft, TAINT], [], effects=("NoSchedule",)) == TAINT
    assert taints.untolerated([soft, TAINT], [{"key": "k", "operator": "Exists"}], effects=("NoSchedule",)) is None


def test_a_node_without_a_spec_has_no_taints() -> None:
    assert taints.of_node({"metadata": {"name": "n"}}) == []
