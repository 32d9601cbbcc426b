"""What a pod worker knows beside the API and the runtime: troubles, back-offs, probe results. Lost with the process.

Everything here may be lost: after a restart of the kubelet the planner comes to the same end without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hyperpy.components.kubelet.backoff import Backoff

#: The key of a trouble that concerns the whole Pod (its sandbox, its volumes, a field).
POD = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be done, as users read it, and when to try again."""

    reason: str
    message: str
    retry_at: float
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """The kubelet itself ended the Pod: the reason and message of its Failed phase."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """A probe wants a container dead. `grace_s` None: the Pod's own."""

    message: str
    grace_s: int | None = None


@dataclass(slots=True)
class Memory:
    """Written by the worker alone; the planner and the status only read it.

    Args:
        first_seen: when this kubelet first saw the Pod; status.startTime when the API has none.
        deleting: the API (or the manifest directory) no longer wants the Pod.
        grace_s: what it may take to end, while it is deleted.
        failure: why the kubelet ended the Pod itself.
        backoff: restarts, by container name.
        trouble: by container name, or `POD`.
        started: ids of containers whose startup is over (postStart and startup probe).
        ready: ids of containers whose readiness probe says yes (or which have none).
        unhealthy: ids of containers to be killed.
        messages: termination messages, by container id.
    """

    first_seen: float = 0.0
    deleting: bool = False
    grace_s: int | None = None
    failure: Failure | None = None
    backoff: dict[str, Backoff] = field(default_factory=dict)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    unhealthy: dict[str, Unhealthy] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
