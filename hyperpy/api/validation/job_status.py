"""Rules of a Job's status: counts, times and conditions that fit together and only go forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import meta
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import job_policies, rules

Obj = dict[str, Any]

_COMPLETE, _FAILED, _FAILURE_TARGET, _CRITERIA_MET = "Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"
#: Pairs of conditions that cannot both be true.
_EXCLUSIVE = (
    (_COMPLETE, _FAILED, "cannot set Complete=True and Failed=true conditions"),
    (_COMPLETE, _FAILURE_TARGET, "cannot set Complete=True and FailureTarget=true conditions"),
    (_CRITERIA_MET, _FAILED, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
    (_CRITERIA_MET, _FAILURE_TARGET, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
)
#: A condition, and the one that comes before it.
_PRECEDED = (
    (_FAILED, _FAILURE_TARGET, "cannot set Failed=True condition without the FailureTarget=true condition"),
    (_COMPLETE, _CRITERIA_MET, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"),
)


def update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of a Job."""
    status, spec = new.get("status") or {}, new.get("spec") or {}
    yield from rules.not_negative(status, "status", "active", "succeeded", "failed", "ready", "terminating")
    yield from _uncounted(status.get("uncountedTerminatedPods") or {})
    yield from _conditions(new)
    yield from _times(new)
    yield from _finished(new)
    yield from _indexes(status, spec)
    if (status.get("ready") or 0) > (status.get("active") or 0):
        yield cause.invalid("status.ready", status["ready"], "cannot set more ready pods than active")
    yield from _forward(new, old)


def _uncounted(given: Obj) -> Iterator[Cause]:
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for i, uid in enumerate(given.get(field) or ()):
            path = f"status.uncountedTerminatedPods.{field}[{i}]"
            if not uid:
                yield cause.invalid(path, uid, "must not be empty")
            elif uid in seen:
                yield cause.duplicate(path, uid)
            seen.add(uid)


def _conditions(job: Obj) -> Iterator[Cause]:
    for one, other, text in _EXCLUSIVE:
        if _is(job, one) and _is(job, other):
            yield cause.wrong("status.conditions", text)
    for later, earlier, text in _PRECEDED:
        if _is(job, later) and not _is(job, earlier):
            yield cause.wrong("status.conditions", text)


def _times(job: Obj) -> Iterator[Cause]:
    status = job.get("status") or {}
    started, completed = status.get("startTime"), status.get("completionTime")
    if completed and not _is(job, _COMPLETE):
        text = "cannot set completionTime when there is no Complete=True condition"
        yield cause.invalid("status.completionTime", completed, text)
    if not completed and _is(job, _COMPLETE):
        yield cause.required("status.completionTime", "completionTime is required for Complete jobs")
    if started and completed and meta.parse_time(completed) < meta.parse_time(started):
        yield cause.invalid("status.completionTime", completed, "must be equal to or after `startTime`")


def _finished(job: Obj) -> Iterator[Cause]:
    """A Job that is over has nothing left to do."""
    if not (_is(job, _COMPLETE) or _is(job, _FAILED)):
        return
    status = job.get("status") or {}
    for field in ("active", "terminating"):
        if (status.get(field) or 0) > 0:
            yield cause.invalid(f"status.{field}", status[field], f"{field}>0 is invalid for finished job")
    if not status.get("startTime"):
        yield cause.required("status.startTime", "startTime is required for finished job")
    left = status.get("uncountedTerminatedPods") or {}
    if left.get("failed") or left.get("succeeded"):
        yield cause.invalid("status.uncountedTerminatedPods", left, "must be empty for finished job")


def _indexes(status: Obj, spec: Obj) -> Iterator[Cause]:
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    if completed and spec.get("completionMode") != "Indexed":
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield cause.invalid("status.completedIndexes", completed, text)
    if failed is not None and spec.get("backoffLimitPerIndex") is None:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield cause.invalid("status.failedIndexes", failed, text)
    if spec.get("completions") is None:
        return
    found = []
    for field, text in (("completedIndexes", completed), ("failedIndexes", failed or "")):
        try:
            found.append(job_policies.intervals(text, spec["completions"]))
        except ValueError as error:
            yield cause.invalid(f"status.{field}", text, f"error parsing {field}: {error}")
            return
    for low, high in found[1]:
        for first, last in found[0]:
            if first <= high and low <= last:
                text = f"failedIndexes and completedIndexes overlap at index: {max(first, low)}"
                yield cause.invalid("status.failedIndexes", failed, text)
                return


def _forward(new: Obj, old: Obj) -> Iterator[Cause]:
    """What has happened stays so."""
    status, before, spec = new.get("status") or {}, old.get("status") or {}, new.get("spec") or {}
    for name in (_FAILED, _COMPLETE, _FAILURE_TARGET):
        if _is(old, name) and not _is(new, name):
            yield cause.wrong("status.conditions", f"cannot disable the terminal {name}=True condition")
    if _is(old, _CRITERIA_MET) and not _is(new, _CRITERIA_MET):
        yield cause.wrong("status.conditions", "cannot disable the SuccessCriteriaMet=True condition")
    # An Indexed Job that is scaled down forgets the indexes beyond its end.
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    for field in ("failed", "succeeded"):
        if (status.get(field) or 0) < (before.get(field) or 0) and not (elastic and field == "succeeded"):
            yield cause.invalid(f"status.{field}", status.get(field) or 0, f"cannot decrease the {field} counter")
    completed, known = status.get("completionTime"), before.get("completionTime")
    if completed and known and completed != known:
        yield cause.invalid("status.completionTime", completed, rules.IMMUTABLE)
    started = before.get("startTime")
    if started and started != status.get("startTime") and not spec.get("suspend"):
        yield cause.required("status.startTime", "startTime cannot be removed for unsuspended job")


def _is(job: Obj, condition: str) -> bool:
    found = meta.condition(job, condition)
    return found is not None and found.get("status") == "True"
