"""Jobs over the real API: completions, indexes, limits, policies, suspension, each end counted once, and the faults."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.components.controllers.batch import job_indexes, job_plan, job_pods

from ..faults import FAULTS, survive


def job(name: str = "work", *, restart: str = "Never", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": "x"}], "restartPolicy": restart}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": {"spec": pod}, **spec}}


async def get(world: Any, name: str = "work") -> Any:
    return await world.client.get(kinds.JOB, name, namespace="default")


async def active(world: Any) -> list[Any]:
    found = [pod for pod in await world.list(kinds.POD) if pods.is_active(pod)]
    return sorted(found, key=lambda pod: pod["metadata"]["name"])


async def end(world: Any, pod: Any, *, code: int = 0, conditions: Any = ()) -> None:
    """Speak for the kubelet: the Pod's container has ended."""
    now = meta.timestamp(world.clock.now())
    terminated = {"exitCode": code, "reason": "Completed" if not code else "Error", "finishedAt": now, "startedAt": now}
    state = {"terminated": terminated}
    container = {"name": "c", "state": state, "ready": False, "restartCount": 0, "image": "x", "imageID": ""}
    status = {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [container],
        "conditions": [{"type": name, "status": "True", "lastTransitionTime": now} for name in conditions],
    }
    about = pod["metadata"]
    try:
        await world.client.patch(
            kinds.POD, about["name"], {"status": status}, namespace="default", subresource="status"
        )
    except errors.NotFound:
        pass


async def run(world: Any, code: Any = lambda pod: 0, *, steps: int = 400, step_s: float = 1.0) -> Any:
    """Every Pod ends as soon as it is there, until the Job has."""
    for _ in range(steps):
        for pod in await active(world):
            await end(world, pod, code=code(pod))
        await world.clock.advance(step_s)
        found = await get(world)
        if job_plan.outcome(found):
            return found
    raise AssertionError(f"the job has not ended: {found['status']}")


def reason(found: Any, name: str) -> str:
    return str((meta.condition(found, name) or {}).get("reason", ""))


async def held(world: Any) -> list[str]:
    return [pod["metadata"]["name"] for pod in await world.list(kinds.POD) if job_pods.is_tracked(pod)]


async def test_a_job_runs_until_enough_have_succeeded(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(completions=5, parallelism=2))

    async def two() -> bool:
        return len(await active(world)) == 2

    await world.until(two)
    found = await run(world)
    assert found["status"]["succeeded"] == 5 and not found["status"].get("active")
    assert reason(found, "Complete") == reason(found, "SuccessCriteriaMet") == "CompletionsReached"
    assert found["status"]["completionTime"] >= found["status"]["startTime"]
    await world.quiet()
    assert await held(world) == []
    assert world.faulty.done.count(("create", kinds.POD)) == 5
    assert await world.events("Completed") == ["Job completed"]


async def test_without_a_number_one_success_is_enough_and_the_others_may_finish(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(parallelism=3))
    await world.clock.advance(1)
    first, second, third = await active(world)
    await end(world, first)
    await world.clock.advance(1)
    assert not job_plan.outcome(await get(world)) and len(await active(world)) == 2
    await end(world, second)
    await end(world, third, code=1)
    await world.clock.advance(1)
    found = await get(world)
    assert job_plan.outcome(found) == "Complete"
    assert (found["status"]["succeeded"], found["status"]["failed"]) == (2, 1)


async def test_failures_wait_longer_each_time_and_end_at_the_limit(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(backoffLimit=2))
    begun = world.clock.now()
    found = await run(world, lambda pod: 1)
    assert job_plan.outcome(found) == "Failed" and reason(found, "Failed") == "BackoffLimitExceeded"
    assert found["status"]["failed"] == 3
    assert 30 <= world.clock.now() - begun < 40  # 10 s and 20 s
    assert await world.events("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]
    await world.quiet()
    assert await held(world) == []


async def test_restarts_in_place_count_against_the_limit(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(backoffLimit=3, restart="OnFailure"))
    await world.clock.advance(1)
    (pod,) = await active(world)
    state = {"name": "c", "restartCount": 3, "ready": True, "image": "x", "imageID": "", "state": {"running": {}}}
    await world.client.patch(
        kinds.POD, pod["metadata"]["name"], {"status": {"phase": "Running", "containerStatuses": [state]}},
        namespace="default", subresource="status",
    )  # fmt: skip
    await world.clock.advance(1)
    assert reason(await get(world), "FailureTarget") == "BackoffLimitExceeded"
    assert await active(world) == []


async def test_a_deadline_ends_it(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(activeDeadlineSeconds=100))
    await world.clock.advance(99)
    assert len(await active(world)) == 1
    await world.clock.advance(3)
    assert await active(world) == []
    found = await get(world)
    assert reason(found, "FailureTarget") == "DeadlineExceeded"
    for pod in await world.list(kinds.POD):
        await end(world, pod, code=137)
    await world.clock.advance(1)
    assert reason(await get(world), "Failed") == "DeadlineExceeded"


async def test_a_suspended_job_has_no_pods_and_its_deadline_stands_still(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(activeDeadlineSeconds=100, suspend=True))
    await world.clock.advance(500)
    found = await get(world)
    assert await active(world) == [] and reason(found, "Suspended") == "JobSuspended"
    assert "startTime" not in found["status"]
    await world.client.patch(kinds.JOB, "work", {"spec": {"suspend": False}}, namespace="default")
    await world.clock.advance(50)
    assert len(await active(world)) == 1
    await world.client.patch(kinds.JOB, "work", {"spec": {"suspend": True}}, namespace="default")
    await world.clock.advance(1)
    assert await active(world) == []
    for pod in await world.list(kinds.POD):
        await end(world, pod, code=143)
    await world.client.patch(kinds.JOB, "work", {"spec": {"suspend": False}}, namespace="default")
    found = await run(world)
    assert job_plan.outcome(found) == "Complete"
    assert await world.events("Suspended") and await world.events("Resumed")


class TestIndexed:
    async def test_each_index_is_done_once(self, world: Any) -> None:
        await world.start("job")
        await world.client.create(kinds.JOB, job(completions=4, parallelism=3, completionMode="Indexed"))
        await world.clock.advance(1)
        first = (await active(world))[0]
        assert first["metadata"]["annotations"][job_pods.INDEX] == first["metadata"]["labels"][job_pods.INDEX] == "0"
        assert first["spec"]["hostname"] == "work-0" and first["metadata"]["name"].startswith("work-0-")
        variable = first["spec"]["containers"][0]["env"][0]
        assert variable["name"] == "JOB_COMPLETION_INDEX"
        failed_once: set[int] = set()

        def code(pod: Any) -> int:
            index = job_pods.index(pod)
            if index == 2 and index not in failed_once:
                failed_once.add(index)
                return 1
            return 0

        found = await run(world, code)
        assert (found["status"]["completedIndexes"], found["status"]["succeeded"]) == ("0-3", 4)
        assert found["status"]["failed"] == 1

    async def test_an_index_has_a_limit_and_a_back_off_of_its_own(self, world: Any) -> None:
        await world.start("job")
        spec = {"completions": 3, "parallelism": 3, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
        await world.client.create(kinds.JOB, job(**spec))
        found = await run(world, lambda pod: int(job_pods.index(pod) == 1))
        assert reason(found, "Failed") == "FailedIndexes"
        assert (found["status"]["completedIndexes"], found["status"]["failedIndexes"]) == ("0,2", "1")
        assert found["status"]["failed"] == 2
        await world.quiet()
        assert await held(world) == []

    async def test_too_many_failed_indexes_end_it(self, world: Any) -> None:
        await world.start("job")
        spec = {"completions": 5, "parallelism": 1, "completionMode": "Indexed"}
        await world.client.create(kinds.JOB, job(backoffLimitPerIndex=0, maxFailedIndexes=1, **spec))
        found = await run(world, lambda pod: 1)
        assert reason(found, "Failed") == "MaxFailedIndexesExceeded" and found["status"]["failedIndexes"] == "0,1"

    async def test_a_success_policy_ends_it_early(self, world: Any) -> None:
        await world.start("job")
        spec = {"completions": 4, "parallelism": 4, "completionMode": "Indexed"}
        await world.client.create(kinds.JOB, job(successPolicy={"rules": [{"succeededIndexes": "2"}]}, **spec))
        await world.clock.advance(1)
        await end(world, (await active(world))[2])
        await world.clock.advance(1)
        assert await active(world) == []
        found = await get(world)
        assert reason(found, "SuccessCriteriaMet") == "SuccessPolicy"
        for pod in await world.list(kinds.POD):
            if not pods.is_terminal(pod):
                await end(world, pod, code=143)
        await world.clock.advance(1)
        assert job_plan.outcome(await get(world)) == "Complete"


class TestFailurePolicy:
    async def test_an_exit_code_fails_the_job_at_once(self, world: Any) -> None:
        rule = {"action": "FailJob", "onExitCodes": {"containerName": "c", "operator": "In", "values": [42]}}
        await world.start("job")
        await world.client.create(kinds.JOB, job(podFailurePolicy={"rules": [rule]}, backoffLimit=10))
        found = await run(world, lambda pod: 42)
        assert reason(found, "Failed") == "PodFailurePolicy" and found["status"]["failed"] == 1
        message = meta.condition(found, "Failed")["message"]
        assert message.startswith("Container c for pod default/work-")
        assert message.endswith("failed with exit code 42 matching FailJob rule at index 0")

    async def test_a_disruption_is_not_counted(self, world: Any) -> None:
        rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        await world.start("job")
        await world.client.create(kinds.JOB, job(podFailurePolicy={"rules": [rule]}, backoffLimit=0))
        await world.clock.advance(1)
        await end(world, (await active(world))[0], code=137, conditions=["DisruptionTarget"])
        await world.clock.advance(15)
        found = await run(world)
        assert job_plan.outcome(found) == "Complete" and not found["status"].get("failed")

    async def test_an_index_fails_alone(self, world: Any) -> None:
        rule = {"action": "FailIndex", "onExitCodes": {"operator": "NotIn", "values": [0, 1]}}
        spec = {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 5}
        await world.start("job")
        await world.client.create(kinds.JOB, job(podFailurePolicy={"rules": [rule]}, **spec))
        found = await run(world, lambda pod: 7 if job_pods.index(pod) == 0 else 0)
        assert (found["status"]["failedIndexes"], found["status"]["completedIndexes"]) == ("0", "1")


async def test_a_leaving_pod_is_replaced_when_it_has_ended_if_asked(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(podReplacementPolicy="Failed"))
    await world.clock.advance(1)
    (pod,) = await active(world)
    name = pod["metadata"]["name"]
    binding = {"target": {"kind": "Node", "name": "n1"}, "metadata": {"name": name}}
    await world.client.create(kinds.POD, binding, namespace="default", name=name, subresource="binding")
    await world.client.delete(kinds.POD, pod["metadata"]["name"], namespace="default")
    await world.clock.advance(20)
    assert await active(world) == [] and (await get(world))["status"]["terminating"] == 1
    await end(world, pod, code=143)
    await world.clock.advance(15)
    assert len(await active(world)) == 1


async def test_pods_of_a_job_that_is_gone_are_let_go(world: Any) -> None:
    await world.start("job", "garbagecollector")
    await world.client.create(kinds.JOB, job(parallelism=3))
    await world.clock.advance(1)
    assert len(await held(world)) == 3
    await world.client.delete(kinds.JOB, "work", namespace="default")

    async def gone() -> bool:
        return not await held(world)

    await world.until(gone)


async def test_a_job_that_somebody_else_manages_is_left_alone(world: Any) -> None:
    await world.start("job")
    await world.client.create(kinds.JOB, job(managedBy="example.com/other"))
    await world.clock.advance(20)
    assert await world.list(kinds.POD) == []


class Work:
    """Three Pods succeed and one fails on the way."""

    controllers = ("job",)
    kinds = (kinds.JOB, kinds.POD)

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self.failed: set[str] = set()

    async def act(self, world: Any) -> None:
        self.failed = set()
        await world.client.create(kinds.JOB, job(completions=3, parallelism=2, completionMode=self._mode))

    async def settled(self, world: Any) -> bool:
        for pod in await active(world):
            fails = not self.failed
            if fails:
                self.failed.add(pod["metadata"]["name"])
            await end(world, pod, code=int(fails))
        return job_plan.outcome(await get(world)) == "Complete" and not await held(world)

    async def check(self, world: Any) -> None:
        status = (await get(world))["status"]
        assert (status["succeeded"], status["failed"]) == (3, 1)
        ended = Counter(pods.phase(pod) for pod in await world.list(kinds.POD))
        assert ended == {"Succeeded": 3, "Failed": 1}
        assert status.get("completedIndexes", "") == ("0-2" if self._mode == "Indexed" else "")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
async def test_every_end_is_counted_once_whatever_happens(mode: str, fault: str) -> None:
    await survive(Work(mode), fault)


@given(st.sets(st.integers(0, 60)))
def test_indexes_are_written_and_read_back(indexes: set[int]) -> None:
    assert job_indexes.parse(job_indexes.text(indexes), 61) == indexes


@given(
    completions=st.integers(1, 6),
    parallelism=st.integers(1, 4),
    indexed=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_any_interleaving_of_ends_counts_each_pod_once(
    completions: int, parallelism: int, indexed: bool, seed: int
) -> None:
    """The planner against a plain model of Pods: random ends, losses of finalizers in any order, no API."""
    dice = random.Random(seed)
    spec: dict[str, Any] = {
        "completions": completions,
        "parallelism": parallelism,
        "backoffLimit": 50,
        "template": {"spec": {}},
    }
    if indexed:
        spec["completionMode"] = "Indexed"
    found: dict[str, Any] = {"metadata": {"name": "j", "namespace": "n", "uid": "j"}, "spec": spec}
    there: list[dict[str, Any]] = []
    ends: Counter[str] = Counter()
    now = 0.0
    for number in range(2000):
        now += 700
        plan = job_plan.plan(found, there, now=now)
        assert len([pod for pod in there if pods.is_active(pod)]) + len(plan.create) - len(plan.delete) <= parallelism
        found = {**found, "status": plan.status}
        if job_plan.outcome(found):
            break
        for pod in plan.release:
            if dice.random() < 0.7:  # the others lose it in a later pass
                pod["metadata"]["finalizers"] = []
        for pod in plan.delete:
            there.remove(pod)
        for start in plan.create:
            annotations = {} if start.index is None else {job_pods.INDEX: str(start.index)}
            name = f"p{number}-{start.index}-{dice.random()}"
            there.append(
                {
                    "metadata": {
                        "name": name,
                        "uid": name,
                        "annotations": annotations,
                        "finalizers": [job_pods.FINALIZER],
                        "creationTimestamp": meta.timestamp(now),
                    },
                    "status": {},
                }
            )
        for pod in there:
            if pods.is_active(pod) and dice.random() < 0.6:
                pod["status"] = {"phase": dice.choice(["Succeeded", "Succeeded", "Failed"])}
                ends[pod["status"]["phase"]] += 1
    assert job_plan.outcome(found) == "Complete"
    assert found["status"]["succeeded"] == ends["Succeeded"] == completions
    assert found["status"]["failed"] == ends["Failed"]
