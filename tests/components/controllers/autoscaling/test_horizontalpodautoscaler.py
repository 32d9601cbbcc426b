"""Autoscalers follow the metrics of all five kinds, as fast as they may, and say what they do and what they miss."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.components.controllers.options import Autoscaling

from ..faults import FAULTS, survive
from .metrics_servers import MetricsServers

WIDGET = Kind("example.com", "v1", "Widget", "widgets")
CPU_50 = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}


def autoscaler(*metrics: Any, least: int = 1, most: int = 10, name: str = "h", **extra: Any) -> dict[str, Any]:
    target = extra.pop("target", {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"})
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, "metrics": list(metrics), **extra}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def get(world: Any, name: str = "h") -> Any:
    return await world.client.get(kinds.HORIZONTAL_POD_AUTOSCALER, name, namespace="default")


async def conditions(world: Any, name: str = "h") -> dict[str, tuple[str, str]]:
    status = (await get(world, name)).get("status") or {}
    return {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions") or ()}


async def size(world: Any) -> int:
    found = await world.client.get(kinds.REPLICA_SET, "web", namespace="default")
    return int(found["spec"]["replicas"])


async def sized(world: Any, replicas: int) -> bool:
    return await size(world) == replicas


async def told(world: Any, reason: str) -> list[str]:
    """Waits for an event."""
    found: list[str] = await world.until(lambda: world.events(reason))
    return found


async def see_to_pods(world: Any, servers: MetricsServers | None = None, cpu: str = "") -> list[Any]:
    """Speaks for kubelets and for the metrics server: Pods run, are ready, and all use the same."""
    found = list(await world.list(kinds.POD))
    for pod in found:
        if not pod.get("status", {}).get("conditions"):
            await world.set_pod(pod)
            started = {"status": {"startTime": meta.timestamp(world.clock.now() - 3600)}}
            name = pod["metadata"]["name"]
            await world.client.patch(kinds.POD, name, started, namespace="default", subresource="status")
    if servers is not None:
        servers.every(found, cpu=cpu)
    return found


def web(make: Any, replicas: int, request: str = "1") -> Any:
    made = make.replica_set("web", replicas)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": request}}
    return made


@pytest.fixture
async def servers(world: Any) -> MetricsServers:
    return MetricsServers(world)


@pytest.fixture
async def running(world: Any, make: Any, servers: MetricsServers) -> Any:
    """A ReplicaSet of two Pods, and the loops."""
    await world.start("horizontal-pod-autoscaling", "replicaset")
    await world.client.create(kinds.REPLICA_SET, web(make, 2))

    async def both() -> bool:
        return len(await see_to_pods(world)) == 2

    await world.until(both)
    return world


async def test_cpu_above_its_target_adds_pods(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "900m")
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await running.until(lambda: sized(running, 4))
    text = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
    assert await told(running, "SuccessfulRescale") == [text]
    status = (await get(running))["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 4)
    assert status["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 90, "averageValue": "900m"}}}
    ]
    assert "lastScaleTime" in status
    assert await conditions(running) == {
        "AbleToScale": ("True", "SucceededRescale"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("False", "DesiredWithinRange"),
    }


async def test_it_shrinks_when_no_more_was_recommended_for_a_while(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "100m")
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await running.clock.advance(280)
    assert await size(running) == 2
    assert (await conditions(running))["AbleToScale"] == ("True", "ScaleDownStabilized")
    await running.clock.advance(30)
    assert await size(running) == 1
    assert await told(running, "SuccessfulRescale") == ["New size: 1; reason: All metrics below target"]


async def test_each_is_looked_at_every_sync_period(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "500m")
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await running.clock.advance(1)
    servers.asked.clear()
    running.faulty.done.clear()
    await running.clock.advance(150)
    assert len(servers.asked) == 10
    assert running.faulty.done == [], "a status that stays as it is is not written"


async def test_the_component_s_options_set_the_pace(world: Any, make: Any, servers: MetricsServers) -> None:
    pace = Autoscaling(sync_period_s=60, tolerance=0.5, downscale_stabilization_s=100)
    await world.start("horizontal-pod-autoscaling", "replicaset", autoscaling=pace)
    await world.client.create(kinds.REPLICA_SET, web(make, 2))

    async def both() -> bool:
        return len(await see_to_pods(world)) == 2

    await world.until(both)
    await see_to_pods(world, servers, "700m")
    await world.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await world.clock.advance(1)
    servers.asked.clear()
    await world.clock.advance(300)
    assert (len(servers.asked), await size(world)) == (5, 2)
    await see_to_pods(world, servers, "100m")
    await world.clock.advance(90)
    assert await size(world) == 2
    await world.clock.advance(90)
    assert await size(world) == 1


async def test_kubectl_autoscale_s_object_in_the_old_version_works(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "900m")
    body = autoscaler()
    del body["spec"]["metrics"]
    body["spec"]["targetCPUUtilizationPercentage"] = 50
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER_V1, body)
    await running.until(lambda: sized(running, 4))
    found = await running.client.get(kinds.HORIZONTAL_POD_AUTOSCALER_V1, "h", namespace="default")
    assert found["status"]["currentCPUUtilizationPercentage"] == 90


RATE = {"type": "Pods", "pods": {"metric": {"name": "rate"}, "target": {"type": "AverageValue", "averageValue": "10"}}}


def of_object(target: Any, kind: str = "Service", api_version: str = "v1", name: str = "front") -> Any:
    described = {"apiVersion": api_version, "kind": kind, "name": name}
    return {"type": "Object", "object": {"describedObject": described, "metric": {"name": "queued"}, "target": target}}


def external(target: Any, selector: Any = None) -> Any:
    metric = {"name": "queue", **({"selector": selector} if selector else {})}
    return {"type": "External", "external": {"metric": metric, "target": target}}


VALUE_10, EACH_10 = {"type": "Value", "value": "10"}, {"type": "AverageValue", "averageValue": "10"}
SELECTOR = {"matchLabels": {"q": "a"}}
SPELLED = "&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}"


@pytest.mark.parametrize(
    ("metric", "custom", "replicas", "name", "current"),
    [
        pytest.param(RATE, {"pods/*/rate": None}, 3, "pods metric rate", {"averageValue": "15"}, id="pods"),
        pytest.param(
            {**RATE, "pods": {**RATE["pods"], "metric": {"name": "rate", "selector": SELECTOR}}},
            {"pods/*/rate?q=a": None}, 3, "pods metric rate", {"averageValue": "15"}, id="pods-by-selector",
        ),
        pytest.param(
            of_object(VALUE_10), {"services/front/queued": "20"}, 4, "Service metric queued", {"value": "20"},
            id="object",
        ),
        pytest.param(
            of_object(VALUE_10, "Deployment", "apps/v1"), {"deployments.apps/front/queued": "15"}, 3,
            "Deployment metric queued", {"value": "15"}, id="object-of-a-group",
        ),
        pytest.param(
            of_object(VALUE_10, "Namespace", "v1", "whatever"), {"metrics/queued": "15"}, 3,
            "Namespace metric queued", {"value": "15"}, id="the-namespace",
        ),
        pytest.param(
            of_object(EACH_10), {"services/front/queued": "33"}, 4, "external metric queued(nil)",
            {"averageValue": "16500m"}, id="object-per-pod",
        ),
        pytest.param(external(VALUE_10), {}, 4, "external metric queue(nil)", {"value": "20"}, id="external"),
        pytest.param(
            external(EACH_10, SELECTOR), {}, None, f"external metric queue({SPELLED})", {"averageValue": "2500m"},
            id="external-per-pod",
        ),
    ],
)  # fmt: skip
async def test_metrics_of_other_kinds(
    running: Any, servers: MetricsServers, metric: Any, custom: Any, replicas: int | None, name: str, current: Any
) -> None:
    each = {pod["metadata"]["name"]: "15" for pod in await see_to_pods(running)}
    servers.custom = {path: each if value is None else value for path, value in custom.items()}
    servers.external = {"queue": [({"q": "a"}, "5"), ({"q": "b"}, "15")]}
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(metric))

    async def looked_at() -> Any:
        return ((await get(running)).get("status") or {}).get("currentMetrics")

    (status,) = await running.until(looked_at)
    field = metric["type"][0].lower() + metric["type"][1:]
    assert status[field]["current"] == current
    assert status[field]["metric"] == metric[field]["metric"]
    found = (await get(running))["status"]["conditions"]
    active = meta.find_condition(found, "ScalingActive")
    assert active is not None
    assert active["message"] == f"the HPA was able to successfully calculate a replica count from {name}"
    if replicas is not None:
        assert await size(running) == replicas
        assert await told(running, "SuccessfulRescale") == [f"New size: {replicas}; reason: {name} above target"]


async def test_one_container_decides_where_it_is_named(running: Any, servers: MetricsServers) -> None:
    servers.every(await see_to_pods(running), main={"cpu": "900m"}, log={"cpu": "5"})
    target = {"type": "Utilization", "averageUtilization": 50}
    metric = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": target}}
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(metric))
    await running.until(lambda: sized(running, 4))
    current = (await get(running))["status"]["currentMetrics"][0]["containerResource"]
    assert (current["container"], current["current"]["averageUtilization"]) == ("main", 90)
    text = "New size: 4; reason: cpu container resource utilization (percentage of request) above target"
    assert await told(running, "SuccessfulRescale") == [text]


async def test_the_metric_that_asks_for_most_decides(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "500m")
    servers.external = {"queue": [({}, "30")]}
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, external(EACH_10)))
    await running.until(lambda: sized(running, 3))


async def test_an_unknown_metric_stops_shrinking_and_not_growing(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "100m")
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    await running.client.create(
        kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, external(VALUE_10), behavior=behavior)
    )
    await running.clock.advance(60)
    assert await size(running) == 2
    missing = "unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: "
    missing += "the server could not find the requested resource (get queue.external.metrics.k8s.io)"
    assert await told(running, "FailedGetExternalMetric") == [missing]
    first = "invalid metrics (1 invalid out of 2), first error is: failed to get queue external metric value: "
    first += f"failed to get external metric queue: {missing}"
    assert await told(running, "FailedComputeMetricsReplicas") == [first]
    status = (await get(running))["status"]
    assert [each["type"] for each in status["currentMetrics"]] == ["Resource", ""]
    active = meta.find_condition(status["conditions"], "ScalingActive")
    assert active is not None
    assert (active["status"], active["reason"]) == ("False", "FailedGetExternalMetric")
    assert active["message"] == f"the HPA was unable to compute the replica count: {missing}"
    await see_to_pods(running, servers, "1")
    await running.until(lambda: sized(running, 4))


@pytest.mark.parametrize(
    ("metric", "reason", "message"),
    [
        pytest.param(
            CPU_50,
            "FailedGetResourceMetric",
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from "
            "resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
            id="resource",
        ),
        pytest.param(
            RATE,
            "FailedGetPodsMetric",
            "unable to get metric rate: unable to fetch metrics from custom metrics API: no custom metrics API "
            "(custom.metrics.k8s.io) registered",
            id="pods",
        ),
        pytest.param(
            of_object(VALUE_10, "Gadget", "example.com/v1"),
            "FailedGetObjectMetric",
            "unable to get metric queued on Gadget default/front: unable to fetch metrics from custom metrics API: no "
            "custom metrics API (custom.metrics.k8s.io) registered",
            id="object",
        ),
    ],
)
async def test_without_a_metrics_server_it_says_so_and_does_nothing(
    running: Any, metric: Any, reason: str, message: str
) -> None:
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(metric))
    assert await told(running, reason) == [message]
    assert (await conditions(running))["ScalingActive"] == ("False", reason)
    assert await size(running) == 2


async def test_a_target_outside_of_its_bounds_is_brought_back_without_metrics(running: Any) -> None:
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, least=3))
    await running.until(lambda: sized(running, 3))
    text = "New size: 3; reason: Current number of replicas below Spec.MinReplicas"
    assert await told(running, "SuccessfulRescale") == [text]
    bounds = {"spec": {"minReplicas": 1, "maxReplicas": 1}}
    await running.client.patch(kinds.HORIZONTAL_POD_AUTOSCALER, "h", bounds, namespace="default")
    await running.until(lambda: sized(running, 1))
    assert "New size: 1; reason: Current number of replicas above Spec.MaxReplicas" in await told(
        running, "SuccessfulRescale"
    )


async def test_a_target_at_zero_is_left_alone(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "900m")
    await running.client.patch(kinds.REPLICA_SET, "web", {"spec": {"replicas": 0}}, namespace="default")
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await running.clock.advance(60)
    assert await size(running) == 0
    assert (await conditions(running))["ScalingActive"] == ("False", "ScalingDisabled")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"},
            'deployments.apps "none" not found',
            id="no-object",
        ),
        pytest.param(
            {"apiVersion": "example.com/v1", "kind": "Gadget", "name": "g"},
            'no matches for kind "Gadget" in group "example.com"',
            id="no-kind",
        ),
        pytest.param(
            {"apiVersion": "a/b/c", "kind": "Gadget", "name": "g"},
            "unexpected GroupVersion string: a/b/c",
            id="no-group",
        ),
    ],
)
async def test_a_target_that_is_not_there_is_told_of(running: Any, target: Any, message: str) -> None:
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, target=target))
    assert await told(running, "FailedGetScale") == [message]
    assert await conditions(running) == {"AbleToScale": ("False", "FailedGetScale")}


async def test_two_for_the_same_pods_do_nothing(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "500m")
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, name="g"))
    await running.clock.advance(20)
    await see_to_pods(running, servers, "1")
    await running.clock.advance(60)
    assert await size(running) == 2
    text = "pods by selector app=web are controlled by multiple HPAs: [default/g default/h]"
    assert text in await told(running, "AmbiguousSelector")
    assert (await conditions(running))["ScalingActive"] == ("False", "AmbiguousSelector")
    await running.client.delete(kinds.HORIZONTAL_POD_AUTOSCALER, "g", namespace="default")
    await running.until(lambda: sized(running, 4))


async def test_behavior_holds_it_back_and_says_so(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "1")
    one_a_minute = [{"type": "Pods", "value": 1, "periodSeconds": 60}]
    behavior = {"scaleUp": {"policies": one_a_minute}}
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, behavior=behavior))
    await running.until(lambda: sized(running, 3))
    assert (await conditions(running))["ScalingLimited"] == ("True", "ScaleUpLimit")
    await see_to_pods(running, servers, "1")
    await running.clock.advance(30)
    assert await size(running) == 3
    await running.until(lambda: sized(running, 4))


async def test_tolerance_of_its_own_is_kept(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "600m")
    behavior = {"scaleUp": {"tolerance": "0.3"}}
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, behavior=behavior))
    await running.clock.advance(40)
    assert await size(running) == 2
    await see_to_pods(running, servers, "700m")
    await running.until(lambda: sized(running, 3))


async def test_a_custom_kind_is_scaled(running: Any, make: Any, servers: MetricsServers) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.sel"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"scale": scale, "status": {}},
    }
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    await running.client.create(
        kinds.CUSTOM_RESOURCE_DEFINITION, {"metadata": {"name": WIDGET.qualified}, "spec": spec}
    )
    about = {"name": "w", "namespace": "default"}
    body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": about, "spec": {"size": 2}}
    made = await running.client.create(WIDGET, body)
    await see_to_pods(running, servers, "900m")
    target = {"apiVersion": "example.com/v9", "kind": "Widget", "name": "w"}  # a version that nobody serves any more
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, target=target))
    assert await told(running, "SelectorRequired") == ["selector is required"]
    assert (await conditions(running))["ScalingActive"] == ("False", "InvalidSelector")
    status = {"status": {"size": 2, "sel": "app=web"}}
    await running.client.patch(WIDGET, made["metadata"]["name"], status, namespace="default", subresource="status")

    async def grown() -> bool:
        return (await running.client.get(WIDGET, "w", namespace="default"))["spec"]["size"] == 4

    await running.until(grown)


async def test_a_scale_that_is_refused_is_told_of_and_tried_again(running: Any, servers: MetricsServers) -> None:
    await see_to_pods(running, servers, "900m")
    await running.clock.advance(30)

    def refuse(verb: str, kind: Kind) -> None:
        if verb == "update" and kind is kinds.REPLICA_SET:
            raise errors.Forbidden("not today")

    running.faulty.before = refuse
    await running.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    (text, *_) = await told(running, "FailedRescale")
    assert text.startswith(
        "New size: 4; reason: cpu resource utilization (percentage of request) above target; error: "
    )
    assert (await conditions(running))["AbleToScale"] == ("False", "FailedUpdateScale")
    running.faulty.before = lambda verb, kind: None
    await running.until(lambda: sized(running, 4))


async def test_requests_from_a_limit_range_count_and_a_quota_bounds_the_pods(
    world: Any, make: Any, servers: MetricsServers
) -> None:
    await world.start("horizontal-pod-autoscaling", "replicaset", "resourcequota")
    about = {"namespace": "default"}
    limit = {"type": "Container", "defaultRequest": {"cpu": "1"}, "default": {"cpu": "2"}}
    await world.client.create(kinds.LIMIT_RANGE, {"metadata": {"name": "l", **about}, "spec": {"limits": [limit]}})
    hard = {"hard": {"pods": "3", "requests.cpu": "9"}}
    await world.client.create(kinds.RESOURCE_QUOTA, {"metadata": {"name": "q", **about}, "spec": hard})

    async def used() -> Any:
        found = await world.client.get(kinds.RESOURCE_QUOTA, "q", namespace="default")
        return (found.get("status") or {}).get("used")

    await world.until(used)
    await world.client.create(kinds.REPLICA_SET, make.replica_set("web", 2))

    async def pods(count: int) -> bool:
        return len(await see_to_pods(world)) == count

    await world.until(lambda: pods(2))
    await see_to_pods(world, servers, "900m")
    await world.client.create(kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50))
    await world.until(lambda: sized(world, 4))
    await world.until(lambda: pods(3))
    await see_to_pods(world, servers, "667m")
    await world.clock.advance(60)
    assert (await size(world), len(await world.list(kinds.POD))) == (4, 3)
    assert await used() == {"pods": "3", "requests.cpu": "3"}


class Following:
    """A ReplicaSet grows with its load, and shrinks when that is gone."""

    controllers = ("horizontal-pod-autoscaling", "replicaset")
    kinds = (kinds.HORIZONTAL_POD_AUTOSCALER, kinds.POD, kinds.REPLICA_SET)

    def __init__(self, make: Any) -> None:
        self._make = make
        self._begin(None)

    def _begin(self, servers: MetricsServers | None) -> None:
        self._sizes: list[int] = []
        self._load_millis = 2700
        self._eased = self._shrunk = 0.0
        self._servers = servers

    async def act(self, world: Any) -> None:
        self._begin(MetricsServers(world))
        await world.client.create(kinds.REPLICA_SET, web(self._make, 2))
        behavior = {"scaleDown": {"stabilizationWindowSeconds": 30}}
        await world.client.create(
            kinds.HORIZONTAL_POD_AUTOSCALER, autoscaler(CPU_50, least=2, most=8, behavior=behavior)
        )
        await world.until(lambda: self._is(world, 6))
        self._load_millis, self._eased = 1200, world.clock.now()

    async def settled(self, world: Any) -> bool:
        status = (await get(world)).get("status") or {}
        return await self._is(world, 3) and status.get("currentReplicas") == status.get("desiredReplicas") == 3

    async def check(self, world: Any) -> None:
        assert await size(world) == 3
        assert len(await world.list(kinds.POD)) == 3
        assert min(self._sizes) >= 2 and max(self._sizes) <= 8
        # The window of 30 s begins with the last look under load, at most a sync period before that eased.
        assert self._shrunk - self._eased >= 15, "it shrank before its window was over"
        assert (await conditions(world))["ScalingActive"] == ("True", "ValidMetricFound")

    async def _is(self, world: Any, replicas: int) -> bool:
        """Speaks for kubelets and the metrics server; the load is shared by the Pods there are."""
        found = await see_to_pods(world)
        assert self._servers is not None
        if found:
            self._servers.every(found, cpu=f"{self._load_millis // len(found)}m")
        self._sizes.append(await size(world))
        if self._eased and self._sizes[-1] < 6:
            self._shrunk = self._shrunk or world.clock.now()
        return len(found) == replicas == self._sizes[-1]


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_follows_its_load_whatever_happens(make: Any, fault: str) -> None:
    await survive(Following(make), fault)
