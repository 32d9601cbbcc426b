"""What one Pod of a Job says: how it ended, which index it has, how often its index has failed. Pure.

Source: Concepts, "Jobs"; the annotations and labels under `batch.kubernetes.io/`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj

#: Held by a Pod until its end is in the Job's status, so that no Pod is counted twice or never.
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"


def is_indexed(job: Obj) -> bool:
    """Whether each Pod stands for one number."""
    return bool(job["spec"].get("completionMode") == "Indexed")


def replaces_only_failed(job: Obj) -> bool:
    """Whether a Pod that is leaving still counts as one until it has ended."""
    return bool(job["spec"].get("podReplacementPolicy") == "Failed" or job["spec"].get("podFailurePolicy"))


def is_tracked(pod: Obj) -> bool:
    """Whether its end still has to be counted."""
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def has_failed(pod: Obj, job: Obj) -> bool:
    """Whether it counts as failed. A Pod that was deleted may never get to say so itself."""
    phase = pods.phase(pod)
    if phase == "Failed":
        return True
    return not replaces_only_failed(job) and meta.is_deleting(pod) and phase != "Succeeded"


def has_succeeded(pod: Obj) -> bool:
    """Whether it ended well."""
    return pods.phase(pod) == "Succeeded"


def is_terminating(pod: Obj) -> bool:
    """Whether it was deleted and has not ended."""
    return meta.is_deleting(pod) and not pods.is_terminal(pod)


def index(pod: Obj) -> int | None:
    """Its completion index; None when it has none."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def count(pod: Obj, annotation: str) -> int:
    """A number in one of its annotations; 0 when there is none."""
    text = (pod["metadata"].get("annotations") or {}).get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def ended_at(pod: Obj) -> float:
    """When it ended, in seconds since the epoch: its last container's end, else the last that is known of it."""
    status = pod.get("status") or {}
    ends = [
        meta.parse_time(ended)
        for each in _containers(status)
        if (ended := ((each.get("state") or {}).get("terminated") or {}).get("finishedAt"))
    ]
    if ends:
        return max(ends)
    ready = meta.condition(pod, "Ready") or {}
    about = pod["metadata"]
    stamp = ready.get("lastTransitionTime") or about.get("deletionTimestamp") or about["creationTimestamp"]
    return meta.parse_time(stamp)


def restarts(pod: Obj) -> int:
    """Restarts of all its containers."""
    return sum(each.get("restartCount", 0) for each in _containers(pod.get("status") or {}))


def _containers(status: Obj) -> Iterable[Obj]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()
