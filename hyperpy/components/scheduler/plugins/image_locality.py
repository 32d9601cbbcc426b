"""ImageLocality: prefers Nodes that have the Pod's images already. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.framework import MAX_SCORE
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo


class ImageLocality:
    def score(self, pod: PodInfo, node: NodeInfo) -> float:
        images = [container.get("image") or "" for container in pod.spec.get("containers") or ()]
        here = sum(image in node.images for image in images)
        return MAX_SCORE * here / len(images) if images else 0.0

    def normalize(self, scores: Sequence[float]) -> Sequence[float]:
        return scores
