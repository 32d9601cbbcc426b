"""CronJob controller: makes a Job whenever the schedule says so.

Watches: CronJob, Job.   Writes: Job, CronJob/status.

    waiting ──a time comes──▶ Job made (one that runs: left alone, replaced or waited for, by the policy) ──▶ waiting

The name of a Job follows from its time, so a crash or a stale cache cannot make two for one time. The planner is in
`cronjob_plan`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.batch import cronjob_plan
from hyperpy.components.controllers.batch.cronjob_plan import Due, Timetable
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import owner_index, ownership, refusals
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites

#: So much after its time a Job is made, so that a clock that is a little behind does not ask twice.
_SLACK_S = 0.1


class CronJobController:
    """Keys are CronJobs; each asks to be looked at again at its next time, and no timer runs besides."""

    name = "cronjob-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._queue = queue
        self._events = context.events(self.name)
        self._jobs = context.informers.of(kinds.JOB)
        owner_index.index_by_controller(self._jobs)
        self._written = OwnWrites()
        self._cron_jobs = context.watch(kinds.CRON_JOB, self._cron_job_changed)
        context.watch(kinds.JOB, self._job_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one CronJob."""
        namespace, name = meta.split_key(key)
        cron_job = self._cron_jobs.get(name, namespace)
        if cron_job is None:
            return None
        cron_job = self._written.newest(cron_job)
        jobs = self._jobs.by_index(owner_index.BY_CONTROLLER, cron_job["metadata"]["uid"])
        for each in cronjob_plan.to_forget(cron_job, jobs):
            await self._delete(cron_job, each)
        status = await self._seen(cron_job, jobs)
        made = await self._serve(cron_job, status)
        if status != (cron_job.get("status") or {}):
            wanted = {**cron_job, "status": status}
            self._written.note(await self._client.update(kinds.CRON_JOB, wanted, subresource="status"))
        return made

    async def _serve(self, cron_job: Obj, status: Obj) -> float | None:
        """Make a Job when one is due, noting it in `status`; returns seconds until the next time."""
        if meta.is_deleting(cron_job) or cron_job["spec"].get("suspend"):
            return None
        try:
            times = cronjob_plan.timetable(cron_job)
        except cronjob_plan.Unusable as error:
            self._event(cron_job, "Warning", error.reason, str(error))
            return None
        due = cronjob_plan.due(cron_job, times, now=self._clock.now())
        again_s = None if due.next_s is None else due.next_s + _SLACK_S
        if due.many_missed:
            message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self._event(cron_job, "Warning", "TooManyMissedTimes", message)
        if due.too_late:
            self._event(
                cron_job, "Warning", "MissSchedule", "Missed scheduled time to start a job: its deadline is over"
            )
        if due.at is None or not await self._has_room(cron_job, status, due):
            return again_s
        await self._make(cron_job, status, times, due.at)
        return again_s

    async def _has_room(self, cron_job: Obj, status: Obj, due: Due) -> bool:
        """Whether the Jobs that run let another one begin; `Replace` ends them."""
        policy, active = cron_job["spec"].get("concurrencyPolicy", "Allow"), status.get("active") or []
        if policy == "Forbid" and active:
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._event(cron_job, "Normal", "JobAlreadyActive", message)
            return False
        if policy == "Replace":
            assert due.at is not None
            replaced = [each for each in active if each["name"] != cronjob_plan.job_name(cron_job, due.at)]
            for each in replaced:
                running = self._jobs.get(each["name"], each["namespace"])
                if running is not None:
                    await self._delete(cron_job, running)
                active.remove(each)
        return True

    async def _make(self, cron_job: Obj, status: Obj, times: Timetable, at: float) -> None:
        wanted = cronjob_plan.job(cron_job, times, at)
        name = wanted["metadata"]["name"]
        try:
            made = await self._client.create(kinds.JOB, wanted)
        except errors.AlreadyExists:
            made = await self._client.get(kinds.JOB, name, namespace=wanted["metadata"]["namespace"])
            if ownership.controller_uid(made) != cron_job["metadata"]["uid"]:
                self._event(cron_job, "Warning", "FailedCreate", f"Error creating job: job {name} is somebody else's")
                return
        except errors.StatusError as error:
            if refusals.namespace_is_leaving(error):
                return
            self._event(cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        else:
            self._event(cron_job, "Normal", "SuccessfulCreate", f"Created job {name}")
        if not cronjob_plan.outcome(made):
            status["active"] = [*(status.get("active") or ()), cronjob_plan.reference(made)]
        status["lastScheduleTime"] = meta.timestamp(at)

    async def _seen(self, cron_job: Obj, jobs: Sequence[Obj]) -> Obj:
        """The status after a look at the Jobs; what has ended or gone is told."""
        status = dict(cron_job.get("status") or {})
        active = {each["uid"]: each for each in status.get("active") or ()}
        by_uid = {each["metadata"]["uid"]: each for each in jobs}
        for uid, each in by_uid.items():
            ended = cronjob_plan.outcome(each)
            if uid in active and ended:
                message = f"Saw completed job: {each['metadata']['name']}, condition: {ended}"
                self._event(cron_job, "Normal", "SawCompletedJob", message)
                del active[uid]
            elif uid not in active and not ended and not meta.is_deleting(each):
                # Made by us before a crash: its time is not noted yet. One made by hand is not a run of the schedule,
                # so it neither stands in the way of one nor is replaced by one.
                if self._is_due(cron_job, each):
                    active[uid] = cronjob_plan.reference(each)
                    continue
                message = f"Saw a job that the controller did not create or forgot: {each['metadata']['name']}"
                self._event(cron_job, "Warning", "UnexpectedJob", message)
            if ended == "Complete" and (at := (each.get("status") or {}).get("completionTime")):
                status["lastSuccessfulTime"] = max(at, status.get("lastSuccessfulTime") or at)
        for uid, entry in list(active.items()):
            if uid not in by_uid and not await self._exists(entry):
                self._event(cron_job, "Normal", "MissingJob", f"Active job went missing: {entry['name']}")
                del active[uid]
        status["active"] = list(active.values())
        return {name: value for name, value in status.items() if value}

    @staticmethod
    def _is_due(cron_job: Obj, job: Obj) -> bool:
        last = (cron_job.get("status") or {}).get("lastScheduleTime")
        stamp = (job["metadata"].get("annotations") or {}).get(cronjob_plan.SCHEDULED_AT, "")
        return bool(stamp) and (not last or meta.parse_time(stamp) > meta.parse_time(last))

    async def _exists(self, entry: Obj) -> bool:
        """Whether a Job that the cache does not show is there all the same."""
        try:
            found = await self._client.get(kinds.JOB, entry["name"], namespace=entry["namespace"])
        except errors.NotFound:
            return False
        return bool(found["metadata"]["uid"] == entry["uid"])

    async def _delete(self, cron_job: Obj, job: Obj) -> None:
        about = job["metadata"]
        options = DeleteOptions(uid=about["uid"], propagation="Background")
        try:
            await self._client.delete(kinds.JOB, about["name"], namespace=about["namespace"], options=options)
        except (errors.NotFound, errors.Conflict):
            return
        except errors.StatusError as error:
            self._event(cron_job, "Warning", "FailedDelete", f"Deleted job: {error}")
            raise
        self._event(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {about['name']}")

    def _event(self, cron_job: Obj, type: str, reason: str, message: str) -> None:
        self._events.event(cron_job, kinds.CRON_JOB, type, reason, message)

    def _cron_job_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        self._written.observe(event, obj)
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(meta.key(obj))

    def _job_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for obj in (old, new):
            owner = meta.controller_of(obj) if obj is not None else None
            if obj is not None and owner is not None and owner["kind"] == kinds.CRON_JOB.kind:
                self._queue.add(f"{obj['metadata']['namespace']}/{owner['name']}")
