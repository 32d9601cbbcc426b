"""Policies are told about misspelt fields in their status."""

from __future__ import annotations

import pytest

from hyperpy.api import kinds
from hyperpy.components.controllers.policy.validatingadmissionpolicy import plan

from ..faults import FAULTS, survive

REGISTRY = kinds.built_in()
RULE = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["CREATE"]}


def policy(*validations, rules=(RULE,), **spec):
    return {
        "metadata": {"name": "p.example.com", "generation": 1},
        "spec": {
            "matchConstraints": {"resourceRules": list(rules)},
            "validations": [{"expression": each} for each in validations],
            **spec,
        },
    }


def warnings(given):
    return plan(given, REGISTRY)["status"]["typeChecking"].get("expressionWarnings", [])


def test_misspelt_field_is_told_with_its_place():
    assert warnings(policy("object.spec.replicas > 1", "object.replicas > 1")) == [
        {
            "fieldRef": "spec.validations[1].expression",
            "warning": "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n"
            " | object.replicas > 1\n | ......^\n",
        }
    ]


def test_every_kind_is_checked_on_its_own():
    rules = ({**RULE, "resources": ["deployments", "daemonsets", "*/scale"]}, {**RULE, "apiGroups": ["*"]})
    [warning] = warnings(policy("object.spec.replicas > 1", rules=rules))
    assert warning["warning"].startswith("apps/v1, Kind=DaemonSet: ERROR: <input>:1:12: undefined field 'replicas'")
    assert "Deployment" not in warning["warning"]


@pytest.mark.parametrize(
    ("changes", "expression", "problem"),
    [
        ({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}, "params.dat == null", "undefined field 'dat'"),
        ({"paramKind": {"apiVersion": "e.com/v1", "kind": "Own"}}, "params.anything == 1", ""),
        ({"variables": [{"name": "n", "expression": "object.spec.replicas"}]}, "variables.n == 'x'", "_==_"),
        ({"variables": [{"name": "n", "expression": "object.spec.replicas"}]}, "variables.n == 3", ""),
        ({}, "oldObject.spec.paused == true && has(object.metadata.labels)", ""),
    ],
    ids=["parameters", "unknown parameters", "variables", "good variables", "the old object"],
)
def test_types_of_everything_are_known(changes, expression, problem):
    found = warnings(policy(expression, **changes))
    assert (problem in found[0]["warning"]) if problem else found == []


def test_checked_version_is_left_alone():
    checked = plan(policy("true"), REGISTRY)
    assert checked["status"] == {"observedGeneration": 1, "typeChecking": {}}
    assert plan(checked, REGISTRY) is None
    assert plan(None, REGISTRY) is None


async def test_status_is_written(world):
    await world.start("validatingadmissionpolicy-status-controller")
    given = policy("object.foo == 1")
    await world.client.create(kinds.VALIDATING_ADMISSION_POLICY, {"metadata": {"name": "p"}, "spec": given["spec"]})

    async def status():
        found = await world.client.get(kinds.VALIDATING_ADMISSION_POLICY, "p")
        return found.get("status") or {}

    found = await world.until(status)
    assert found["observedGeneration"] == 1
    assert "undefined field 'foo'" in found["typeChecking"]["expressionWarnings"][0]["warning"]


class Checked:
    """A policy is made wrong, then right."""

    controllers = ("validatingadmissionpolicy-status",)
    kinds = (kinds.VALIDATING_ADMISSION_POLICY,)

    async def act(self, world):
        spec = policy("object.foo == 1")["spec"]
        await world.client.create(kinds.VALIDATING_ADMISSION_POLICY, {"metadata": {"name": "p"}, "spec": spec})
        right = {"spec": {"validations": [{"expression": "object.spec.replicas == 1"}]}}
        await world.client.patch(kinds.VALIDATING_ADMISSION_POLICY, "p", right)

    async def settled(self, world):
        found = await world.client.get(kinds.VALIDATING_ADMISSION_POLICY, "p")
        return found.get("status") == {"observedGeneration": 2, "typeChecking": {}}

    async def check(self, world):
        assert await self.settled(world)


@pytest.mark.parametrize("fault", FAULTS)
async def test_status_is_of_the_last_version_whatever_fails(fault):
    await survive(Checked(), fault)
