"""CronJobs: a month of them by a clock moved by hand, policies, missed runs, time zones, and the three faults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import kinds, meta
from hyperpy.components.controllers.batch import cronjob_plan

from ..faults import FAULTS, survive

HOUR_S, DAY_S = 3600, 86400


def cron_job(schedule: str = "0 * * * *", **spec: Any) -> dict[str, Any]:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}}}}
    return {
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


async def finish(world: Any, job: Any, outcome: str = "Complete") -> None:
    """Speak for the Job controller."""
    now = meta.timestamp(world.clock.now())
    before = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[outcome]
    conditions = [{"type": name, "status": "True", "lastTransitionTime": now} for name in (before, outcome)]
    status: dict[str, Any] = {"startTime": now, "conditions": conditions}
    if outcome == "Complete":
        status["completionTime"] = now
    await world.client.patch(
        kinds.JOB, job["metadata"]["name"], {"status": status}, namespace="default", subresource="status"
    )


async def jobs(world: Any) -> list[Any]:
    return sorted(await world.list(kinds.JOB), key=lambda each: each["metadata"]["name"])


async def running(world: Any) -> list[Any]:
    return [each for each in await jobs(world) if not cronjob_plan.outcome(each) and not meta.is_deleting(each)]


async def run_for(world: Any, seconds: float, *, step_s: float = 60, outcome: str = "Complete") -> None:
    """Let time pass; every Job that was made ends at once."""
    end = world.clock.now() + seconds
    while world.clock.now() < end:
        await world.clock.advance(step_s)
        for each in await running(world):
            await finish(world, each, outcome)


def made(world: Any) -> int:
    return world.faulty.done.count(("create", kinds.JOB))


async def test_a_month_of_daily_jobs_runs_in_seconds_and_keeps_three(world: Any) -> None:
    await world.start("cronjob")
    await world.client.create(kinds.CRON_JOB, cron_job("30 4 * * *"))
    await run_for(world, 30 * DAY_S, step_s=DAY_S / 2)
    await world.quiet()
    assert made(world) == 30
    assert len(await jobs(world)) == 3
    status = (await world.client.get(kinds.CRON_JOB, "tick", namespace="default"))["status"]
    assert status["lastScheduleTime"].endswith("T04:30:00Z") and status["lastSuccessfulTime"]
    assert not status.get("active")
    kept = (await jobs(world))[-1]
    assert kept["metadata"]["annotations"][cronjob_plan.SCHEDULED_AT] == status["lastScheduleTime"]
    assert meta.controller_of(kept)["name"] == "tick"


async def test_failed_jobs_have_a_history_of_their_own(world: Any) -> None:
    await world.start("cronjob")
    await world.client.create(kinds.CRON_JOB, cron_job(failedJobsHistoryLimit=2, successfulJobsHistoryLimit=0))
    await run_for(world, 5 * HOUR_S, step_s=600, outcome="Failed")
    assert len(await jobs(world)) == 2
    await run_for(world, 2 * HOUR_S, step_s=600)
    await world.quiet()
    assert [cronjob_plan.outcome(each) for each in await jobs(world)] == ["Failed", "Failed"]


@pytest.mark.parametrize(
    ("policy", "after_three_hours"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)], ids=["allow", "forbid", "replace"]
)
async def test_jobs_that_still_run(world: Any, policy: str, after_three_hours: int) -> None:
    await world.start("cronjob")
    await world.client.create(kinds.CRON_JOB, cron_job(concurrencyPolicy=policy))
    names = set()
    for _ in range(3):
        await world.clock.advance(HOUR_S)
        await world.quiet()
        names |= {each["metadata"]["name"] for each in await running(world)}
    assert len(await running(world)) == after_three_hours
    assert len(names) == (1 if policy == "Forbid" else 3)
    if policy == "Forbid":
        assert await world.events("JobAlreadyActive")
        (only,) = await running(world)
        await finish(world, only)
        await world.quiet()
        assert len(await running(world)) == 1, "the time that was missed is served when the first has ended"


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
async def test_a_job_made_by_hand_is_told_and_left_alone(world: Any, policy: str) -> None:
    await world.start("cronjob")
    owner = await world.client.create(kinds.CRON_JOB, cron_job(concurrencyPolicy=policy))
    by_hand = {
        "metadata": {
            "name": "by-hand",
            "namespace": "default",
            "ownerReferences": [meta.owner_reference(kinds.CRON_JOB, owner)],
        },
        "spec": owner["spec"]["jobTemplate"]["spec"],
    }
    await world.client.create(kinds.JOB, by_hand)
    await world.clock.advance(HOUR_S)
    await world.quiet()
    names = {each["metadata"]["name"] for each in await running(world)}
    assert len(names) == 2 and "by-hand" in names
    status = (await world.client.get(kinds.CRON_JOB, "tick", namespace="default"))["status"]
    assert {each["name"] for each in status["active"]} == names - {"by-hand"}
    told = "Saw a job that the controller did not create or forgot: by-hand"
    assert set(await world.events("UnexpectedJob")) == {told}


async def test_a_suspended_one_makes_nothing_and_goes_on_when_resumed(world: Any) -> None:
    await world.start("cronjob")
    await world.client.create(kinds.CRON_JOB, cron_job(suspend=True, startingDeadlineSeconds=60))
    await world.clock.advance(5 * HOUR_S)
    assert not await jobs(world)
    await world.client.patch(kinds.CRON_JOB, "tick", {"spec": {"suspend": False}}, namespace="default")
    await run_for(world, 2 * HOUR_S, step_s=600)
    assert made(world) == 2


async def test_after_a_day_without_a_controller_one_job_is_made_for_the_newest_time(world: Any) -> None:
    await world.client.create(kinds.CRON_JOB, cron_job("*/5 * * * *"))
    await world.clock.advance(DAY_S)
    await world.start("cronjob")
    await world.quiet()
    (only,) = await jobs(world)
    assert await world.events("TooManyMissedTimes")
    newest = meta.parse_time(only["metadata"]["annotations"][cronjob_plan.SCHEDULED_AT])
    assert 0 <= world.clock.now() - newest < 310


async def test_a_run_whose_deadline_has_gone_by_is_left_out_and_told(world: Any) -> None:
    await world.client.create(kinds.CRON_JOB, cron_job("0 0 * * *", startingDeadlineSeconds=100))
    await world.clock.advance(DAY_S)
    await world.start("cronjob")
    await world.quiet()
    assert not await jobs(world)
    assert await world.events("MissSchedule")


async def test_a_time_zone_moves_the_hour(world: Any) -> None:
    await world.start("cronjob")
    await world.client.create(kinds.CRON_JOB, cron_job("0 9 * * *", timeZone="Asia/Tokyo"))
    await run_for(world, DAY_S, step_s=HOUR_S / 2)
    status = (await world.client.get(kinds.CRON_JOB, "tick", namespace="default"))["status"]
    assert status["lastScheduleTime"].endswith("T00:00:00Z")
    (only,) = await jobs(world)
    assert only["metadata"]["annotations"][cronjob_plan.SCHEDULED_AT].endswith("T09:00:00+09:00")


async def test_idle_cron_jobs_ask_for_nothing_until_their_time(world: Any) -> None:
    await world.start("cronjob")
    await world.client.create(kinds.CRON_JOB, cron_job("0 0 1 1 *"))
    await world.quiet()
    before = len(world.faulty.done)
    await world.clock.advance(7 * DAY_S)
    assert len(world.faulty.done) == before


class OneHour:
    """A time comes, its Job runs and ends, the next one comes."""

    controllers = ("cronjob",)
    kinds = (kinds.CRON_JOB, kinds.JOB)

    async def act(self, world: Any) -> None:
        await world.client.create(kinds.CRON_JOB, cron_job(successfulJobsHistoryLimit=1, concurrencyPolicy="Replace"))
        await world.clock.advance(HOUR_S)

    async def settled(self, world: Any) -> bool:
        found = await world.client.get(kinds.CRON_JOB, "tick", namespace="default")
        for each in await running(world):
            await finish(world, each)
        status = found.get("status") or {}
        return bool(status.get("lastSuccessfulTime")) and not status.get("active")

    async def check(self, world: Any) -> None:
        assert len(await jobs(world)) == 1
        assert made(world) <= 1


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_time_is_served_once_whatever_happens(fault: str) -> None:
    await survive(OneHour(), fault)


@given(
    schedule=st.sampled_from(["* * * * *", "0 9 * * mon-fri", "7,11 3 1,29 * *", "0 0 29 2 *", "@every 7m", "@weekly"]),
    age_s=st.integers(0, 40 * DAY_S),
    deadline_s=st.none() | st.integers(0, 10 * DAY_S),
)
def test_what_is_due_is_the_newest_time_that_has_come(schedule: str, age_s: int, deadline_s: int | None) -> None:
    born = 1_700_000_000
    now = born + age_s
    given_ = cron_job(schedule, **({} if deadline_s is None else {"startingDeadlineSeconds": deadline_s}))
    given_["metadata"]["creationTimestamp"] = meta.timestamp(born)
    times = cronjob_plan.timetable(given_)
    found = cronjob_plan.due(given_, times, now=now)
    since = born if deadline_s is None else max(born, now - deadline_s)
    expected, at = None, times.next_after(since)
    while at is not None and at <= now:
        expected, at = at, times.next_after(at)
    assert found.at == expected
    assert found.next_s is None or found.next_s > 0
