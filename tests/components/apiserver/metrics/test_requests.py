"""Requests, counted under Kubernetes' names."""

import pytest

from hyperpy.api import paths
from hyperpy.components.apiserver.metrics.requests import RequestMetrics, labels_of
from hyperpy.components.instruments import Instruments


@pytest.fixture
def instruments():
    return Instruments()


@pytest.fixture
def metrics(instruments):
    return RequestMetrics(
        instruments, lambda info: info.resource != "made-up", lambda info: info.resource == "endpoints"
    )


def asked(method, url):
    path, _, text = url.partition("?")
    query = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        query[name] = (value,)
    return paths.parse(method, path, query)


def samples(instruments, name):
    return {
        frozenset(zip(snapshot.labels, values, strict=True)): sample
        for snapshot in instruments.snapshot([name])
        for values, sample in snapshot.samples
    }


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("GET", "/api/v1/namespaces/d/pods/x", ("GET", "", "v1", "pods", "", "resource")),
        ("GET", "/api/v1/namespaces/d/pods", ("LIST", "", "v1", "pods", "", "namespace")),
        ("GET", "/api/v1/pods?watch=1", ("WATCH", "", "v1", "pods", "", "cluster")),
        ("POST", "/apis/apps/v1/namespaces/d/deployments", ("POST", "apps", "v1", "deployments", "", "resource")),
        ("PUT", "/api/v1/nodes/n/status", ("PUT", "", "v1", "nodes", "status", "resource")),
        ("PATCH", "/api/v1/nodes/n", ("PATCH", "", "v1", "nodes", "", "resource")),
        ("DELETE", "/api/v1/nodes/n", ("DELETE", "", "v1", "nodes", "", "resource")),
        ("DELETE", "/api/v1/nodes", ("DELETECOLLECTION", "", "v1", "nodes", "", "cluster")),
        ("POST", "/api/v1/namespaces/d/pods/x/exec", ("CONNECT", "", "v1", "pods", "exec", "resource")),
        ("GET", "/readyz", ("GET", "", "", "", "/readyz", "")),
    ],
)
def test_labels(method, url, expected):
    assert labels_of(asked(method, url)) == (*expected, "apiserver")


def test_a_request_is_counted_by_code_and_dry_run(metrics, instruments):
    info = asked("POST", "/api/v1/namespaces/d/pods")
    metrics.finished(info, 201, 0.01)
    metrics.finished(info, 201, 0.02)
    metrics.finished(info, 409, 0.02)
    metrics.finished(info, 201, 0.02, dry_run=True)
    found = samples(instruments, "apiserver_request_total")
    by = {(dict(labels)["code"], dict(labels)["dry_run"]): value for labels, value in found.items()}
    assert by == {("201", ""): 2, ("409", ""): 1, ("201", "All"): 1}


def test_durations_and_sizes(metrics, instruments):
    info = asked("GET", "/api/v1/namespaces/d/pods")
    metrics.finished(info, 200, 0.07, size=5000)
    (duration,) = samples(instruments, "apiserver_request_duration_seconds").values()
    (size,) = samples(instruments, "apiserver_response_sizes").values()
    (sli,) = samples(instruments, "apiserver_request_sli_duration_seconds").values()
    assert duration.sum == 0.07 and duration.counts[duration.bounds.index(0.1)] == 1
    assert size.counts[size.bounds.index(10000)] == 1
    assert sum(sli.counts) == 1


def test_time_spent_on_webhooks_is_not_the_servers(metrics, instruments):
    metrics.finished(asked("POST", "/api/v1/namespaces/d/pods"), 201, 3.0, waited_s=2.5)
    (sli,) = samples(instruments, "apiserver_request_sli_duration_seconds").values()
    (whole,) = samples(instruments, "apiserver_request_duration_seconds").values()
    assert (sli.sum, whole.sum) == (0.5, 3.0)


def test_deprecated_resources_are_told_of(metrics, instruments):
    metrics.finished(asked("GET", "/api/v1/namespaces/d/pods"), 200, 0.1)
    assert samples(instruments, "apiserver_requested_deprecated_apis") == {}
    metrics.finished(asked("GET", "/api/v1/namespaces/d/endpoints"), 200, 0.1)
    (labels,) = samples(instruments, "apiserver_requested_deprecated_apis")
    assert dict(labels)["resource"] == "endpoints"


def test_long_running_requests_have_no_sli(metrics, instruments):
    info = asked("GET", "/api/v1/pods?watch=true")
    end = metrics.running(info)
    assert list(samples(instruments, "apiserver_longrunning_requests").values()) == [1]
    end()
    metrics.finished(info, 200, 300, sli=False)
    assert list(samples(instruments, "apiserver_longrunning_requests").values()) == [0]
    assert samples(instruments, "apiserver_request_sli_duration_seconds") == {}


def test_overload_and_time_limits_are_counted_apart(metrics, instruments):
    metrics.finished(asked("GET", "/api/v1/pods"), 429, 0)
    metrics.finished(asked("GET", "/api/v1/pods"), 404, 0)
    (labels,) = samples(instruments, "apiserver_request_terminations_total")
    assert dict(labels)["code"] == "429"


def test_made_up_resources_do_not_become_labels(metrics, instruments):
    metrics.finished(asked("GET", "/apis/a/v1/made-up"), 404, 0)
    metrics.running(asked("GET", "/apis/a/v1/made-up?watch=1"))()
    assert instruments.snapshot() == []
