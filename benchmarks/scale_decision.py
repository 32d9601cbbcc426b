"""What one scheduling decision costs, alone, beside how many Pods are placed already."""

from __future__ import annotations

import random
import time

from scale_figures import Goal, row
from scale_schedule import node, pod

from hyperpy.components.scheduler import decision
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

NODES = 1000
PLACED = (0, 10_000, 50_000)
DECISIONS = 1000


def measure() -> None:
    """Decide on Pods in three clusters that differ in the Pods they hold; the ratio shows what those cost."""
    empty_us = 0.0
    for placed in PLACED:
        took_us = _decision_us(placed)
        empty_us = empty_us or took_us
        beside = f"{took_us / empty_us:.2f} x the empty cluster"
        row(f"one decision, {NODES} nodes, {placed} pods placed", took_us, "us", _goal(placed, empty_us), beside=beside)


def _goal(placed: int, empty_us: float) -> Goal | None:
    """It must not grow; a fifth is left to the machine's own moods."""
    return Goal(round(1.2 * empty_us)) if placed else None


def _decision_us(placed: int) -> float:
    cluster, profile, dice = ClusterState(), Profile("default-scheduler"), random.Random(1)
    for number in range(NODES):
        cluster.put_node(node(number))
    for number in range(placed):
        obj = _pod(number)
        obj["spec"]["nodeName"] = f"n{number % NODES:05d}"
        cluster.place(obj)
    waiting = [PodInfo(_pod(placed + number)) for number in range(DECISIONS)]
    start, began = 0, time.perf_counter()
    for each in waiting:
        made = decision.decide(each, cluster, profile, start=start, rng=dice)
        start = (start + made.looked_at) % NODES
        assert made.node is not None
        cluster.assume(each, made.node)
    return (time.perf_counter() - began) / DECISIONS * 1e6


def _pod(number: int) -> dict[str, object]:
    made = pod(number)
    made["metadata"].update(namespace="sched", uid=f"uid-{number}")
    return made
