"""Evictions and the disruption budgets that forbid them."""

from __future__ import annotations

import pytest

from hyperpy.api import errors, kinds, meta
from hyperpy.components.apiserver.subresources import disruption

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."


@pytest.fixture
async def evict(cluster):
    """Evicts a pod; answers with the response."""

    async def post(name="p", query="", **options):
        return await cluster.send("POST", f"{PODS}/{name}/eviction{query}", {"metadata": {"name": name}, **options})

    return post


@pytest.fixture
async def make(cluster, make_pod):
    """Makes a pod on a node, with a status."""

    async def create(name="p", *, phase="Running", ready=True):
        pod = make_pod(name, nodeName="n1")
        pod["metadata"]["labels"] = {"app": "web"}
        await cluster.client.create(kinds.POD, pod)
        ready_condition = {"type": "Ready", "status": "True" if ready else "False"}
        status = {"phase": phase, "conditions": [ready_condition]}
        await cluster.json(
            "PATCH", f"{PODS}/{name}/status", {"status": status}, content_type="application/merge-patch+json"
        )

    return create


@pytest.fixture
async def budget(cluster):
    """Makes a budget that was counted."""

    async def create(name="b", *, selector=None, generation=1, **status):
        spec = {"minAvailable": 1, "selector": selector or {"matchLabels": {"app": "web"}}, **status.pop("spec", {})}
        await cluster.json("POST", BUDGETS, {"metadata": {"name": name}, "spec": spec})
        counted = {"observedGeneration": generation, "desiredHealthy": 1, "currentHealthy": 1, **status}
        await cluster.json(
            "PATCH", f"{BUDGETS}/{name}/status", {"status": counted}, content_type="application/merge-patch+json"
        )

    return create


async def test_an_eviction_is_charged_to_the_budget_and_told_in_the_pod(cluster, make, budget, evict):
    await make()
    await budget(disruptionsAllowed=1)
    assert (await evict(deleteOptions={"gracePeriodSeconds": 7})).status == 201
    pod = await cluster.json("GET", f"{PODS}/p")
    assert pod["metadata"]["deletionGracePeriodSeconds"] == 7
    target = meta.condition(pod, "DisruptionTarget")
    assert (target["status"], target["reason"], target["message"]) == (
        "True", "EvictionByEvictionAPI", "Eviction API: evicting",
    )  # fmt: skip
    status = (await cluster.json("GET", f"{BUDGETS}/b"))["status"]
    assert (status["disruptionsAllowed"], status["disruptedPods"]) == (0, {"p": "2023-11-14T22:13:20Z"})
    assert status["conditions"][0]["reason"] == "InsufficientPods"


async def test_a_budget_that_is_used_up_refuses(cluster, make, budget, evict):
    await make()
    await budget(disruptionsAllowed=0)
    with pytest.raises(errors.TooManyRequests, match=VIOLATED) as refusal:
        await evict()
    assert refusal.value.details == {
        "causes": [
            {
                "reason": "DisruptionBudget",
                "message": "The disruption budget b needs 1 healthy pods and has 1 currently",
            }
        ]
    }
    assert not meta.is_deleting(await cluster.json("GET", f"{PODS}/p"))


async def test_a_budget_that_was_not_counted_yet_asks_to_come_again(make, budget, evict):
    await make()
    await budget(disruptionsAllowed=1, generation=0)
    with pytest.raises(errors.TooManyRequests) as refusal:
        await evict()
    assert refusal.value.details["causes"][0]["message"] == (
        "The disruption budget b is still being processed by the server."
    )
    assert refusal.value.retry_after_s == 10


async def test_two_budgets_for_a_pod_are_one_too_many(cluster, make, budget, evict):
    await make()
    await budget("b", disruptionsAllowed=1)
    await budget("c", disruptionsAllowed=1, selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]})
    response = await evict()
    assert response.status == 500
    assert b"This pod has more than one PodDisruptionBudget, which the eviction subresource does not" in response.body


async def test_an_empty_selector_covers_every_pod(make, budget, evict, cluster):
    await make()
    await cluster.json("POST", BUDGETS, {"metadata": {"name": "all"}, "spec": {"minAvailable": 1, "selector": {}}})
    with pytest.raises(errors.TooManyRequests):
        await evict()


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
async def test_a_pod_that_does_no_work_is_evicted_in_any_case(phase, make, budget, evict):
    await make(phase=phase, ready=False)
    await budget(disruptionsAllowed=0)
    assert (await evict()).status == 201


@pytest.mark.parametrize(
    ("status", "evicted"),
    [
        pytest.param({}, True, id="enough others are healthy"),
        pytest.param({"desiredHealthy": 2}, False, id="too few are healthy"),
        pytest.param(
            {"desiredHealthy": 2, "spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}, True, id="always allowed"
        ),
    ],
)
async def test_an_unhealthy_pod_goes_uncounted_where_it_may(status, evicted, cluster, make, budget, evict):
    await make(ready=False)
    await budget(disruptionsAllowed=0, **status)
    if not evicted:
        with pytest.raises(errors.TooManyRequests):
            await evict()
        return
    assert (await evict()).status == 201
    assert "disruptedPods" not in (await cluster.json("GET", f"{BUDGETS}/b"))["status"]


async def test_a_dry_run_asks_the_budget_and_changes_nothing(cluster, make, budget, evict):
    await make()
    await budget(disruptionsAllowed=1)
    before = await cluster.json("GET", f"{PODS}/p"), await cluster.json("GET", f"{BUDGETS}/b")
    assert (await evict(query="?dryRun=All")).status == 201
    assert (await evict(deleteOptions={"dryRun": ["All"]})).status == 201
    assert (await cluster.json("GET", f"{PODS}/p"), await cluster.json("GET", f"{BUDGETS}/b")) == before


async def test_preconditions_of_an_eviction_hold(make, evict):
    await make()
    with pytest.raises(errors.Conflict, match="UID in precondition"):
        await evict(deleteOptions={"preconditions": {"uid": "other"}})
    with pytest.raises(errors.Conflict, match="ResourceVersion in the precondition"):
        await evict(deleteOptions={"preconditions": {"resourceVersion": "1"}})


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"disruptionsAllowed": -1}, "pdb disruptions allowed is negative"),
        (
            {"disruptionsAllowed": 1, "disruptedPods": {str(number): "" for number in range(2001)}},
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
        ),
    ],
    ids=["negative", "too many"],
)
def test_a_status_that_cannot_be_right_forbids(status, why):
    with pytest.raises(errors.Forbidden) as refusal:
        disruption.charged({"metadata": {"name": "b"}, "status": status}, "p", now="2024-01-01T00:00:00Z")
    assert refusal.value.message == f'poddisruptionbudget.policy "b" is forbidden: {why}'


@pytest.mark.parametrize(
    ("status", "why"),
    [
        pytest.param({"currentHealthy": 2, "desiredHealthy": 2}, "needs 2 healthy pods and has 2 currently", id="few"),
        pytest.param(
            {"currentHealthy": 3, "conditions": [{"reason": "SyncFailed", "message": "no controllers"}]},
            "does not allow evicting pods currently because it failed sync: no controllers",
            id="not counted",
        ),
        pytest.param({"currentHealthy": 3}, "does not allow evicting pods currently", id="nobody says why"),
        pytest.param(
            {"currentHealthy": 3, "conditions": [{"reason": "Frozen", "message": "for now"}]},
            "does not allow evicting pods currently (Frozen): for now",
            id="somebody else's reason",
        ),
    ],
)
def test_a_refusal_says_why_nothing_is_allowed(status, why):
    about = {"type": "DisruptionAllowed", "status": "False"}
    conditions = [{**about, **each} for each in status.get("conditions", ())]
    with pytest.raises(errors.TooManyRequests) as refusal:
        disruption.charged({"metadata": {"name": "b"}, "status": {**status, "conditions": conditions}}, "p", now="")
    assert refusal.value.details["causes"][0]["message"] == f"The disruption budget b {why}"
