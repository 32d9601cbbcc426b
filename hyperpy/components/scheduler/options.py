"""Options of the scheduler, named after kube-scheduler's flags."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a scheduler.

    Args:
        scheduler_name: it takes the Pods whose `spec.schedulerName` this is.
        leader_elect: wait for the Lease before working.
        identity: this process in the Lease; "" makes one.
    """

    scheduler_name: str = "default-scheduler"
    leader_elect: bool = False
    identity: str = ""
