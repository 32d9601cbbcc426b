"""The wire forms of the three metrics APIs, also where a server is old, says little, or answers nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Request
from hyperpy.components.controllers.autoscaling.autoscaling_metrics import Metrics, NoMetrics
from hyperpy.components.controllers.autoscaling.autoscaling_pods import Sample

AT, AT_S = "2023-11-14T22:13:20Z", 1_700_000_000.0


async def no_kind(api_version: str, kind: str) -> Kind | None:
    return None


async def service(api_version: str, kind: str) -> Kind | None:
    return kinds.SERVICE


@pytest.fixture
def metrics(world: Any) -> Metrics:
    return Metrics(world.client, service)


def pod(name: str, *containers: Any, window: str = "30s") -> Any:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "timestamp": AT,
        "window": window,
        "containers": [{"name": each, "usage": usage} for each, usage in containers],
    }


def answer(world: Any, path: str, body: Any) -> list[Request]:
    """Serve one answer below a path; returns the requests that come."""
    asked: list[Request] = []

    def server(request: Request) -> Any:
        asked.append(request)
        if isinstance(body, Exception):
            raise body
        return body(request) if callable(body) else body

    world.servers[path] = server
    return asked


async def test_a_pod_s_use_is_that_of_its_containers(world: Any, metrics: Metrics) -> None:
    items = [
        pod("a", ("main", {"cpu": "250m"}), ("log", {"cpu": "1500u"}), window="1m0.5s"),
        pod("b", ("main", {"cpu": "1"}), ("log", {"memory": "1Mi"})),
        pod("c"),
    ]
    asked = answer(world, "/apis/metrics.k8s.io", {"items": items})
    selector = "app in (a,b),tier=web"
    found = await metrics.resource("cpu", namespace="default", selector=selector)
    assert found == {"a": Sample(252, AT_S, 60.5)}
    assert asked[0].param("labelSelector") == selector
    items.pop()
    assert await metrics.resource("cpu", namespace="default", selector="", container="main") == {
        "a": Sample(250, AT_S, 60.5),
        "b": Sample(1000, AT_S, 30),
    }


async def test_a_container_that_a_pod_does_not_have_is_told_of(world: Any, metrics: Metrics) -> None:
    answer(world, "/apis/metrics.k8s.io", {"items": [pod("a", ("main", {"cpu": "1"}))]})
    with pytest.raises(NoMetrics) as error:
        await metrics.resource("cpu", namespace="default", selector="", container="log")
    text = "failed to get container metrics: container log not present in metrics for pod default/a"
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(
            errors.ServiceUnavailable("service unavailable"),
            "unable to fetch metrics from resource metrics API: the server is currently unable to handle the request "
            "(get pods.metrics.k8s.io)",
            id="away",
        ),
        pytest.param(
            errors.Forbidden("not you"), "unable to fetch metrics from resource metrics API: not you", id="forbidden"
        ),
        pytest.param({"items": []}, "no metrics returned from resource metrics API", id="empty"),
    ],
)
async def test_a_server_that_gives_nothing_is_told_of(world: Any, metrics: Metrics, body: Any, why: str) -> None:
    answer(world, "/apis/metrics.k8s.io", body)
    with pytest.raises(NoMetrics) as error:
        await metrics.resource("cpu", namespace="default", selector="")
    assert str(error.value) == why


def custom(versions: list[str], *items: Any) -> Any:
    def body(request: Request) -> Any:
        if request.path == "/apis/custom.metrics.k8s.io":
            return {"versions": [{"version": each} for each in versions]}
        return {"items": list(items)}

    return body


@pytest.mark.parametrize(
    ("versions", "item", "version", "window_s"),
    [
        pytest.param(["v1beta1"], {"window": 20}, "v1beta1", 20, id="old"),
        pytest.param(["v1beta1", "v1beta2"], {"windowSeconds": 40}, "v1beta2", 40, id="new"),
        pytest.param(["v1beta2"], {}, "v1beta2", 60, id="no-window"),
    ],
)
async def test_custom_metrics_come_in_the_best_version(
    world: Any, metrics: Metrics, versions: list[str], item: Any, version: str, window_s: float
) -> None:
    told = {"describedObject": {"name": "a"}, "value": "1500m", "timestamp": AT, **item}
    asked = answer(world, "/apis/custom.metrics.k8s.io", custom(versions, told))
    found = await metrics.of_pods("rate", namespace="default", selector="app=web", metric_selector="verb=GET")
    assert found == {"a": Sample(1500, AT_S, window_s)}
    assert asked[-1].path == f"/apis/custom.metrics.k8s.io/{version}/namespaces/default/pods/*/rate"
    assert (asked[-1].param("labelSelector"), asked[-1].param("metricLabelSelector")) == ("app=web", "verb=GET")


async def test_custom_metrics_in_no_version_that_is_known_are_not_there(world: Any, metrics: Metrics) -> None:
    answer(world, "/apis/custom.metrics.k8s.io", custom(["v7"]))
    with pytest.raises(NoMetrics, match=r"no custom metrics API \(custom.metrics.k8s.io\) registered"):
        await metrics.of_pods("rate", namespace="default", selector="", metric_selector="")


async def test_an_object_of_a_kind_that_nobody_has_cannot_be_asked_about(world: Any) -> None:
    answer(world, "/apis/custom.metrics.k8s.io", custom(["v1beta2"]))
    described = {"apiVersion": "example.com/v1", "kind": "Gadget", "name": "g"}
    with pytest.raises(NoMetrics, match='no matches for kind "Gadget" in group "example.com"'):
        await Metrics(world.client, no_kind).of_object(
            "rate", namespace="default", described=described, metric_selector=""
        )


async def test_a_name_that_would_end_the_path_is_not_asked_for(world: Any, metrics: Metrics) -> None:
    asked = answer(world, "/apis/external.metrics.k8s.io", {"items": []})
    with pytest.raises(NoMetrics, match='"a[?]b" cannot be asked for'):
        await metrics.external("a?b", namespace="default", metric_selector="")
    assert asked == []
