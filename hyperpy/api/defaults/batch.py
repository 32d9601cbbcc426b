"""Defaults of Jobs and CronJobs."""

from __future__ import annotations

from typing import Any

from hyperpy.api.defaults import workload

Obj = dict[str, Any]

BACKOFF_LIMIT = 6
_NO_LIMIT = 2**31 - 1


def job(obj: Obj) -> None:
    """One pod at a time, one that has to succeed, six tries; labels are those of the template."""
    spec = obj.setdefault("spec", {})
    workload.template(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    # With a limit of its own for each index, the one over all of them is out of the way.
    spec.setdefault("backoffLimit", BACKOFF_LIMIT if spec.get("backoffLimitPerIndex") is None else _NO_LIMIT)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")
    _failure_policy(spec)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    meta = obj.setdefault("metadata", {})
    if labels and not meta.get("labels"):
        meta["labels"] = dict(labels)


def cron_job(obj: Obj) -> None:
    """Runs may overlap; three successful ones are kept, and one that failed."""
    spec = obj.setdefault("spec", {})
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    workload.template(template)
    _failure_policy(template)


def _failure_policy(spec: Obj) -> None:
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"


DEFAULTS = {
    ("batch", "Job"): job,
    ("batch", "CronJob"): cron_job,
}
