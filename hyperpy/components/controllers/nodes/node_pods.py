"""The Pods of a node, out of the shared Pod cache without walking over all of them."""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj

_BY_NODE = "node-name"


def index_by_node(pods: Informer) -> None:
    """Find Pods by the node they are bound to."""
    pods.add_index(_BY_NODE, _node)


def pods_of(pods: Informer, node: str) -> list[Obj]:
    """The Pods bound to a node; `index_by_node` comes before."""
    return pods.by_index(_BY_NODE, node)


def _node(pod: Obj) -> Iterable[str]:
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()
