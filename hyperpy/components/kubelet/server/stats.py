"""/stats/summary: what the pods use, in the form that metrics collectors read. Pure.

Source: the kubelet's Summary API (stats/v1alpha1); only CPU and memory are told.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from hyperpy.api import meta
from hyperpy.components.kubelet.pod_views import PodViews
from hyperpy.components.kubelet.pod_worker import PodWorker
from hyperpy.runtime.protocol import ContainerStats

Obj = dict[str, Any]


def summary(node_name: str, workers: Sequence[PodWorker], views: PodViews, stats: Sequence[ContainerStats]) -> Obj:
    """The summary of a node."""
    now = meta.timestamp(time.time())
    by_id = {entry.container_id: entry for entry in stats}
    pods = []
    for worker in workers:
        found = [(c, by_id[c.id]) for c in views.of(worker.uid).running if c.id in by_id]
        about = worker.pod["metadata"]
        pods.append(
            {
                "podRef": {"name": about["name"], "namespace": about["namespace"], "uid": about["uid"]},
                "containers": [
                    {
                        "name": container.name,
                        "startTime": meta.timestamp(container.started_at_ns / 1e9),
                        **_use(now, entry.cpu_ns, entry.memory_bytes),
                    }
                    for container, entry in found
                ],
                **_use(now, sum(e.cpu_ns for _, e in found), sum(e.memory_bytes for _, e in found)),
            }
        )
    return {"node": {"nodeName": node_name}, "pods": pods}


def _use(now: str, cpu_ns: int, memory_bytes: int) -> Obj:
    return {
        "cpu": {"time": now, "usageCoreNanoSeconds": cpu_ns},
        "memory": {"time": now, "workingSetBytes": memory_bytes},
    }
