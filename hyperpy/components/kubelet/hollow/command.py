"""hyperpy kubelet --container-runtime=hollow --nodes=N: which flags that takes, and what is made of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.commands import UserError
from hyperpy.components.kubelet.hollow.options import NODE_CIDR, POD_CIDR, Options

#: Parameters that speak of all simulated nodes; every other one is of a single real one.
_SHARED = {"kubeconfig", "api_servers", "node_labels", "max_pods", "pod_cidr", "container_runtime", "verbosity"}
_OWN = {"nodes", "node_name_prefix", "hollow_profile", "hollow_seed"}


@dataclass(frozen=True, slots=True)
class Dice:
    """What the pods' behaviour is drawn from: a profile's file (None: all start at once and run on) and a seed."""

    profile: Path | None
    seed: int


def check(given: Collection[str], *, runtime: str, nodes: int) -> None:
    """Refuse flags that would do nothing.

    Args:
        given: the parameters on the command line, by name.
    Raises:
        UserError: naming the first of them.
    """
    own = [name for name in given if name in _OWN]
    if own and runtime != "hollow":
        raise UserError(f"{_flag(own[0])} needs --container-runtime=hollow")
    if nodes < 0 or ("nodes" in own and not nodes):
        raise UserError(f"--nodes={nodes}: there must be at least one node")
    if own and not nodes:
        raise UserError(f"{_flag(own[0])} needs --nodes: how many simulated nodes there shall be")
    others = [name for name in given if name not in _OWN | _SHARED]
    if nodes and others:
        raise UserError(f"{_flag(others[0])} is of a single node; simulated nodes (--nodes) do not have it")


def options(
    nodes: int, *, name_prefix: str, labels: Mapping[str, str], max_pods: int, pod_cidr: str, dice: Dice
) -> Options:
    """The record of the flags.

    Raises:
        UserError: one of them cannot be.
    """
    most = ipaddress.ip_network(NODE_CIDR).num_addresses - 2
    if nodes > most:
        raise UserError(f"--nodes={nodes}: one process simulates up to {most}")
    try:
        ipaddress.ip_network(pod_cidr or POD_CIDR)
    except ValueError as error:
        raise UserError(f"--pod-cidr: {error}") from error
    made = Options(
        nodes, name_prefix=name_prefix, labels=labels, max_pods=max_pods, pod_cidr=pod_cidr or POD_CIDR, seed=dice.seed
    )
    if dice.profile is None:
        return made
    from hyperpy.components.kubelet.hollow import profile_file  # pydantic, only where it is needed

    return replace(made, profile=profile_file.read(dice.profile))


def run(access: ClusterAccess, options: Options, *, verbosity: int) -> None:
    """Be the nodes until a signal."""
    from hyperpy.components import standalone
    from hyperpy.components.kubelet.hollow.nodes import HollowNodes

    standalone.run(
        access,
        lambda client, informers: [HollowNodes(client, informers, options)],
        name="hollow-nodes",
        verbosity=verbosity,
    )


def _flag(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"
