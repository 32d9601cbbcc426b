"""Which Pods go first when a controller has too many. Pure.

Source of the order: the documentation of ReplicaSet, "Scaling a ReplicaSet", KEP-2185 and KEP-2255.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hyperpy.api import meta, pods
from hyperpy.client.protocol import Obj

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}


def first_to_delete(candidates: Sequence[Obj], *, neighbours: Sequence[Obj], now: float) -> list[Obj]:
    """The candidates in the order in which their controller lets them go.

    Args:
        neighbours: active Pods of the same application; a node that holds more of them gives up its Pods earlier.
    """
    crowd = Counter(pod["spec"].get("nodeName", "") for pod in neighbours)
    return sorted(candidates, key=lambda pod: _rank(pod, crowd=crowd, now=now))


def _rank(pod: Obj, *, crowd: Counter[str], now: float) -> tuple[Any, ...]:
    node = pod["spec"].get("nodeName", "")
    ready = meta.condition(pod, "Ready") or {}
    is_ready = ready.get("status") == "True"
    return (
        bool(node),
        _PHASE_RANK.get(pods.phase(pod), 1),
        is_ready,
        _deletion_cost(pod),
        -crowd[node],
        _age_bucket(ready.get("lastTransitionTime"), now=now) if is_ready else 0,
        -pods.restart_count(pod),
        _age_bucket(pod["metadata"].get("creationTimestamp"), now=now),
        pod["metadata"].get("uid", ""),
    )


def _age_bucket(since: str | None, *, now: float) -> int:
    """Ages by powers of two, younger first: Pods of about the same age are chosen from at random, by uid."""
    age = now - meta.parse_time(since) if since else 0.0
    return int(math.log2(age)) + 1 if age >= 1 else 0


def _deletion_cost(pod: Obj) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0
