"""A Pod as the scheduler sees it: everything its plugins ask for again and again, worked out once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from hyperpy.api import meta, node_selection, volume_binding
from hyperpy.api.node_selection import NodeSelection
from hyperpy.api.volume_binding import PodClaim
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler import affinity_terms, requests
from hyperpy.components.scheduler.affinity_terms import Term

DEFAULT_SCHEDULER = "default-scheduler"


class PodInfo:
    """A Pod with what follows from it.

    Args:
        obj: the Pod; replaced when a newer version of the same Pod says nothing new to the scheduler.
    """

    def __init__(self, obj: Obj) -> None:
        self.obj = obj
        about = obj["metadata"]
        self.uid: str = about["uid"]
        self.namespace: str = about["namespace"]
        self.name: str = about["name"]
        self.labels: Mapping[str, str] = about.get("labels") or {}
        #: Higher goes first.
        self.priority = int(obj["spec"].get("priority") or 0)
        self.requests = requests.of_pod(obj)
        self.ports = requests.host_ports(obj)

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def spec(self) -> Obj:
        """The Pod's spec."""
        spec: Obj = self.obj["spec"]
        return spec

    @property
    def scheduler_name(self) -> str:
        """The scheduler that it asks for."""
        return self.spec.get("schedulerName") or DEFAULT_SCHEDULER

    @property
    def leaving(self) -> bool:
        """It is being deleted: it still takes room, but nobody counts on it."""
        return meta.is_deleting(self.obj)

    @property
    def nominated_node(self) -> str:
        """The node that the API says it was promised, or ""."""
        return (self.obj.get("status") or {}).get("nominatedNodeName") or ""

    @property
    def tolerations(self) -> Sequence[Obj]:
        """What taints it bears."""
        return self.spec.get("tolerations") or ()

    @cached_property
    def selection(self) -> NodeSelection | None:
        """The nodes it insists on, or None: any."""
        return node_selection.required(self.spec)

    @cached_property
    def claims(self) -> tuple[PodClaim, ...]:
        """The PersistentVolumeClaims that it uses."""
        return tuple(volume_binding.claims_of(self.obj))

    @cached_property
    def claim_keys(self) -> tuple[str, ...]:
        """`namespace/name` of each, once."""
        return tuple({f"{self.namespace}/{claim.name}": None for claim in self.claims})

    @cached_property
    def required_affinity(self) -> tuple[Term, ...]:
        """It has to run near Pods of these terms."""
        return affinity_terms.required(self.obj, "podAffinity")

    @cached_property
    def required_anti_affinity(self) -> tuple[Term, ...]:
        """It must not run near Pods of these terms."""
        return affinity_terms.required(self.obj, "podAntiAffinity")

    @cached_property
    def preferences(self) -> tuple[tuple[Term, int], ...]:
        """Terms it would like to be near (positive weight) or away from (negative)."""
        return affinity_terms.preferred(self.obj)

    def says_the_same(self, obj: Obj) -> bool:
        """Whether another version of the Pod differs in nothing that decides where it may go: in its status only."""
        about, other = self.obj["metadata"], obj["metadata"]
        return bool(
            self.spec == obj["spec"]
            and about.get("labels") == other.get("labels")
            and about.get("annotations") == other.get("annotations")
        )
