"""Options of the scheduler, named after kube-scheduler's flags and the fields of its configuration file."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyperpy.client.leader import LeaseTimes
from hyperpy.components.scheduler.profiles import ProfileSpec


@dataclass(frozen=True, slots=True)
class LeaderElection:
    """The Lease that one of several schedulers holds; schedulers beside each other need one each.

    Args:
        wait: for the Lease before working.
    """

    wait: bool = False
    name: str = "kube-scheduler"
    namespace: str = "kube-system"
    times: LeaseTimes = field(default_factory=LeaseTimes)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a scheduler.

    Args:
        profiles: each takes the Pods whose `spec.schedulerName` is its own.
        backoff_s, max_backoff_s: how long a Pod is not tried again at first, and at most.
        identity: this process in the Lease; "" makes one.
    """

    profiles: tuple[ProfileSpec, ...] = (ProfileSpec(),)
    leader_election: LeaderElection = LeaderElection()
    backoff_s: float = 1.0
    max_backoff_s: float = 10.0
    identity: str = ""
