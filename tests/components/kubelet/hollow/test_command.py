"""Flags of simulated nodes that would do nothing are refused by name."""

from __future__ import annotations

import pytest

from hyperpy.commands import UserError
from hyperpy.components.kubelet.hollow import command
from hyperpy.components.kubelet.hollow.command import Dice


@pytest.mark.parametrize(
    ("given", "runtime", "nodes", "problem"),
    [
        pytest.param(["nodes"], "docker", 3, "--nodes needs --container-runtime=hollow", id="another-runtime"),
        pytest.param(["nodes"], "hollow", 0, "--nodes=0: there must be at least one", id="no-node"),
        pytest.param(["hollow_seed"], "hollow", 0, "--hollow-seed needs --nodes", id="seed-alone"),
        pytest.param(["nodes", "node_ip"], "hollow", 3, "--node-ip is of a single node", id="a-single-node-s-flag"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(given, runtime, nodes, problem):
    with pytest.raises(UserError, match=problem):
        command.check(given, runtime=runtime, nodes=nodes)


def test_flags_that_all_nodes_share_are_taken():
    command.check(["nodes", "max_pods", "node_labels", "kubeconfig"], runtime="hollow", nodes=3)
    made = command.options(
        3, name_prefix="n-", labels={"a": "b"}, max_pods=5, pod_cidr="10.0.0.0/8", dice=Dice(None, 7)
    )
    assert (made.names(), made.pod_cidr, made.seed) == (["n-0", "n-1", "n-2"], "10.0.0.0/8", 7)


@pytest.mark.parametrize(
    ("nodes", "cidr", "problem"), [(100_000, "", "simulates up to 65534"), (1, "10.0.0.0/99", "--pod-cidr: ")]
)
def test_what_cannot_be_is_refused(nodes, cidr, problem):
    with pytest.raises(UserError, match=problem):
        command.options(nodes, name_prefix="n-", labels={}, max_pods=5, pod_cidr=cidr, dice=Dice(None, 0))
