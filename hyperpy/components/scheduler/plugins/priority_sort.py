"""PrioritySort: Pods of higher priority first, among equals the one that has waited longest."""

from __future__ import annotations

from typing import Any

from hyperpy.components.scheduler.pod_info import PodInfo


class PrioritySort:
    name = "PrioritySort"

    def sort_key(self, pod: PodInfo, queued_at: float) -> Any:
        return -pod.priority, queued_at
