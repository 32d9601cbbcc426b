"""Nodes and Pods for scheduling, and a cluster that decides on Pod after Pod without an API."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hyperpy.components.scheduler import decision
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.decision import Decision
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.profile import Profile

from .world import World, new_world

Obj = dict[str, Any]


class Make:
    """Objects as the API gives them."""

    @staticmethod
    def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", zone: str = "", **spec: Any) -> Obj:
        labels = {"kubernetes.io/hostname": name, **({"zone": zone} if zone else {})}
        status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods}, "images": spec.pop("images", [])}
        return {
            "metadata": {"name": name, "labels": {**labels, **spec.pop("labels", {})}},
            "spec": spec,
            "status": status,
        }

    @staticmethod
    def pod(name: str = "p", *, cpu: str = "", memory: str = "", app: str = "web", **spec: Any) -> Obj:
        requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
        container = {"name": "main", "image": "x", "resources": {"requests": requests}, **spec.pop("container", {})}
        metadata = {"name": name, "namespace": spec.pop("namespace", "default"), "uid": name, "labels": {"app": app}}
        return {"metadata": metadata, "spec": {"containers": [container], **spec}}


class Board:
    """A cluster state, and decisions on it."""

    def __init__(self, *nodes: Obj, namespaces: dict[str, dict[str, str]] | None = None) -> None:
        self.cluster = ClusterState(lambda name: (namespaces or {}).get(name, {}))
        for node in nodes:
            self.cluster.put_node(node)
        self.profile = Profile("default-scheduler")
        self._rng = random.Random(1)

    def decide(self, pod: Obj) -> Decision:
        return decision.decide(PodInfo(pod), self.cluster, self.profile, start=0, rng=self._rng)

    def put(self, pod: Obj, node: str) -> None:
        self.cluster.place({**pod, "spec": {**pod["spec"], "nodeName": node}})

    def schedule(self, pod: Obj) -> str | None:
        """Decide, and put the Pod there."""
        found = self.decide(pod).node
        if found is not None:
            self.put(pod, found)
        return found

    def why(self, pod: Obj) -> str:
        """The message of a Pod that must fit nowhere."""
        made = self.decide(pod)
        assert made.node is None
        return made.message()


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def board() -> type[Board]:
    return Board


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with new_world() as made:
        yield made
