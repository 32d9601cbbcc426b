"""How many Pods the controllers of some Pods want: what a budget's percentage is taken of.

ReplicationControllers, ReplicaSets, their Deployments and StatefulSets come from caches, others by their `scale`.
Source: Tasks, "Specifying a Disruption Budget", "Arbitrary workloads and arbitrary selectors".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep.scales import SCALE, Scales

_CACHED = (kinds.REPLICATION_CONTROLLER, kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.STATEFUL_SET)
_LEGACY = "extensions"  # ReplicaSets of long ago name it


class Uncountable(Exception):
    """The Pods' controllers do not tell how many they want; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Total:
    """What the controllers want together, and the Pods that have none."""

    scale: int = 0
    unmanaged: tuple[str, ...] = ()


class ExpectedPods:
    """Adds up controllers.

    Args:
        changed: told the namespace in which a controller came, went or wants another number.
    """

    def __init__(self, context: Context, changed: Callable[[str], None]) -> None:
        self._client = context.client
        self._scales = Scales(context.client, context.registry)
        self._changed = changed
        self._caches: dict[tuple[str, str], tuple[Kind, Informer]] = {}
        for kind in _CACHED:
            self._caches[kind.group, kind.kind] = kind, context.watch(kind, self._controller_changed)

    async def of(self, covered: Sequence[Obj]) -> Total:
        """What the controllers of these Pods want, each counted once.

        Raises:
            Uncountable: one of them is not there, or cannot tell.
            StatusError: the API did not answer.
        """
        seen: set[str] = set()
        wanted: dict[str, int] = {}
        unmanaged: list[str] = []
        for pod in covered:
            reference = meta.controller_of(pod)
            if reference is None:
                unmanaged.append(pod["metadata"]["name"])
            elif reference["uid"] not in seen:
                seen.add(reference["uid"])
                wanted.update([await self._scale(pod, reference)])
        return Total(sum(wanted.values()), tuple(unmanaged))

    async def _scale(self, pod: Obj, reference: Obj) -> tuple[str, int]:
        """The uid of the one who decides, and the number."""
        namespace = pod["metadata"]["namespace"]
        owner = await self._owner(reference, namespace)
        if owner is None:
            return await self._asked(pod, reference)
        above = meta.controller_of(owner) if reference["kind"] == kinds.REPLICA_SET.kind else None
        if above is not None and above["kind"] == kinds.DEPLOYMENT.kind:
            owner = await self._owner(above, namespace) or owner
        return owner["metadata"]["uid"], owner["spec"].get("replicas", 1)

    async def _owner(self, reference: Obj, namespace: str) -> Obj | None:
        """An object of a kind with a cache; what the cache does not show yet is asked for."""
        group = reference["apiVersion"].rpartition("/")[0]
        kind, cache = self._caches.get((kinds.DEPLOYMENT.group if group == _LEGACY else group, reference["kind"])) or (
            None,
            None,
        )
        if kind is None or cache is None:
            return None
        found = cache.get(reference["name"], namespace)
        if found is None or found["metadata"]["uid"] != reference["uid"]:
            try:
                found = await self._client.get(kind, reference["name"], namespace=namespace)
            except errors.NotFound:
                return None
        return found if found["metadata"]["uid"] == reference["uid"] else None

    async def _asked(self, pod: Obj, reference: Obj) -> tuple[str, int]:
        kind = await self._scales.kind_of(reference["apiVersion"], reference["kind"])
        if kind is None:
            raise Uncountable(f'no matches for kind "{reference["kind"]}" in version "{reference["apiVersion"]}"')
        if SCALE not in kind.subresources:
            raise Uncountable(f"{kind.qualified} does not implement the scale subresource")
        try:
            scale = await self._scales.get(kind, reference["name"], pod["metadata"]["namespace"])
        except errors.NotFound:
            scale = None
        if scale is None or scale["metadata"].get("uid") != reference["uid"]:
            raise Uncountable(f'found no controllers for pod "{pod["metadata"]["name"]}"')
        return reference["uid"], (scale.get("spec") or {}).get("replicas") or 0

    def _controller_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event == "MODIFIED" and old is not None and new is not None and _essence(old) == _essence(new):
            return
        obj = new or old
        assert obj is not None
        self._changed(obj["metadata"]["namespace"])


def _essence(obj: Obj) -> tuple[object, ...]:
    return obj["spec"].get("replicas"), (meta.controller_of(obj) or {}).get("uid")
