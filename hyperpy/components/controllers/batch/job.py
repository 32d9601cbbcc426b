"""Job controller: runs Pods until enough of them have succeeded.

Watches: Job, Pod.   Writes: Pod, Job/status.

Its Pods hold a finalizer until their end is counted. The planner is in `job_plan`, the counting in `job_tally`, the
policies in `job_rules`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from hyperpy.api import errors, kinds, labels, meta, pods
from hyperpy.api.validation.jobs import NAME_LABEL
from hyperpy.client.protocol import STRATEGIC_PATCH, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.batch import job_plan, job_pods
from hyperpy.components.controllers.batch.job_plan import Plan, Start
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import adoption, owner_index, ownership, pod_control, refusals
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites
from hyperpy.components.controllers.workloads import replicas

#: `spec.managedBy` of a Job that is ours; one with another name is left alone.
OURS = "kubernetes.io/job-controller"
_TRACKED = "tracked-pods-of-job"
_RELEASE = {"metadata": {"$deleteFromPrimitiveList/finalizers": [job_pods.FINALIZER]}}
_AT_ONCE = 16  # Pods that lose their finalizers at the same time


class JobController:
    """Keys are Jobs, also ones that are gone and whose Pods still hold the finalizer."""

    name = "job-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._rng = context.rng
        self._queue = queue
        self._events = context.events(self.name)
        self._pods = context.informers.of(kinds.POD)
        owner_index.index_by_controller(self._pods)
        self._pods.add_index(_TRACKED, _job_of_tracked)
        self._control = pod_control.PodControl(
            context.client, kind=kinds.JOB, pods=self._pods, events=self._events, clock=context.clock, rng=context.rng
        )
        self._written = OwnWrites()
        self._jobs = context.watch(kinds.JOB, self._job_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Take one Job a step further."""
        wait_s = await self._control.wait_s(key)
        if wait_s is not None:
            return wait_s
        namespace, name = meta.split_key(key)
        job = self._jobs.get(name, namespace)
        await self._release(key, await self._orphans(key, job))
        if job is None:
            return None
        job = self._written.newest(job)
        if job["spec"].get("managedBy", OURS) != OURS:
            return None
        owned = await self._claim(job)
        if meta.is_deleting(job) or job_plan.outcome(job):
            await self._finish(job, owned)
            return None
        return await self._carry_out(job, job_plan.plan(job, owned, now=self._clock.now()))

    async def _carry_out(self, job: Obj, plan: Plan) -> float | None:
        failure = await self._balance(job, plan)
        if not replicas.is_same_status(job.get("status") or {}, plan.status):
            wanted = {**job, "status": plan.status}
            self._written.note(await self._client.update(kinds.JOB, wanted, subresource="status"))
        for news in plan.news:
            self._events.event(job, kinds.JOB, news.type, news.reason, news.message)
        await self._release(meta.key(job), plan.release)
        if failure is not None and not refusals.namespace_is_leaving(failure):
            raise failure
        return plan.recheck_s

    async def _balance(self, job: Obj, plan: Plan) -> errors.StatusError | None:
        try:
            await self._control.delete(job, plan.delete)
            await self._control.create_pods(job, [self._pod(job, start) for start in plan.create])
        except errors.StatusError as error:
            return error
        return None

    def _pod(self, job: Obj, start: Start) -> Obj:
        base = job["metadata"]["name"] + ("-" if start.index is None else f"-{start.index}-")
        pod = pod_control.from_template(job, kinds.JOB, name=meta.generate_name(base, self._rng))
        pod["metadata"]["generateName"] = base
        pod["metadata"]["finalizers"] = [*(pod["metadata"].get("finalizers") or ()), job_pods.FINALIZER]
        return pod if start.index is None else indexed(job, pod, start)

    async def _claim(self, job: Obj) -> list[Obj]:
        claims = ownership.claim(
            job,
            owner_index.candidates(self._pods, job),
            matches=labels.from_selector(job["spec"].get("selector")).matches,
        )
        return await adoption.settle(self._client, claims, kind=kinds.POD, owner=job, owner_kind=kinds.JOB)

    async def _finish(self, job: Obj, owned: Sequence[Obj]) -> None:
        """A Job that has ended, or is going: nothing runs on, and nothing is held."""
        if not meta.is_deleting(job):
            await self._control.delete(job, [pod for pod in owned if pods.is_active(pod)])
        await self._release(meta.key(job), [pod for pod in owned if job_pods.is_tracked(pod)])

    async def _orphans(self, key: str, job: Obj | None) -> list[Obj]:
        """Pods that hold the finalizer for a Job that is not there any more."""
        uid = job["metadata"]["uid"] if job is not None else ""
        held = [pod for pod in self._pods.by_index(_TRACKED, key) if ownership.controller_uid(pod) != uid]
        if not held:
            return []
        namespace, name = meta.split_key(key)
        try:  # the cache of Jobs may be behind that of Pods
            uid = (await self._client.get(kinds.JOB, name, namespace=namespace))["metadata"]["uid"]
        except errors.NotFound:
            uid = ""
        return [pod for pod in held if ownership.controller_uid(pod) != uid or not uid]

    async def _release(self, key: str, held: Sequence[Obj]) -> None:
        for start in range(0, len(held), _AT_ONCE):
            await asyncio.gather(*(self._release_one(key, pod) for pod in held[start : start + _AT_ONCE]))

    async def _release_one(self, key: str, pod: Obj) -> None:
        about = pod["metadata"]
        body: Any = {"metadata": {**_RELEASE["metadata"], "uid": about["uid"]}}
        try:
            released = await self._client.patch(
                kinds.POD, about["name"], body, namespace=about["namespace"], patch_type=STRATEGIC_PATCH
            )
        except (errors.NotFound, errors.Conflict):
            return  # gone, or another one of that name
        cached = self._pods.get(about["name"], about["namespace"])
        self._control.expectations.updated(key, released, cached=cached, now=self._clock.monotonic())

    def _job_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        key = meta.key(obj)
        self._written.observe(event, obj)
        if event == "DELETED":
            self._control.expectations.forget(key)
        if owner_index.differs_beyond_status(event, old, new):
            self._queue.add(key)

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        self._control.expectations.observe(event, pod)
        for obj in (old, new):
            for key in () if obj is None else (*_job_of(obj), *_job_of_tracked(obj)):
                self._queue.add(key)


def indexed(job: Obj, pod: Obj, start: Start) -> Obj:
    """A Pod that stands for an index: it knows it by annotation, label, host name and environment."""
    index, metadata, spec = str(start.index), pod["metadata"], pod["spec"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), job_pods.INDEX: index}
    metadata["labels"] = {**(metadata.get("labels") or {}), job_pods.INDEX: index}
    if job["spec"].get("backoffLimitPerIndex") is not None:
        metadata["annotations"][job_pods.FAILURES] = str(start.failures)
        if start.ignored:
            metadata["annotations"][job_pods.IGNORED] = str(start.ignored)
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{job_pods.INDEX}']"}}
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
    spec = {**spec, "hostname": f"{job['metadata']['name']}-{index}"}
    for field in ("initContainers", "containers"):
        if spec.get(field):
            spec[field] = [_with_variable(each, variable) for each in spec[field]]
    return {**pod, "spec": spec}


def _with_variable(container: Obj, variable: Obj) -> Obj:
    given = container.get("env") or []
    if any(each["name"] == variable["name"] for each in given):
        return container
    return {**container, "env": [*given, variable]}


def _job_of(pod: Obj) -> Iterable[str]:
    owner = meta.controller_of(pod)
    if owner is not None and owner["kind"] == kinds.JOB.kind:
        yield f"{pod['metadata']['namespace']}/{owner['name']}"


def _job_of_tracked(pod: Obj) -> Iterable[str]:
    """The key of the Job that a Pod with the finalizer is, or was, for."""
    if not job_pods.is_tracked(pod):
        return
    name = (pod["metadata"].get("labels") or {}).get(NAME_LABEL)
    keys = list(_job_of(pod))
    if not keys and name:
        keys = [f"{pod['metadata']['namespace']}/{name}"]
    yield from keys
