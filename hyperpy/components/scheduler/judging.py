"""The scheduler's filters on objects as the API lists them, for who wants to know what it would say. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.plugin_table import TABLE
from hyperpy.components.scheduler.profile import Profile, Use

#: They need claims, volumes and classes, and are not asked here.
_OF_VOLUMES = frozenset({"VolumeBinding", "VolumeRestrictions", "VolumeZone", "NodeVolumeLimits"})
#: A profile cannot be without.
_NEEDED = ("PrioritySort",)


def cluster(nodes: Sequence[Obj], pods: Sequence[Obj], namespaces: Sequence[Obj]) -> ClusterState:
    """A view of the cluster; pods without a node are left out."""
    labels = {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in namespaces}
    state = ClusterState(lambda name: labels.get(name, {}))
    for node in nodes:
        state.put_node(node)
    for pod in pods:
        if pod["spec"].get("nodeName"):
            state.place(pod)
    return state


def profile(pod: Obj, filters: Collection[str] | None, configured: Collection[str]) -> tuple[Profile, set[str]]:
    """The filters of a profile as far as they can be asked here, and the names of those that cannot.

    Args:
        filters: names of its filter plugins; None: the default ones.
        configured: those with arguments that change what they filter, which are not known here.
    """
    wanted = set(TABLE) if filters is None else set(filters)
    unknown = wanted - set(TABLE) | set(configured)
    if any("persistentVolumeClaim" in volume or "ephemeral" in volume for volume in pod["spec"].get("volumes") or ()):
        unknown |= wanted & _OF_VOLUMES
    asked = [name for name in TABLE if name in _NEEDED or (name in wanted - unknown - _OF_VOLUMES)]
    uses = [Use(TABLE[name].make()) for name in asked if not TABLE[name].needs_handle]
    return Profile(pod["spec"].get("schedulerName") or "", uses), unknown & wanted
