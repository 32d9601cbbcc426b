"""What a Job does next: Pods to create and delete, and its status. Pure.

    running ──enough succeeded──▶ SuccessCriteriaMet ──its Pods have ended──▶ Complete
       ├── a limit, a deadline, a policy ──▶ FailureTarget ──its Pods have ended──▶ Failed
       └── suspend ──▶ Suspended, no Pods ──resumed──▶ running

Source: Concepts, "Jobs"; the API reference, "JobStatus"; reasons and texts are kube-controller-manager's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.batch import job_indexes, job_pods, job_rules
from hyperpy.components.controllers.batch.job_tally import Tally, tally

COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
CRITERIA_MET, FAILURE_TARGET = "SuccessCriteriaMet", "FailureTarget"
#: The first wait after a failure, doubled by each further one. Source: kube-controller-manager.
BACK_OFF_S = 10.0
MAX_BACK_OFF_S = 600.0
#: At most so many creations or deletions in one pass.
BURST = 500


@dataclass(frozen=True, slots=True)
class Start:
    """A Pod to create. `index` is None when the Job has no indexes."""

    index: int | None = None
    failures: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """Something users are told by an Event."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One pass over a Job. The status is written before `release` loses its finalizers, and after the Pods were made.

    Args:
        recheck_s: when to look again though nothing changes, or None.
    """

    status: Obj
    create: tuple[Start, ...] = ()
    delete: tuple[Obj, ...] = ()
    release: tuple[Obj, ...] = ()
    news: tuple[News, ...] = ()
    recheck_s: float | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """Why the Job is to end: the condition that says so first, and its words."""

    target: str
    reason: str
    message: str


def outcome(job: Obj) -> str:
    """Complete or Failed, or "" while it is neither."""
    return next((name for name in (COMPLETE, FAILED) if _is(job, name)), "")


def plan(job: Obj, owned: Sequence[Obj], *, now: float) -> Plan:
    """Look at a Job that has not ended and at all its Pods."""
    active = [pod for pod in owned if not pods.is_terminal(pod) and not meta.is_deleting(pod)]
    leaving = [pod for pod in owned if job_pods.is_terminating(pod)]
    known = _known_end(job)
    counted = tally(job, owned, over=known is not None)
    end = known or _end(job, counted, active, now=now)
    if end is not None and known is None:
        counted = tally(job, owned, over=True)
    suspended = bool(job["spec"].get("suspend")) and end is None
    start: tuple[Start, ...] = ()
    surplus: tuple[Obj, ...] = tuple(active)
    wait_s = None
    if end is None and not suspended:
        start, surplus, wait_s = _balance(job, owned, active, leaving, counted, now=now)
    status, news = _status(job, counted, active=active, leaving=leaving, end=end, now=now)
    recheck_s = [each for each in (wait_s, _deadline_in(job, now=now) if end is None else None) if each is not None]
    if counted.more:
        recheck_s.append(0.0)
    return Plan(
        status=status,
        create=start,
        delete=surplus[:BURST],
        release=counted.release,
        news=tuple(news),
        recheck_s=min(recheck_s, default=None),
    )


# -- how many Pods


def _balance(
    job: Obj, owned: Sequence[Obj], active: list[Obj], leaving: list[Obj], counted: Tally, *, now: float
) -> tuple[tuple[Start, ...], tuple[Obj, ...], float | None]:
    """Pods to start, Pods to delete, and how long to wait for a back-off."""
    if job_pods.is_indexed(job):
        return _balance_indexes(job, owned, active, leaving, counted, now=now)
    wanted = _wanted(job, len(active), counted)
    if len(active) > wanted:
        return (), tuple(_first_to_delete(active)[: len(active) - wanted]), None
    missing = wanted - len(active) - (len(leaving) if job_pods.replaces_only_failed(job) else 0)
    if missing <= 0:
        return (), (), None
    wait_s = _back_off(job, owned, now=now)
    if wait_s > 0:
        return (), (), wait_s
    return (Start(),) * min(missing, BURST), (), None


def _wanted(job: Obj, active: int, counted: Tally) -> int:
    parallelism: int = job["spec"].get("parallelism", 1)
    completions = job["spec"].get("completions")
    if completions is None:
        # One success says that the work is done: those that run may finish, none is added.
        return min(active, parallelism) if counted.all_succeeded else parallelism
    return max(0, min(parallelism, completions - counted.all_succeeded))


def _balance_indexes(
    job: Obj, owned: Sequence[Obj], active: list[Obj], leaving: list[Obj], counted: Tally, *, now: float
) -> tuple[tuple[Start, ...], tuple[Obj, ...], float | None]:
    completions = job["spec"].get("completions") or 0
    done = counted.completed | counted.failed_indexes
    keep: dict[int, Obj] = {}
    surplus: list[Obj] = []
    for pod in sorted(active, key=_age):
        index = job_pods.index(pod)
        if index is None or index >= completions or index in done or index in keep:
            surplus.append(pod)
        else:
            keep[index] = pod
    room = max(0, min(job["spec"].get("parallelism", 1), completions - len(done)))
    for index in sorted(keep, reverse=True)[: max(0, len(keep) - room)]:
        surplus.append(keep.pop(index))
    taken = set(keep)
    if job_pods.replaces_only_failed(job):
        taken |= {index for pod in leaving if (index := job_pods.index(pod)) is not None}
    missing = min(room - len(taken), BURST)
    if missing <= 0:
        return (), tuple(surplus), None
    per_index = job["spec"].get("backoffLimitPerIndex") is not None
    wait_s = 0.0 if per_index else _back_off(job, owned, now=now)
    if wait_s > 0:
        return (), tuple(surplus), wait_s
    free = (index for index in range(completions) if index not in done and index not in taken)
    last = _last_failures(job, owned) if per_index else {}
    starts: list[Start] = []
    waits: list[float] = []
    for index in free:
        if len(starts) == missing:
            break
        begin, wait_s = _begin(job, index, last.get(index), now=now)
        if wait_s > 0:
            waits.append(wait_s)
        else:
            starts.append(begin)
    return tuple(starts), tuple(surplus), min(waits, default=None)


def _begin(job: Obj, index: int, failed: Obj | None, *, now: float) -> tuple[Start, float]:
    """The next Pod of an index after one that failed, and how long to wait with it."""
    if failed is None:
        return Start(index), 0.0
    failures = job_pods.count(failed, job_pods.FAILURES)
    ignored = job_pods.count(failed, job_pods.IGNORED)
    if job_rules.judge(job, failed).action == job_rules.IGNORE:
        ignored += 1
    else:
        failures += 1
    wait_s = job_pods.ended_at(failed) + _delay(failures + ignored) - now
    return Start(index, failures, ignored), wait_s


def _last_failures(job: Obj, owned: Sequence[Obj]) -> dict[int, Obj]:
    """The failed Pod with the most failures behind it, by index."""
    last: dict[int, Obj] = {}
    failed = [pod for pod in owned if job_pods.has_failed(pod, job) and job_pods.is_tracked(pod)]
    for pod in sorted(failed, key=lambda each: (job_pods.count(each, job_pods.FAILURES), _age(each))):
        index = job_pods.index(pod)
        if index is not None:
            last[index] = pod
    return last


def _back_off(job: Obj, owned: Sequence[Obj], *, now: float) -> float:
    """Seconds to wait before the next Pod: by the failures since the last success."""
    succeeded = [job_pods.ended_at(pod) for pod in owned if job_pods.has_succeeded(pod)]
    since = max(succeeded, default=float("-inf"))
    failed = [job_pods.ended_at(pod) for pod in owned if pods.phase(pod) == "Failed"]
    failed = [ended for ended in failed if ended > since]
    return max(failed) + _delay(len(failed)) - now if failed else 0.0


def _delay(failures: int) -> float:
    return float(min(MAX_BACK_OFF_S, BACK_OFF_S * 2 ** (failures - 1))) if failures else 0.0


def _first_to_delete(active: Sequence[Obj]) -> list[Obj]:
    """Pods that have not begun go first, then those that are not ready, then the youngest."""
    placed = {"Pending": 0, "Unknown": 1, "Running": 2}
    by_age = sorted(active, key=_age, reverse=True)
    return sorted(by_age, key=lambda pod: (placed.get(pods.phase(pod), 1), pods.is_ready(pod)))


def _age(pod: Obj) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp", "")), str(pod["metadata"]["name"])


# -- whether it is to end


def _known_end(job: Obj) -> _End | None:
    for target in (FAILURE_TARGET, CRITERIA_MET):
        if _is(job, target):
            found = meta.condition(job, target) or {}
            return _End(target, found.get("reason", ""), found.get("message", ""))
    return None


def _end(job: Obj, counted: Tally, active: Sequence[Obj], *, now: float) -> _End | None:
    spec = job["spec"]
    if counted.fatal is not None:
        return _End(FAILURE_TARGET, "PodFailurePolicy", counted.fatal.message)
    if counted.all_failed > spec.get("backoffLimit", 6) or _restarts_exceed(job, active):
        return _End(FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left_s = _deadline_in(job, now=now)
    if left_s is not None and left_s <= 0:
        return _End(FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline")
    most = spec.get("maxFailedIndexes")
    if most is not None and len(counted.failed_indexes) > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return _End(FAILURE_TARGET, "MaxFailedIndexesExceeded", text)
    matched = job_rules.enough(job, set(counted.completed)) if job_pods.is_indexed(job) else ""
    if matched:
        return _End(CRITERIA_MET, "SuccessPolicy", matched)
    return _end_of_work(job, counted, active)


def _end_of_work(job: Obj, counted: Tally, active: Sequence[Obj]) -> _End | None:
    spec = job["spec"]
    completions = spec.get("completions")
    reached = _End(CRITERIA_MET, "CompletionsReached", "Reached expected number of succeeded pods")
    if completions is None:
        return reached if counted.all_succeeded and not active else None
    if counted.failed_indexes and len(counted.completed) + len(counted.failed_indexes) >= completions:
        return _End(FAILURE_TARGET, "FailedIndexes", "Job has failed indexes")
    return reached if counted.all_succeeded >= completions else None


def _restarts_exceed(job: Obj, active: Sequence[Obj]) -> bool:
    """Containers that are restarted in place count too, while their Pods live."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarted = sum(job_pods.restarts(pod) for pod in active)
    limit = job["spec"].get("backoffLimit", 6)
    return bool(restarted > 0 if limit == 0 else restarted >= limit)


def _deadline_in(job: Obj, *, now: float) -> float | None:
    """Seconds until `activeDeadlineSeconds` are over; None without such a limit, or while it is suspended."""
    limit_s = job["spec"].get("activeDeadlineSeconds")
    started = (job.get("status") or {}).get("startTime")
    if limit_s is None or job["spec"].get("suspend"):
        return None
    return float(limit_s) if not started else meta.parse_time(started) + limit_s - now


# -- the status


def _status(
    job: Obj, counted: Tally, *, active: Sequence[Obj], leaving: Sequence[Obj], end: _End | None, now: float
) -> tuple[Obj, list[News]]:
    old, stamp = job.get("status") or {}, meta.timestamp(now)
    conditions = list(old.get("conditions") or ())
    news: list[News] = []
    status: Obj = {
        **old,
        "active": len(active),
        "ready": sum(pods.is_ready(pod) for pod in active),
        "terminating": len(leaving),
        "succeeded": counted.succeeded,
        "failed": counted.failed,
        "uncountedTerminatedPods": _uncounted(counted),
    }
    if job_pods.is_indexed(job):
        status["completedIndexes"] = job_indexes.text(counted.completed)
        if job["spec"].get("backoffLimitPerIndex") is not None:
            status["failedIndexes"] = job_indexes.text(counted.failed_indexes)
    if end is None:
        _tell_suspension(job, status, conditions, news, stamp=stamp)
    else:
        status.setdefault("startTime", stamp)
        _tell_end(status, conditions, news, end, counted, stamp=stamp)
    if conditions:
        status["conditions"] = conditions
    return {name: value for name, value in status.items() if value is not None}, news


def _uncounted(counted: Tally) -> Obj:
    found = {"succeeded": list(counted.uncounted_succeeded), "failed": list(counted.uncounted_failed)}
    return {name: uids for name, uids in found.items() if uids}


def _tell_suspension(job: Obj, status: Obj, conditions: list[Obj], news: list[News], *, stamp: str) -> None:
    was = meta.find_condition(conditions, SUSPENDED)
    suspended = bool(job["spec"].get("suspend"))
    if suspended:
        status["startTime"] = None
        if was is None or was.get("status") != "True":
            _put(conditions, SUSPENDED, "True", "JobSuspended", "Job suspended", stamp=stamp)
            news.append(News("Normal", "Suspended", "Job suspended"))
        return
    if status.get("startTime") is None:
        status["startTime"] = stamp
    if was is not None and was.get("status") == "True":
        _put(conditions, SUSPENDED, "False", "JobResumed", "Job resumed", stamp=stamp)
        news.append(News("Normal", "Resumed", "Job resumed"))


def _tell_end(status: Obj, conditions: list[Obj], news: list[News], end: _End, counted: Tally, *, stamp: str) -> None:
    """First the condition that says why; once nothing runs and all is counted, the one that says that it is over."""
    _put(conditions, end.target, "True", end.reason, end.message, stamp=stamp)
    on_their_way = status["active"] or status["terminating"] or status["uncountedTerminatedPods"] or counted.more
    if on_their_way:
        return
    if end.target == CRITERIA_MET:
        _put(conditions, COMPLETE, "True", end.reason, end.message, stamp=stamp)
        status["completionTime"] = stamp
        news.append(News("Normal", "Completed", "Job completed"))
    else:
        _put(conditions, FAILED, "True", end.reason, end.message, stamp=stamp)
        news.append(News("Warning", end.reason, end.message))


def _put(conditions: list[Obj], name: str, status: str, reason: str, message: str, *, stamp: str) -> None:
    old = meta.find_condition(conditions, name)
    if old is not None and (old.get("status"), old.get("reason")) == (status, reason):
        return
    entry = {"type": name, "status": status, "reason": reason, "message": message, "lastProbeTime": stamp}
    meta.set_condition(conditions, entry, now=stamp)


def _is(job: Obj, name: str) -> bool:
    found = meta.condition(job, name)
    return found is not None and found.get("status") == "True"
