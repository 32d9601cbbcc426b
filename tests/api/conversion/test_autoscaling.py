"""HorizontalPodAutoscaler: nothing is lost between v1 and v2."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import conversion, kinds

V1, V2 = kinds.HORIZONTAL_POD_AUTOSCALER_V1, kinds.HORIZONTAL_POD_AUTOSCALER


def _cpu(utilization: int) -> dict[str, Any]:
    return {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": utilization}},
    }


MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}
PODS = {"type": "Pods", "pods": {"metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "5"}}}


def _hpa(metrics: list[dict[str, Any]], **spec: Any) -> dict[str, Any]:
    head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    return {**head, "spec": {"maxReplicas": 3, **spec, "metrics": metrics}, "status": {"desiredReplicas": 0}}


def test_the_cpu_target_is_a_field_of_v1() -> None:
    shown = conversion.convert(_hpa([_cpu(80)]), V1)
    assert shown["apiVersion"] == "autoscaling/v1"
    assert shown["spec"] == {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80}
    assert "annotations" not in shown["metadata"]


@given(st.lists(st.sampled_from([MEMORY, PODS]), max_size=3), st.integers(1, 500))
def test_there_and_back_keeps_every_metric(others: list[dict[str, Any]], utilization: int) -> None:
    original = _hpa([_cpu(utilization), *others], behavior={"scaleDown": {"stabilizationWindowSeconds": 5}})
    assert conversion.convert(conversion.convert(original, V1), V2) == original


@pytest.mark.parametrize("text", ["{", "null", ""], ids=["broken", "null", "empty"])
def test_an_annotation_that_does_not_parse_is_dropped(text: str) -> None:
    v1 = conversion.convert(_hpa([_cpu(80)]), V1)
    v1["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": text, "mine": "x"}
    assert conversion.convert(v1, V2)["metadata"]["annotations"] == {"mine": "x"}
