"""APIServices of what this server answers itself."""

import pytest

from hyperpy.api import kinds
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.aggregation.registration import served
from hyperpy.components.apiserver.bootstrap import local_services


def test_every_built_in_group_and_version_has_one():
    found = {obj["metadata"]["name"]: obj["spec"] for obj in local_services.built_in(kinds.built_in())}
    assert {"v1.", "v1.apps", "v1.autoscaling", "v2.autoscaling", "v1.apiextensions.k8s.io"} <= found.keys()
    assert "v1.apiregistration.k8s.io" not in found
    assert found["v1."] == {"version": "v1", "groupPriorityMinimum": 18000, "versionPriority": 1}
    served = {f"{kind.version}.{kind.group}" for kind in kinds.built_in()} - {"v1.apiregistration.k8s.io"}
    assert found.keys() == served


def test_custom_groups_are_not_built_in():
    assert local_services.built_in([Kind("acme.example", "v1", "Widget", "widgets")]) == []


@pytest.mark.parametrize(
    ("labels", "spec", "mended"),
    [
        ({local_services.LABEL: "onstart"}, {"versionPriority": 1}, True),
        ({local_services.LABEL: "onstart"}, {"versionPriority": 2}, False),
        ({}, {"versionPriority": 1}, False),
    ],
    ids=["changed", "right", "somebody else's"],
)
def test_only_what_is_ours_is_mended(labels, spec, mended):
    current = {"metadata": {"name": "x", "labels": labels}, "spec": spec, "status": {"a": 1}}
    wanted = {"metadata": {"name": "x"}, "spec": {"versionPriority": 2}}
    found = local_services.mended(current, wanted)
    assert (found != current) is mended
    if mended:
        assert found == {**current, "spec": {"versionPriority": 2}}


@pytest.mark.parametrize(
    ("status", "versions"), [("True", ["v1"]), ("False", []), (None, [])], ids=["established", "not", "new"]
)
def test_versions_are_served_once_the_definition_is_established(status, versions):
    conditions = [{"type": "Established", "status": status}] if status else []
    spec = {"versions": [{"name": "v1", "served": True}, {"name": "v2", "served": False}]}
    assert served({"spec": spec, "status": {"conditions": conditions}}) == versions
