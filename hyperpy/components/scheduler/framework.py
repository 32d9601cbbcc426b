"""The extension points of the scheduler: what a plugin may be asked, in the order in which it is asked.

    PreEnqueue ─▶ QueueSort ─▶ PreFilter ─▶ Filter ─▶ (PostFilter) ─▶ PreScore ─▶ Score ─▶ Reserve ─▶ Permit ─▶ PreBind
        ─▶ (BindWait) ─▶ Bind ─▶ PostBind

A plugin is a class with a `name` and the methods of the points it takes part in; there is nothing to inherit. Filtering
and scoring are plain functions of the Pod and the cluster state. PreFilter and PreScore look at the Pod once and answer
with the function to be asked of each node, or None when the plugin has nothing to say about this Pod. A plugin that
raises fails the Pod (SchedulerError), never the scheduler. Source of the names: Concepts, "Scheduling Framework".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from hyperpy.client.protocol import Client, Obj
from hyperpy.components.scheduler.cluster_state import ClusterState
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo

MAX_SCORE = 100.0


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a Pod may not be queued, or may not run on a node.

    Args:
        plugin: who says so.
        reasons: in the words that users know, for example `Insufficient cpu`.
        preemptable: it might be different if other Pods went.
    """

    plugin: str
    reasons: tuple[str, ...]
    preemptable: bool = True


class Change(Enum):
    """What can change so that a Pod that fitted nowhere fits now."""

    NODE_ADDED = "NodeAdded"
    NODE_UPDATED = "NodeUpdated"
    POD_PLACED = "AssignedPodAdded"
    POD_UPDATED = "AssignedPodUpdated"
    POD_REMOVED = "AssignedPodDeleted"
    CLAIM = "PvcAddOrUpdate"
    VOLUME = "PvAddOrUpdate"
    STORAGE_CLASS = "StorageClassAddOrUpdate"
    STORAGE_SPACE = "CSIStorageCapacityAddOrUpdate"
    CSI_NODE = "CSINodeAddOrUpdate"


@dataclass(frozen=True, slots=True)
class Event:
    """A change in the cluster.

    `old` and `node` are set for nodes, `pod` for Pods and `before` for one that changed, `obj` for claims, volumes and
    what else belongs to storage: classes, and what drivers tell of themselves and of nodes.
    """

    change: Change
    node: NodeInfo | None = None
    old: NodeInfo | None = None
    pod: PodInfo | None = None
    before: PodInfo | None = None
    obj: Obj | None = None


NodeFilter = Callable[[NodeInfo], Rejection | None]
NodeScore = Callable[[NodeInfo], float]


@dataclass(frozen=True, slots=True)
class Scoring:
    """How to score the nodes for one Pod.

    Args:
        score: of one node; higher is better.
        normalize: brings the scores of all candidates, in their order, to 0..100; None: they are there already.
    """

    score: NodeScore
    normalize: Callable[[Sequence[float]], Sequence[float]] | None = None


class Trial(Protocol):
    """What if other Pods were not on a node? Everything is as it was when the trial is left."""

    def remove(self, pod: PodInfo) -> None:
        """Suppose that a Pod is not there."""

    def put_back(self, pod: PodInfo) -> None:
        """Suppose that it is there after all."""

    def check(self) -> Rejection | None:
        """Ask every filter again, also with the Pods that were promised room there and are not less important."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A Pod that fits nowhere, and what a plugin needs to make room for it.

    Args:
        rejected: why not, by node name; a node that is not named is one where nothing can be done.
        budgets: every PodDisruptionBudget.
        offset: where among the nodes to begin, so that not always the same ones are asked for victims.
        trial: begins one for a node.
    """

    cluster: ClusterState
    rejected: Mapping[str, Rejection]
    budgets: Sequence[Obj]
    offset: int
    trial: Callable[[NodeInfo], AbstractContextManager[Trial]]


@dataclass(frozen=True, slots=True)
class Room:
    """What a PostFilter plugin found.

    Args:
        plugin: who says so.
        node: where the Pod will fit once the victims are gone; "" when nowhere, None when an older promise still holds.
        victims: Pods that have to go.
        message: what to add to the message for users.
    """

    plugin: str
    node: str | None
    victims: tuple[PodInfo, ...] = ()
    message: str = ""


class Plugin(Protocol):
    """Anything with a name and at least one of the points below."""

    name: str


@runtime_checkable
class PreEnqueue(Protocol):
    def pre_enqueue(self, pod: PodInfo) -> Rejection | None:
        """Whether the Pod may be queued at all."""


@runtime_checkable
class QueueSort(Protocol):
    def sort_key(self, pod: PodInfo, queued_at: float) -> Any:
        """The Pod with the smallest key goes first."""


@runtime_checkable
class PreFilter(Protocol):
    def pre_filter(self, pod: PodInfo, cluster: ClusterState) -> NodeFilter | Rejection | None:
        """The filter for this Pod; None lets every node pass, a Rejection none."""


@runtime_checkable
class Narrow(Protocol):
    def narrow(self, pod: PodInfo) -> frozenset[str] | None:
        """Beside PreFilter: the names of the only nodes worth looking at, or None. Perhaps one of thousands."""


@runtime_checkable
class OnlyTheNode(Protocol):
    #: True: the filter reads nothing but the Pod and the node it is asked of, so it stays right when Pods come or go.
    only_the_node: bool


@runtime_checkable
class PostFilter(Protocol):
    def post_filter(self, pod: PodInfo, failure: Failure) -> Room:
        """Make room where no node fits; the first plugin that can is the last that is asked."""


@runtime_checkable
class PreScore(Protocol):
    def pre_score(self, pod: PodInfo, cluster: ClusterState, nodes: Sequence[NodeInfo]) -> Scoring | None:
        """How to score the nodes that passed; None: the plugin does not care."""


@runtime_checkable
class Reserve(Protocol):
    def reserve(self, pod: PodInfo, node: str) -> Rejection | None:
        """Take what the Pod will need on the node."""

    def unreserve(self, pod: PodInfo, node: str) -> None:
        """Give it back: the Pod will not be bound. Called also when `reserve` was not, or refused."""


@runtime_checkable
class Permit(Protocol):
    async def permit(self, pod: PodInfo, node: str) -> Rejection | None:
        """Let the Pod be bound, now or after a wait: `permit_timeout_s` seconds, a quarter of an hour without it."""


@runtime_checkable
class PreBind(Protocol):
    async def pre_bind(self, pod: PodInfo, node: str, client: Client) -> None:
        """Do what has to be done before; a StatusError puts the Pod back into the queue."""


@runtime_checkable
class BindWait(Protocol):
    name: str

    def waiting(self, pod: PodInfo, node: str) -> Awaitable[str] | None:
        """The wait for what `pre_bind` asked of others, or None: nothing.

        It may be long, so the Pod holds none of the places for bindings meanwhile. It ends with "", or with why the
        Pod cannot be bound after all.
        """


@runtime_checkable
class Bind(Protocol):
    async def bind(self, pod: PodInfo, node: str, client: Client) -> bool:
        """Bind the Pod; False leaves it to the next Bind plugin."""


@runtime_checkable
class PostBind(Protocol):
    def post_bind(self, pod: PodInfo, node: str) -> None:
        """The Pod is bound."""


@runtime_checkable
class Waker(Protocol):
    def may_help(self, pod: PodInfo, event: Event) -> bool:
        """Whether a change may make the Pod fit that this plugin rejected (or open its gate).

        Without this, every change may make a Pod fit, and only one of the Pod itself opens a gate.
        """


def to_hundred(scores: Sequence[float], *, reverse: bool = False) -> list[float]:
    """Scores as shares of the largest; `reverse` makes the smallest the best."""
    most = max(scores, default=0.0)
    if not most:
        return [MAX_SCORE if reverse else 0.0] * len(scores)
    shares = [MAX_SCORE * score / most for score in scores]
    return [MAX_SCORE - share for share in shares] if reverse else shares
