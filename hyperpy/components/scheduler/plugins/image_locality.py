"""ImageLocality: rather a node that has the Pod's images already, the more so the larger they are.

An image counts by the share of nodes that have it, so that Pods of a new image do not all gather on its first node.
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.framework import MAX_SCORE, Scoring
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

_LEAST_BYTES = 23 * 1024 * 1024
_MOST_BYTES_PER_CONTAINER = 1000 * 1024 * 1024


class ImageLocality:
    name = "ImageLocality"

    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        containers = [*(pod.spec.get("initContainers") or ()), *pod.spec["containers"]]
        images = [_full_name(each.get("image", "")) for each in containers]
        present = [
            (name, cluster.image_nodes[name] / len(cluster.nodes)) for name in images if name in cluster.image_nodes
        ]
        if not present:
            return None
        most = _MOST_BYTES_PER_CONTAINER * len(containers)

        def locality(node: NodeInfo) -> float:
            total = sum(node.images.get(name, 0) * share for name, share in present)
            return MAX_SCORE * (min(max(total, _LEAST_BYTES), most) - _LEAST_BYTES) / (most - _LEAST_BYTES)

        return Scoring(locality)


def _full_name(image: str) -> str:
    """An image without a tag means its latest."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
