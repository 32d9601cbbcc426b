"""The two priority classes that every cluster has, for what the cluster itself needs. Data only.

Source: Concepts, "Pod Priority and Preemption"; "Guaranteed Scheduling For Critical Add-On Pods".
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

_NODE = "Used for system critical pods that must not be moved from their current node."
_CLUSTER = "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."

PRIORITY_CLASSES: tuple[Obj, ...] = (
    {"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000, "description": _NODE},
    {"metadata": {"name": "system-cluster-critical"}, "value": 2_000_000_000, "description": _CLUSTER},
)
