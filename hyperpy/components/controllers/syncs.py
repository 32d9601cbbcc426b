"""The flags of kube-controller-manager that say how many objects of a kind are worked on at once.

There are many and they are alike, so they are read out of the command line before its other options are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy import flags
from hyperpy.commands import UserError

#: Flag -> the controller whose workers it counts, as `table.py` names it.
CONTROLLER_OF = {
    "--concurrent-cron-job-syncs": "cronjob-controller",
    "--concurrent-daemonset-syncs": "daemonset-controller",
    "--concurrent-deployment-syncs": "deployment-controller",
    "--concurrent-endpoint-syncs": "endpoints-controller",
    "--concurrent-ephemeralvolume-syncs": "ephemeral-volume-controller",
    "--concurrent-gc-syncs": "garbage-collector-controller",
    "--concurrent-horizontal-pod-autoscaler-syncs": "horizontal-pod-autoscaler-controller",
    "--concurrent-job-syncs": "job-controller",
    "--concurrent-namespace-syncs": "namespace-controller",
    "--concurrent-rc-syncs": "replicationcontroller-controller",
    "--concurrent-replicaset-syncs": "replicaset-controller",
    "--concurrent-resource-quota-syncs": "resourcequota-controller",
    "--concurrent-service-endpoint-syncs": "endpointslice-controller",
    "--concurrent-serviceaccount-token-syncs": "serviceaccount-token-controller",
    "--concurrent-statefulset-syncs": "statefulset-controller",
    "--concurrent-ttl-after-finished-syncs": "ttl-after-finished-controller",
    "--concurrent-validating-admission-policy-status-syncs": "validatingadmissionpolicy-status-controller",
    "--mirroring-concurrent-service-endpoint-syncs": "endpointslice-mirroring-controller",
}
_KEPT = "hyperpy.syncs"


class Command(flags.GoFlags):
    """A command that takes these flags; any other one of their kind is refused as unknown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put these flags aside, then parse as usual."""
        rest, ctx.meta[_KEPT] = take(args)
        return super().parse_args(ctx, rest)


def of(ctx: Any) -> dict[str, int]:
    """What the command line says: controller -> workers."""
    found: dict[str, int] = ctx.meta[_KEPT]
    return found


def take(args: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """The other arguments, and the workers of each controller that is named.

    Raises:
        UserError: a value is no number of one or more.
    """
    rest: list[str] = []
    workers: dict[str, int] = {}
    left = iter(args)
    for arg in left:
        flag, given, value = arg.partition("=")
        if flag not in CONTROLLER_OF:
            rest.append(arg)
            continue
        text = value if given else next(left, "")
        if not text.isdecimal() or int(text) < 1:
            raise UserError(f"{flag}={text} is no number of one or more")
        workers[CONTROLLER_OF[flag]] = int(text)
    return rest, workers
