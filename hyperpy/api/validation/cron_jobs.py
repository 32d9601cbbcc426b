"""Rules of CronJobs: the schedule, its time zone, and the Jobs that are made."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from typing import Any

from hyperpy.api import cron
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import jobs, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

#: The time of a run is appended to the name, and Jobs have names of 63 characters at most.
_MAX_NAME_LENGTH = 63 - 11
_POLICIES = ("Allow", "Forbid", "Replace")
_ZONE_PART = re.compile(r"[A-Za-z._0-9+-]{1,14}")


def cron_job(obj: Obj) -> Iterator[Cause]:
    """A new CronJob."""
    name = obj["metadata"].get("name") or ""
    spec = obj.get("spec") or {}
    yield from _spec(spec, {})
    yield from _time_zone(spec.get("timeZone"))
    if len(name) > _MAX_NAME_LENGTH:
        yield cause.invalid("metadata.name", name, f"must be no more than {_MAX_NAME_LENGTH} bytes")


def cron_job_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed CronJob."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    yield from _spec(spec, before)
    if spec.get("timeZone") != before.get("timeZone"):
        yield from _time_zone(spec.get("timeZone"))


def _spec(spec: Obj, before: Obj) -> Iterator[Cause]:
    schedule = spec.get("schedule") or ""
    if not schedule:
        yield cause.required("spec.schedule")
    else:
        yield from _schedule(schedule, spec.get("timeZone"), known="TZ" in (before.get("schedule") or ""))
    yield from rules.not_negative(spec, "spec", "startingDeadlineSeconds")
    policy = spec.get("concurrencyPolicy")
    if not policy:
        yield cause.required("spec.concurrencyPolicy")
    elif policy not in _POLICIES:
        yield cause.not_supported("spec.concurrencyPolicy", policy, _POLICIES)
    yield from _job_template((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")
    yield from rules.not_negative(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule(schedule: str, zone: str | None, *, known: bool) -> Iterator[Cause]:
    """`known`: whether the schedule had a time zone in it before that was refused."""
    inline = "TZ" in schedule
    text = schedule
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        text = schedule.partition(" ")[2].strip()
    try:
        cron.check(text)
    except ValueError as error:
        yield cause.invalid("spec.schedule", schedule, str(error))
    if inline and known and zone is not None:
        text = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        yield cause.invalid("spec.schedule", schedule, text)
    elif inline and not known:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield cause.invalid("spec.schedule", schedule, text)


def _time_zone(zone: str | None) -> Iterator[Cause]:
    path = "spec.timeZone"
    if zone is None:
        return
    if not zone:
        yield cause.invalid(path, zone, "timeZone must be nil or non-empty string")
        return
    unknown = cause.invalid(path, zone, f"unknown time zone {zone}")
    if any(part in (".", "..") or part.startswith("-") or not _ZONE_PART.fullmatch(part) for part in zone.split("/")):
        yield unknown
        return
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield cause.invalid(path, zone, text)
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if zone.lower() != "local":
            yield unknown


def _job_template(spec: Obj, path: str) -> Iterator[Cause]:
    yield from jobs.spec_rules(spec, path)
    if spec.get("selector") is not None:
        yield cause.invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        yield cause.not_supported(f"{path}.manualSelector", spec["manualSelector"], ("nil", "false"))


RULES = {("batch", "CronJob"): Rules(cron_job, cron_job_update, whole=False)}
