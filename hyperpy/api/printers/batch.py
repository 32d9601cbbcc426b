"""Rows of Jobs and CronJobs."""

from __future__ import annotations

from typing import Any

from hyperpy.api import meta
from hyperpy.api.printers import workloads
from hyperpy.api.printers.columns import AGE, NAME, NONE, UNSET, Column, Obj, Printer, count, number, wide
from hyperpy.api.printers.durations import age, duration

_TEMPLATE = (
    wide("Containers", "Names of each container in the template."),
    wide("Images", "Images referenced by each container in the template."),
    wide("Selector", "The pods it selects."),
)
_JOB = (
    NAME,
    Column("Status", "What has become of it, in a word."),
    Column("Completions", "How many pods have succeeded, of how many."),
    Column("Duration", "How long it took, or takes."),
    AGE,
    *_TEMPLATE,
)
_CRON_JOB = (
    NAME,
    Column("Schedule", "When it runs."),
    Column("Timezone", "The time zone of the schedule."),
    Column("Suspend", "Whether it pauses.", type="boolean"),
    number("Active", "How many of its jobs run."),
    Column("Last Schedule", "How long ago the last job was made."),
    AGE,
    *_TEMPLATE,
)


def _job(obj: Obj, now: float) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        obj["metadata"].get("name", ""),
        _status(obj),
        _completions(spec, count(status, "succeeded")),
        _duration(status, now),
        age(obj["metadata"].get("creationTimestamp"), now=now),
        *workloads.containers(spec.get("template")),
        workloads.selector_text(spec.get("selector")),
    ]


def _status(obj: Obj) -> str:
    """The first that holds."""
    true = {
        each.get("type") for each in (obj.get("status") or {}).get("conditions") or () if each.get("status") == "True"
    }
    for name in ("Complete", "Failed"):
        if name in true:
            return name
    if meta.is_deleting(dict(obj)):
        return "Terminating"
    return next((name for name in ("Suspended", "FailureTarget") if name in true), "Running")


def _completions(spec: Obj, succeeded: int) -> str:
    """Without a number of completions, one pod that succeeds ends the work of all."""
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(status: Obj, now: float) -> str:
    started, completed = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    return duration((meta.parse_time(completed) if completed else now) - meta.parse_time(started))


def _cron_job(obj: Obj, now: float) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    last = status.get("lastScheduleTime")
    return [
        obj["metadata"].get("name", ""),
        spec.get("schedule") or "",
        NONE if spec.get("timeZone") is None else spec["timeZone"],
        UNSET if spec.get("suspend") is None else str(bool(spec["suspend"])),
        len(status.get("active") or ()),
        age(last, now=now) if last else NONE,
        age(obj["metadata"].get("creationTimestamp"), now=now),
        *workloads.containers(job.get("template")),
        workloads.selector_text(job.get("selector")),
    ]


PRINTERS = {
    ("batch", "jobs"): Printer(_JOB, _job),
    ("batch", "cronjobs"): Printer(_CRON_JOB, _cron_job),
}
