"""When a CronJob makes its next Job, which Jobs are its history, and what its Job looks like. Pure.

Source: Concepts, "CronJob"; kube-controller-manager's rules for missed runs.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from hyperpy.api import cron, kinds, meta
from hyperpy.client.protocol import Obj

#: Missed runs beyond which users are told that something is odd.
MANY_MISSED = 100
SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class Unusable(ValueError):
    """The schedule or its time zone cannot be read. `reason` is the reason of the Event."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule in its time zone."""

    schedule: cron.Schedule
    zone: tzinfo

    def next_after(self, moment: float) -> float | None:
        """The first time after a moment, both in seconds since the epoch."""
        return self.schedule.next_after(moment, self.zone)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now.

    Args:
        at: the newest time that has come and was not served, or None.
        many_missed: more than `MANY_MISSED` times have come since the last one that was served.
        too_late: it has come longer ago than `startingDeadlineSeconds`.
        next_s: seconds until the next time, or None.
    """

    at: float | None
    many_missed: bool = False
    too_late: bool = False
    next_s: float | None = None


def timetable(cron_job: Obj) -> Timetable:
    """Read schedule and zone; without a zone it is UTC, as our clocks are. Raises Unusable."""
    spec = cron_job["spec"]
    text, name = spec["schedule"], spec.get("timeZone")
    if text.startswith(("TZ=", "CRON_TZ=")):  # from before such a schedule was refused
        inline, _, text = text.partition(" ")
        name = name or inline.partition("=")[2]
    try:
        schedule = cron.parse(text.strip())
    except ValueError as error:
        raise Unusable("UnparseableSchedule", f"unparseable schedule {text!r}: {error}") from error
    try:
        zone: tzinfo = zoneinfo.ZoneInfo(name) if name else UTC
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unusable("UnknownTimeZone", f"invalid timeZone: {name!r}: {error}") from error
    return Timetable(schedule, zone)


def due(cron_job: Obj, times: Timetable, *, now: float) -> Due:
    """What is due, counted from the last time served (or the CronJob's birth)."""
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    since = meta.parse_time(status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
    deadline_s = spec.get("startingDeadlineSeconds")
    earliest = since if deadline_s is None else max(since, now - deadline_s)
    newest, missed = _newest(times, earliest, now=now)
    following = times.next_after(since if newest is None else newest)  # an interval counts from the time before
    if following is not None and following <= now:
        following = times.next_after(now)
    next_s = None if following is None else following - now
    if newest is None and deadline_s is not None:
        late, _ = _newest(times, since, now=now)  # it came, and its deadline went by
        return Due(None, too_late=late is not None, next_s=next_s)
    return Due(newest, many_missed=missed > MANY_MISSED, next_s=next_s)


def _newest(times: Timetable, since: float, *, now: float) -> tuple[float | None, int]:
    """The newest time in (since, now], and about how many there were. Years of missed minutes are jumped over."""
    first = times.next_after(since)
    if first is None or first > now:
        return None, 0
    second = times.next_after(first)
    if second is None or second > now:
        return first, 1
    gap = second - first
    missed = int((now - first) // gap) + 1
    back = 1
    while missed - 1 > back:
        newest = _last(times, first + (missed - 1 - back) * gap, now=now)
        if newest is not None:
            return newest, missed
        back *= 4  # an uneven schedule: look further back
    return _last(times, first, now=now) or first, missed


def _last(times: Timetable, since: float, *, now: float) -> float | None:
    """The last time in (since, now]."""
    newest, following = None, times.next_after(since)
    while following is not None and following <= now:
        newest, following = following, times.next_after(following)
    return newest


def job_name(cron_job: Obj, at: float) -> str:
    """The same time has the same name, so that no time is served twice."""
    return f"{cron_job['metadata']['name']}-{int(at) // 60}"


def job(cron_job: Obj, times: Timetable, at: float) -> Obj:
    """The Job for a time."""
    template = cron_job["spec"]["jobTemplate"]
    described = template.get("metadata") or {}
    stamp = datetime.fromtimestamp(at, times.zone).isoformat().replace("+00:00", "Z")
    metadata = {
        **{field: described[field] for field in ("labels",) if described.get(field)},
        "annotations": {**(described.get("annotations") or {}), SCHEDULED_AT: stamp},
        "name": job_name(cron_job, at),
        "namespace": cron_job["metadata"]["namespace"],
        "ownerReferences": [meta.owner_reference(kinds.CRON_JOB, cron_job)],
    }
    return {
        "apiVersion": kinds.JOB.api_version,
        "kind": kinds.JOB.kind,
        "metadata": metadata,
        "spec": template.get("spec") or {},
    }


def outcome(job: Obj) -> str:
    """Complete or Failed for a finished Job, else ""."""
    for name in ("Complete", "Failed"):
        found = meta.condition(job, name)
        if found is not None and found.get("status") == "True":
            return name
    return ""


def to_forget(cron_job: Obj, jobs: Sequence[Obj]) -> list[Obj]:
    """Finished Jobs beyond the limits of the history, the oldest first."""
    spec = cron_job["spec"]
    found: list[Obj] = []
    for name, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        if spec.get(field) is None:
            continue
        ended = sorted((each for each in jobs if outcome(each) == name and not meta.is_deleting(each)), key=_age)
        found += ended[: max(0, len(ended) - spec[field])]
    return found


def _age(job: Obj) -> tuple[str, str]:
    started = (job.get("status") or {}).get("startTime") or job["metadata"].get("creationTimestamp", "")
    return str(started), str(job["metadata"]["name"])


def reference(job: Obj) -> Obj:
    """An entry of `status.active`."""
    about = job["metadata"]
    return {
        "apiVersion": kinds.JOB.api_version,
        "kind": kinds.JOB.kind,
        "name": about["name"],
        "namespace": about["namespace"],
        "uid": about["uid"],
        "resourceVersion": about.get("resourceVersion", ""),
    }
