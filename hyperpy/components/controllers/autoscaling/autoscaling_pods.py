"""How many replicas a metric asks for: what Pods use against what they should. Pure.

    going, over           do not count at all
    pending, not ready    do not count; as using nothing when that would make it grow
    without a sample      as using nothing when it would grow, and all they may when it would shrink

Source: Concepts, "Horizontal Pod Autoscaling", "Algorithm details". Message texts are kube-controller-manager's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hyperpy.api import meta, pod_resources, pods, quantity
from hyperpy.client.protocol import Obj

_MOST = 2**31 - 1
_HUGEST = 2**63 - 1
_CPU = "cpu"


class Uncomputable(Exception):
    """No number follows from what is known; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value.

    Args:
        value: in thousandths.
        at: seconds since the epoch.
        window_s: over how long it was taken.
    """

    value: int
    at: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Rules:
    """When a sample counts, and how far off is near enough.

    Args:
        up, down: how much above and below the target, as a share of it, is not acted on.
        cpu_initialization_s: after a Pod's start its CPU samples count only while it is ready.
        readiness_delay_s: a Pod that became unready within this time of its start was never ready.
    """

    up: float = 0.1
    down: float = 0.1
    cpu_initialization_s: float = 300.0
    readiness_delay_s: float = 30.0

    def near_enough(self, ratio: float) -> bool:
        """Whether use and target are as good as equal."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Scene:
    """What is scaled, at one moment.

    Args:
        selected: the Pods of the target's selector.
        wanted, actual: replicas by its Scale's spec and status.
        now: seconds since the epoch.
    """

    selected: Sequence[Obj]
    wanted: int
    actual: int
    rules: Rules
    now: float


@dataclass(frozen=True, slots=True)
class Count:
    """What a metric asks for.

    Args:
        value: what is used now, in thousandths: on average or as a whole, by the kind of the target.
        utilization: the same in per cent of what was requested, where the target is one of these.
    """

    replicas: int
    value: int
    utilization: int | None = None


@dataclass(frozen=True, slots=True)
class _Groups:
    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def by_utilization(scene: Scene, samples: Mapping[str, Sample], *, resource: str, container: str, target: int) -> Count:
    """Keep the use at `target` per cent of what the Pods, or one container of each, request. Raises Uncomputable."""
    groups, used = _counted(scene, samples, resource)
    requests = {pod["metadata"]["name"]: _request(pod, resource, container) for pod in scene.selected}

    def measure(values: Mapping[str, int]) -> tuple[float, int, int]:
        known = [name for name in values if name in requests]
        requested = sum(requests[name] for name in known)
        if not requested:
            raise Uncomputable("no metrics returned matched known pods")
        total = sum(values[name] for name in known)
        share = total * 100 // requested
        return share / target, total // len(known), share

    ratio, value, share = measure(used)
    assumed = {name: requests[name] * max(100, target) // 100 for name in groups.missing}
    replicas = _replicas(scene, groups, used, ratio=ratio, assumed=assumed, measure=lambda values: measure(values)[0])
    return Count(replicas, value, share)


def by_average(scene: Scene, samples: Mapping[str, Sample], *, target: int, resource: str = "") -> Count:
    """Keep the average over the Pods at `target` thousandths. Raises Uncomputable."""
    groups, used = _counted(scene, samples, resource)

    def average(values: Mapping[str, int]) -> int:
        return sum(values.values()) // len(values)

    value = average(used)
    assumed = dict.fromkeys(groups.missing, target)
    replicas = _replicas(
        scene, groups, used, ratio=value / target, assumed=assumed, measure=lambda values: average(values) / target
    )
    return Count(replicas, value)


def by_whole(scene: Scene, usage: int, *, target: int) -> Count:
    """Keep something the Pods share at `target` thousandths. Raises Uncomputable."""
    usage = min(usage, _HUGEST)
    ratio = usage / target
    if not scene.wanted:
        return Count(_ceil(ratio), usage)
    if scene.rules.near_enough(ratio):
        return Count(scene.wanted, usage)
    if not scene.selected:
        raise Uncomputable(
            "unable to calculate ready pods: no pods returned by selector while calculating replica count"
        )
    ready = sum(pods.phase(pod) == "Running" and pods.is_ready(pod) for pod in scene.selected)
    return Count(_ceil(ratio * ready), usage)


def by_part(scene: Scene, usage: int, *, target: int) -> Count:
    """Keep each Pod's part of something they share at `target` thousandths."""
    usage = min(usage, _HUGEST)
    replicas = scene.actual
    if not replicas or not scene.rules.near_enough(usage / (target * replicas)):
        replicas = _ceil(usage / target)
    return Count(replicas, math.ceil(usage / scene.actual) if scene.actual else 0)


def _counted(scene: Scene, samples: Mapping[str, Sample], resource: str) -> tuple[_Groups, dict[str, int]]:
    if not scene.selected:
        raise Uncomputable("no pods returned by selector while calculating replica count")
    groups = _grouped(scene, samples, resource)
    aside = groups.ignored | groups.unready
    used = {name: sample.value for name, sample in samples.items() if name not in aside}
    if not used:
        raise Uncomputable("did not receive metrics for targeted pods (pods might be unready)")
    return groups, used


def _replicas(
    scene: Scene,
    groups: _Groups,
    used: Mapping[str, int],
    *,
    ratio: float,
    assumed: Mapping[str, int],
    measure: Callable[[Mapping[str, int]], float],
) -> int:
    """The number that brings the ratio of use to target to one; careful where something is not known."""
    grows = ratio > 1.0
    if not groups.missing and not (groups.unready and grows):
        return scene.wanted if scene.rules.near_enough(ratio) else _ceil(ratio * groups.ready)
    values = dict(used)
    if ratio != 1.0:
        values |= dict.fromkeys(groups.missing, 0) if grows else assumed
    if grows:
        values |= dict.fromkeys(groups.unready, 0)
    careful = measure(values)
    if scene.rules.near_enough(careful) or (careful > 1.0) != grows:
        return scene.wanted
    replicas = _ceil(careful * len(values))
    turned = replicas < scene.wanted if grows else replicas > scene.wanted
    return scene.wanted if turned else replicas


def _grouped(scene: Scene, samples: Mapping[str, Sample], resource: str) -> _Groups:
    ready = 0
    unready: set[str] = set()
    missing: set[str] = set()
    ignored: set[str] = set()
    for pod in scene.selected:
        name = pod["metadata"]["name"]
        if not pods.is_active(pod):
            ignored.add(name)
        elif pods.phase(pod) == "Pending":
            unready.add(name)
        elif name not in samples:
            missing.add(name)
        elif resource == _CPU and _is_unready(pod, samples[name], scene):
            unready.add(name)
        else:
            ready += 1
    return _Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _is_unready(pod: Obj, sample: Sample, scene: Scene) -> bool:
    """Whether a Pod's CPU says nothing yet: it may still be starting."""
    condition, started = meta.condition(pod, "Ready"), (pod.get("status") or {}).get("startTime")
    if condition is None or started is None:
        return True
    began = meta.parse_time(started)
    turned = meta.parse_time(condition["lastTransitionTime"]) if condition.get("lastTransitionTime") else 0.0
    is_false = condition.get("status") == "False"
    if began + scene.rules.cpu_initialization_s > scene.now:
        return is_false or sample.at < turned + sample.window_s
    return is_false and began + scene.rules.readiness_delay_s > turned


def _request(pod: Obj, resource: str, container: str) -> int:
    """What a Pod, or one of its containers, requests, in thousandths."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    if not container and (spec.get("resources") or {}).get("requests"):
        amount = pod_resources.requests(pod).get(resource)
        if amount is None:
            raise Uncomputable(f"missing pod-level request for {resource} in Pod {name}")
        return quantity.to_millis(amount)
    sidecars = [each for each in spec.get("initContainers") or () if pods.is_sidecar(each)]
    every = [*(spec.get("containers") or ()), *sidecars]
    counted = [each for each in every if container in ("", each["name"])]
    if not counted:
        raise Uncomputable(f"container {container} not found in Pod {name}")
    total = 0
    for each in counted:
        amount = ((each.get("resources") or {}).get("requests") or {}).get(resource)
        if amount is None:
            raise Uncomputable(f"missing request for {resource} in container {each['name']} of Pod {name}")
        total += quantity.to_millis(amount)
    return total


def _ceil(replicas: float) -> int:
    return min(math.ceil(replicas), _MOST)
