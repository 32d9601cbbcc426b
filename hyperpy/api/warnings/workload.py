"""Warnings about the kinds that make Pods: their names, their templates, a few fields of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hyperpy.api.validation import formats
from hyperpy.api.warnings import persistentvolume, pod

Obj = dict[str, Any]
Check = Callable[[Obj], Iterator[str]]

_NAME = (
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
    "recommended: "
)
_INDEXES = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes "
    "might not be able to track completedIndexes when a big number of indexes fail"
)
_ZONE = (
    "CRON_TZ or TZ used in spec.schedule is not officially supported, see "
    "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
)
_HISTORY = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"


def _template(obj: Obj) -> Iterator[str]:
    yield from pod.of_template((obj.get("spec") or {}).get("template"), "spec.template")


def _pod_template(obj: Obj) -> Iterator[str]:
    yield from pod.of_template(obj.get("template"), "template")


def _stateful_set(obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    yield from _template(obj)
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from persistentvolume.claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{i}].spec")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        yield _HISTORY


def _new_job(obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    indexed = spec.get("completionMode") == "Indexed" and (spec.get("completions") or 0) > 100_000
    if indexed and (spec.get("parallelism") or 0) > 10_000:
        yield _INDEXES
    yield from _template(obj)


def _cron_job(obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if "TZ" in (spec.get("schedule") or ""):
        yield _ZONE
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    yield from pod.of_template(job.get("template"), "spec.jobTemplate.spec.template")


def _named(check: Check) -> Check:
    """With what is to be said of a name that becomes part of pods' names."""

    def named(obj: Obj) -> Iterator[str]:
        problems = formats.dns_label(obj["metadata"].get("name") or "")
        if problems:
            yield f"{_NAME}[{' '.join(problems)}]"
        yield from check(obj)

    return named


#: For a changed object whose generation is another one than before.
ON_CHANGE: dict[tuple[str, str], Check] = {
    ("", "ReplicationController"): _template,
    ("", "PodTemplate"): _pod_template,
    ("apps", "Deployment"): _template,
    ("apps", "ReplicaSet"): _template,
    ("apps", "DaemonSet"): _template,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _template,
    ("batch", "CronJob"): _cron_job,
}
ON_CREATE: dict[tuple[str, str], Check] = {
    **ON_CHANGE,
    ("", "ReplicationController"): _named(_template),
    ("apps", "Deployment"): _named(_template),
    ("apps", "ReplicaSet"): _named(_template),
    ("batch", "Job"): _named(_new_job),
    ("batch", "CronJob"): _named(_cron_job),
}
