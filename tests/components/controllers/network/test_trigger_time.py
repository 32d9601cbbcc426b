"""When the change happened that endpoints are written for."""

from __future__ import annotations

from typing import Any

from hyperpy.components.controllers.network.trigger_time import TriggerTimes, annotated

SERVICE = {"metadata": {"name": "web", "namespace": "default", "creationTimestamp": "2023-11-14T22:00:00Z"}}


def pod(name: str, since: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "lastTransitionTime": since}]}}


def test_first_the_services_creation_then_the_earliest_change_since() -> None:
    times = TriggerTimes()
    a, b = pod("a", "2023-11-14T22:01:00Z"), pod("b", "2023-11-14T22:02:00Z")
    assert times.of(SERVICE, [a]) == "2023-11-14T22:00:00Z"
    assert times.of(SERVICE, [a]) == ""
    assert times.of(SERVICE, [pod("a", "2023-11-14T22:03:00Z"), b]) == "2023-11-14T22:02:00Z"
    assert times.of(SERVICE, [b]) == "", "a Pod that goes has no time"
    times.forget("default/web")
    assert times.of(SERVICE, [b]) == "2023-11-14T22:00:00Z"


def test_an_old_time_goes_when_there_is_no_new_one() -> None:
    with_time = annotated({"mine": "x"}, "2023-11-14T22:00:00Z")
    assert len(with_time) == 2
    assert annotated(with_time, "") == {"mine": "x"}
