"""The examples that need no pods: their READMEs' commands and what they say."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_a_kind_of_ones_own(cluster):
    folder = EXAMPLES / "02-custom-kind"
    cluster.kubectl("apply", "-f", folder / "definition.yaml")
    try:
        applied = cluster.kubectl("apply", "-f", folder / "timetable.yaml").stdout
        assert applied == "timetable.railway.example.com/coast created\n"
        shown = [line.split() for line in cluster.kubectl("get", "timetables").stdout.splitlines()]
        assert shown == [["NAME", "FROM", "TO", "TRAINS"], ["coast", "Harbour", "Lighthouse", "1"]]
        scaled = cluster.kubectl("scale", "timetable", "coast", "--replicas=3").stdout
        assert scaled == "timetable.railway.example.com/coast scaled\n"
        refused = cluster.kubectl(
            "patch", "tt", "coast", "--type=merge", "-p", '{"spec":{"to":"Harbour"}}', check=False
        )
        assert refused.stderr == (
            'The Timetable "coast" is invalid: spec: Invalid value: "object": a train must go somewhere\n'
        )
        assert "Stations on the way, in their order." in cluster.kubectl("explain", "timetable.spec.stops").stdout
    finally:
        cluster.kubectl("delete", "-f", folder / "definition.yaml", "--timeout=30s")
    assert "timetables" not in cluster.kubectl("api-resources", "-o", "name").stdout


def test_rules_for_everyone(cluster):
    rules = EXAMPLES / "03-rules-for-everyone" / "rules.yaml"
    cluster.kubectl("apply", "-f", rules)
    try:
        refused = cluster.kubectl("-n", "team", "create", "deployment", "web", "--image=hyperpy", check=False)
        assert 'Warning: would violate PodSecurity "restricted:latest"' in refused.stderr
        assert refused.stderr.endswith(
            'error: failed to create deployment: deployments.apps "web" is forbidden: '
            "ValidatingAdmissionPolicy 'deployments-have-an-owner' with binding 'deployments-have-an-owner' denied "
            "request: say who looks after web: set the label owner\n"
        )
        overrides = '--overrides={"spec":{"hostNetwork":true}}'
        shell = cluster.kubectl("-n", "team", "run", "shell", "--image=hyperpy", overrides, check=False)
        assert 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in shell.stderr
    finally:
        cluster.kubectl("delete", "-f", rules, "--timeout=30s")
