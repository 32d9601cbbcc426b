"""QoS classes."""

from __future__ import annotations

import pytest

from hyperpy.components.apiserver.strategy import pod

BOTH = {"cpu": "1", "memory": "1Gi"}


def container(**resources):
    return {"name": "c", "resources": resources}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param([container()], "BestEffort", id="nothing"),
        pytest.param([{"name": "c"}], "BestEffort", id="no resources at all"),
        pytest.param([container(requests={"cpu": "0"})], "BestEffort", id="zero"),
        pytest.param([container(limits=BOTH, requests=BOTH)], "Guaranteed", id="equal"),
        pytest.param([container(limits=BOTH, requests={"cpu": "1000m", "memory": "1024Mi"})], "Guaranteed", id="units"),
        pytest.param([container(limits=BOTH)], "Guaranteed", id="limits alone"),
        pytest.param([container(limits=BOTH, requests={"cpu": "500m", "memory": "1Gi"})], "Burstable", id="less"),
        pytest.param([container(limits=BOTH), container()], "Burstable", id="one of two"),
        pytest.param([container(requests={"memory": "1Mi"})], "Burstable", id="request alone"),
    ],
)
def test_the_qos_class_follows_from_cpu_and_memory(containers, expected):
    assert pod.qos_class({"spec": {"containers": containers}}) == expected
