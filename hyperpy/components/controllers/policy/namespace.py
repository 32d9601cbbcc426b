"""Namespace controller: empty a namespace that is being deleted, of every kind of object, then let it go.

Watches: Namespace, every namespaced kind (those of other servers are asked about).
Writes: all of them (deletes), Namespace/status and /finalize.

    Active ──delete──▶ Terminating: Pods go ──▶ everything else goes ──▶ finalizer taken ──▶ gone

Source: KEP-5080 (Pods first), and the condition reasons and messages of kube-controller-manager.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import elsewhere, every_kind, owner_index
from hyperpy.components.controllers.upkeep.every_kind import EveryKind

FINALIZER = "kubernetes"
LISTED = 500
#: What no cache shows leaving (Events) is looked at again after this long.
UNWATCHED_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Remains:
    """What is still in a namespace: objects by kind (at most `LISTED` each), what could not be deleted, and which
    group-versions of other servers could not be asked about."""

    objects: Mapping[str, Sequence[Obj]]
    failures: Sequence[str] = ()
    undiscovered: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        return not any(self.objects.values()) and not self.failures and not self.undiscovered


def plan(namespace: Obj, remains: Remains, *, now: str) -> Obj:
    """The namespace's new status: phase Terminating, and why it is not gone yet."""
    old = namespace.get("status") or {}
    conditions = [dict(condition) for condition in old.get("conditions") or ()]
    for new in _conditions(remains):
        if new["status"] == "True" or remains.objects or meta.find_condition(conditions, new["type"]):
            meta.set_condition(conditions, new, now=now)
    return {**old, "phase": "Terminating", "conditions": conditions}


def _conditions(remains: Remains) -> list[Obj]:
    counts = {name: len(found) for name, found in sorted(remains.objects.items()) if found}
    holding = Counter(
        finalizer
        for found in remains.objects.values()
        for obj in found
        for finalizer in obj["metadata"].get("finalizers") or ()
    )
    # As kube-controller-manager writes it: a kind of the core group ends with the dot before its group's empty name.
    left = ", ".join(
        f"{name if '.' in name else name + '.'} has {count} resource instances" for name, count in counts.items()
    )
    held = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(holding.items()))
    return [
        _condition(
            "NamespaceDeletionDiscoveryFailure",
            f"Discovery failed for some groups, {len(remains.undiscovered)} failing: unable to retrieve the complete "
            f"list of server APIs: {', '.join(remains.undiscovered)}"
            if remains.undiscovered else "",
            "DiscoveryFailed" if remains.undiscovered else "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        _condition(
            "NamespaceDeletionGroupVersionParsingFailure", "", "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        _condition(
            "NamespaceDeletionContentFailure",
            f"Failed to delete all resource types, {len(remains.failures)} remaining: {'; '.join(remains.failures)}"
            if remains.failures else "",
            "ContentDeletionFailed" if remains.failures else "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        _condition(
            "NamespaceContentRemaining",
            f"Some resources are remaining: {left}" if left else "",
            "SomeResourcesRemain" if left else "ContentRemoved",
            "All content successfully removed",
        ),
        _condition(
            "NamespaceFinalizersRemaining",
            f"Some content in the namespace has finalizers remaining: {held}" if held else "",
            "SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ]  # fmt: skip


def _condition(type: str, problem: str, reason: str, fine: str) -> Obj:
    return {"type": type, "status": "True" if problem else "False", "reason": reason, "message": problem or fine}


class NamespaceController:
    """Deletes collections, then waits for the events that tell of the last object's end."""

    name = "namespace-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._built_in = [kind for kind in every_kind.deletable(context) if kind.namespaced]
        self._namespaces = context.informers.of(kinds.NAMESPACE)
        self._every = EveryKind(context, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """Take one namespace that is being deleted a step further."""
        namespace = self._namespaces.get(key)
        if namespace is None or not meta.is_deleting(namespace):
            return None
        if FINALIZER not in ((namespace.get("spec") or {}).get("finalizers") or ()):
            return None
        remains = await self._empty(key)
        if remains.empty:
            await self._finalize(namespace)
            return None
        now = meta.timestamp(self._context.clock.now())
        status = plan(namespace, remains, now=now)
        if status != namespace.get("status"):
            await self._client.update(kinds.NAMESPACE, {**namespace, "status": status}, subresource="status")
        unwatched = any(found and name not in self._every.caches for name, found in remains.objects.items())
        return UNWATCHED_RETRY_S if unwatched or remains.failures or remains.undiscovered else None

    async def _empty(self, namespace: str) -> Remains:
        """Delete what there is, Pods before the rest; returns what is still there."""
        objects: dict[str, Sequence[Obj]] = {}
        failures: list[str] = []
        others = await elsewhere.namespaced(self._client)
        first = [kind for kind in self._built_in if kind == kinds.POD]
        rest = [kind for kind in self._built_in if kind != kinds.POD]
        rest += [kind for kind in self._every.custom if kind.namespaced]
        known = {kind.qualified for kind in rest}
        rest += [kind for kind in others.kinds if kind.qualified not in known]
        for stage in (first, rest):
            for kind in stage:
                try:
                    objects[kind.qualified] = await self._empty_of(kind, namespace)
                except errors.StatusError as error:
                    failures.append(f"{kind.qualified}: {error}")
            if any(objects.values()) or failures:
                break
        return Remains({name: found for name, found in objects.items() if found}, failures, others.failures)

    async def _empty_of(self, kind: Kind, namespace: str) -> Sequence[Obj]:
        cache = self._every.caches.get(kind.qualified)
        known = cache.list(namespace) if cache is not None else ()
        if known and all(meta.is_deleting(obj) for obj in known):
            # All are on their way; the cache tells when the last one has gone, and then the API is asked.
            return known[:LISTED]
        found = (await self._client.list(kind, namespace=namespace, limit=LISTED)).items
        if all(meta.is_deleting(obj) for obj in found):
            return found
        if "deletecollection" in kind.verbs:
            await self._client.raw("DELETE", kind.path(namespace=namespace))
        else:
            await self._delete_each(kind, found)
        return (await self._client.list(kind, namespace=namespace, limit=LISTED)).items

    async def _delete_each(self, kind: Kind, found: Sequence[Obj]) -> None:
        for obj in found:
            try:
                await self._client.delete(kind, obj["metadata"]["name"], namespace=obj["metadata"]["namespace"])
            except errors.NotFound:
                pass

    async def _finalize(self, namespace: Obj) -> None:
        kept = [name for name in namespace["spec"]["finalizers"] if name != FINALIZER]
        changed = {**namespace, "spec": {**namespace["spec"], "finalizers": kept}}
        try:
            await self._client.update(kinds.NAMESPACE, changed, subresource="finalize")
        except errors.NotFound:
            pass

    def _changed(self, kind: Kind, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        if kind == kinds.NAMESPACE:
            if meta.is_deleting(obj) and owner_index.differs_beyond_status(event, old, new):
                self._queue.add(obj["metadata"]["name"])
            return
        name = obj["metadata"].get("namespace")
        if event != "DELETED" or not name:
            return
        namespace = self._namespaces.get(name)
        if namespace is None or not meta.is_deleting(namespace):
            return
        if not self._every.caches[kind.qualified].list(name):
            self._queue.add(name)
