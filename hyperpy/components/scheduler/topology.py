"""Topologies: nodes that share the value of a label, and how many Pods that are counted by node they hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hyperpy.components.scheduler.cluster_state import ClusterState


def by_domain(counts: Mapping[str, int], key: str, cluster: ClusterState) -> dict[str, int]:
    """Counts by the value of a label of the nodes; nodes without it are left out.

    Args:
        counts: by node name.
        key: the label.
    """
    totals: dict[str, int] = {}
    for name, count in counts.items():
        node = cluster.node(name)
        value = node.labels.get(key) if node is not None else None
        if value is not None:
            totals[value] = totals.get(value, 0) + count
    return totals
