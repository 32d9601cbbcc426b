"""Texts about values of the wrong type, as Go's decoder words them."""
# ruff: noqa: E501

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api.schema import gotypes

POD, DEPLOYMENT, MAP = "io.k8s.api.core.v1.Pod", "io.k8s.api.apps.v1.Deployment", "io.k8s.api.core.v1.ConfigMap"
IN_POD = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("root", "path", "value", "text"),
    [
        pytest.param(
            DEPLOYMENT, (*IN_POD, "env", 1, "value"), 5,
            "number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string", id="env",
        ),
        pytest.param(
            DEPLOYMENT, ("spec", "replicas"), "3",
            "string into Go struct field DeploymentSpec.spec.replicas of type int32", id="replicas",
        ),
        pytest.param(MAP, ("data", "a"), True, "bool into Go struct field ConfigMap.data of type string", id="map value"),
        pytest.param(
            MAP, ("data",), "a", "string into Go struct field ConfigMap.data of type map[string]string", id="map"
        ),
        pytest.param(
            POD, ("spec", "containers"), {}, "object into Go struct field PodSpec.spec.containers of type []v1.Container",
            id="list",
        ),
        pytest.param(POD, ("spec",), [], "array into Go struct field Pod.spec of type v1.PodSpec", id="struct"),
        pytest.param(
            POD, ("metadata", "labels", "a"), 1, "number into Go struct field ObjectMeta.metadata.labels of type string",
            id="label",
        ),
        pytest.param(
            POD, ("spec", "hostNetwork"), "yes", "string into Go struct field PodSpec.spec.hostNetwork of type bool",
            id="bool",
        ),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type(root: str, path: tuple[str | int, ...], value: Any, text: str) -> None:
    assert gotypes.mismatch(root, path, value) == f"json: cannot unmarshal {text}"
