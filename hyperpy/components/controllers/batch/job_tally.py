"""Counts what has ended of a Job, each Pod once, whatever crashes in between. Pure.

    ended, held by the finalizer ──▶ its uid in status.uncountedTerminatedPods ──▶ finalizer removed ──▶ in the counter

The uids are written before the finalizers go, and the counters move when they are gone; indexes need no such detour,
for a set of them counts nothing twice. Source: KEP-2307, "Job tracking without lingering Pods".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.batch import job_indexes, job_pods, job_rules
from hyperpy.components.controllers.batch.job_rules import Verdict

#: Pods that are counted in one pass. Source: kube-controller-manager.
BURST = 500


@dataclass(frozen=True, slots=True)
class Tally:
    """What has ended.

    Args:
        succeeded, failed: the counters as they are to be written.
        uncounted_succeeded, uncounted_failed: uids on their way into the counters.
        completed, failed_indexes: of an Indexed Job.
        release: Pods whose finalizer may go once the status is written.
        fatal: the verdict that fails the whole Job, or None.
        more: there are ended Pods that did not fit into this pass.
    """

    succeeded: int
    failed: int
    uncounted_succeeded: tuple[str, ...]
    uncounted_failed: tuple[str, ...]
    completed: frozenset[int]
    failed_indexes: frozenset[int]
    release: tuple[Obj, ...]
    fatal: Verdict | None
    more: bool

    @property
    def all_failed(self) -> int:
        """Failures, also those on their way."""
        return self.failed + len(self.uncounted_failed)

    @property
    def all_succeeded(self) -> int:
        """Successes, also those on their way."""
        return self.succeeded + len(self.uncounted_succeeded)


def tally(job: Obj, pods: Sequence[Obj], *, over: bool) -> Tally:
    """Count.

    Args:
        pods: every Pod of the Job.
        over: the Job is to end: Pods that are leaving need not be waited for to say how they ended.
    """
    counting = _Counting(job, pods, over=over)
    ended = [pod for pod in pods if job_pods.is_tracked(pod) and _has_ended(job, pod, over=over)]
    for pod in ended[:BURST]:
        counting.take(pod)
    return counting.result(more=len(ended) > BURST)


def _has_ended(job: Obj, pod: Obj, *, over: bool) -> bool:
    if job_pods.has_succeeded(pod) or job_pods.has_failed(pod, job):
        return True
    return over and job_pods.is_terminating(pod)


class _Counting:
    def __init__(self, job: Obj, pods: Sequence[Obj], *, over: bool) -> None:
        status = job.get("status") or {}
        self._job = job
        self._indexed = job_pods.is_indexed(job)
        self._per_index = job["spec"].get("backoffLimitPerIndex")
        completions = job["spec"].get("completions") or 0
        self._completed = job_indexes.parse(status.get("completedIndexes") or "", completions)
        self._failed_indexes = job_indexes.parse(status.get("failedIndexes") or "", completions)
        self._completions = completions
        held = {pod["metadata"]["uid"] for pod in pods if job_pods.is_tracked(pod)}
        uncounted = status.get("uncountedTerminatedPods") or {}
        self._succeeded = [uid for uid in uncounted.get("succeeded") or () if uid in held]
        self._failed = [uid for uid in uncounted.get("failed") or () if uid in held]
        self._counted_succeeded = (
            (status.get("succeeded") or 0) + len(uncounted.get("succeeded") or ()) - len(self._succeeded)
        )
        self._counted_failed = (status.get("failed") or 0) + len(uncounted.get("failed") or ()) - len(self._failed)
        self._known = {*self._succeeded, *self._failed}
        self._release: list[Obj] = []
        self._fatal: Verdict | None = None
        self._newest = _newest_failures(job, pods) if self._per_index is not None and not over else {}

    def take(self, pod: Obj) -> None:
        """One Pod that has ended."""
        uid, index = pod["metadata"]["uid"], job_pods.index(pod)
        if job_pods.has_succeeded(pod):
            if self._indexed:
                if index is not None and index < self._completions:
                    self._completed.add(index)
            elif uid not in self._known:
                self._succeeded.append(uid)
            self._release.append(pod)
            return
        verdict = job_rules.judge(self._job, pod)
        if verdict.action == job_rules.FAIL_JOB and self._fatal is None:
            self._fatal = verdict
        if self._fails_its_index(pod, verdict):
            assert index is not None
            self._failed_indexes.add(index)
        elif index is not None and self._newest.get(index) == uid and index not in self._failed_indexes:
            return  # its number of failures is needed for the Pod that will take its place
        if verdict.action != job_rules.IGNORE and uid not in self._known:
            self._failed.append(uid)
        self._release.append(pod)

    def _fails_its_index(self, pod: Obj, verdict: Verdict) -> bool:
        if self._per_index is None or job_pods.index(pod) is None:
            return False
        if verdict.action == job_rules.FAIL_INDEX:
            return True
        return verdict.action != job_rules.IGNORE and job_pods.count(pod, job_pods.FAILURES) >= self._per_index

    def result(self, *, more: bool) -> Tally:
        """What came of it."""
        completed = frozenset(self._completed - self._failed_indexes)
        return Tally(
            succeeded=len(completed) if self._indexed else self._counted_succeeded,
            failed=self._counted_failed,
            uncounted_succeeded=tuple(self._succeeded),
            uncounted_failed=tuple(self._failed),
            completed=completed,
            failed_indexes=frozenset(self._failed_indexes),
            release=tuple(self._release),
            fatal=self._fatal,
            more=more,
        )


def _newest_failures(job: Obj, pods: Sequence[Obj]) -> dict[int, str]:
    """The failed Pods that no other one of their index has followed yet, by index."""
    newest: dict[int, tuple[int, str, Obj]] = {}
    for pod in pods:
        index = job_pods.index(pod)
        if index is None:
            continue
        age = (
            job_pods.count(pod, job_pods.FAILURES) + job_pods.count(pod, job_pods.IGNORED),
            pod["metadata"].get("creationTimestamp", ""),
        )
        if index not in newest or age >= newest[index][:2]:
            newest[index] = (*age, pod)
    return {
        index: pod["metadata"]["uid"]
        for index, (_, _, pod) in newest.items()
        if job_pods.has_failed(pod, job) and not job_pods.has_succeeded(pod)
    }
