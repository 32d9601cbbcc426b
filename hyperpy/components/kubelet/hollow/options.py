"""What the agent of simulated nodes must be told: a frozen record, made from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.components.kubelet.hollow.profile import Profile

#: Networks that are set apart for measurements (RFC 2544): no real node or pod has such an address.
POD_CIDR = "198.18.0.0/16"
NODE_CIDR = "198.19.0.0/16"


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of many simulated nodes.

    Args:
        nodes: how many.
        name_prefix: they are called PREFIX0, PREFIX1 and so on (`--node-name-prefix`).
        labels: of every node (`--node-labels`), beside those that all nodes have.
        max_pods: how many pods each says it takes.
        pod_cidr: where the pods' addresses come from.
        seed: of the profile's dice (`--hollow-seed`).
    """

    nodes: int
    name_prefix: str = "hollow-"
    labels: Mapping[str, str] = field(default_factory=dict)
    max_pods: int = 110
    pod_cidr: str = POD_CIDR
    profile: Profile = field(default_factory=Profile)
    seed: int = 0

    def names(self) -> Sequence[str]:
        """The nodes' names."""
        return [f"{self.name_prefix}{number}" for number in range(self.nodes)]
