"""What a pod worker knows beside the API and the runtime: troubles, back-offs, probe results. Lost with the process.

Everything here may be lost: after a restart of the kubelet the planner comes to the same end without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hyperpy.components.kubelet.backoff import Backoff

#: The key of a trouble that concerns the whole Pod (its sandbox, its volumes, a field).
POD = ""

#: How long a pull failure stands before it reads as a back-off.
FIRST_MOMENT_S = 1.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be done and when to try again.

    Args:
        reason: of the waiting state, as users read it; `""` leaves the ordinary one (ContainerCreating).
        later: the reason and message after the first moment (an image that failed to pull is then backed off).
        at: when it happened.
    """

    reason: str
    message: str
    retry_at: float
    at: float = 0.0
    later: tuple[str, str] | None = None

    def shown(self, now: float) -> Trouble:
        """As users read it now."""
        if self.later is None or now < self.turns_at:
            return self
        return replace(self, reason=self.later[0], message=self.later[1], later=None)

    @property
    def turns_at(self) -> float:
        """When `later` begins to hold."""
        return self.at + FIRST_MOMENT_S


@dataclass(frozen=True, slots=True)
class Failure:
    """The kubelet itself ended the Pod: the reason and message of its Failed phase."""

    reason: str
    message: str


DEADLINE = Failure("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


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
        in_hook: ids of containers whose postStart hook runs.
        unhealthy: ids of containers to be killed.
        failures: how often in a row a step for the whole Pod failed.
        kill_again_at: when to try again to end the Pod, after the runtime could not.
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
    in_hook: set[str] = field(default_factory=set)
    unhealthy: dict[str, Unhealthy] = field(default_factory=dict)
    failures: int = 0
    kill_again_at: float = 0.0
    messages: dict[str, str] = field(default_factory=dict)
