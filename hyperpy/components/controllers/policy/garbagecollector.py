"""Garbage collector: objects go when their owners have gone, whatever their kinds.

Watches: every kind.   Writes: every kind (deletes, owner references, finalizers).
The planner is in `collection_plan`.

Keys are `plural.group|namespace/name`. The graph of owners is the index "owner uid" of each shared cache; that an owner
is gone is believed only from the API itself, and remembered for `REMEMBERED` references, since uids never come back.
A reference names an owner of the object's own namespace: elsewhere the same uid may well be alive.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from hyperpy.api import errors, meta
from hyperpy.api.kinds import NAMESPACE, Kind
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.policy import collection_plan
from hyperpy.components.controllers.policy.collection_plan import Owner
from hyperpy.components.controllers.upkeep.every_kind import EveryKind

REMEMBERED = 4096
#: An object with dependents is looked at again after this long, while a custom kind is not read yet.
UNSYNCED_RETRY_S = 1.0
_BY_OWNER = "owner-uid"
_FINALIZERS = (collection_plan.FOREGROUND_FINALIZER, collection_plan.ORPHAN_FINALIZER)


class GarbageCollector:
    """Looks at one object at a time: at its owners, and when it is leaving at its dependents."""

    name = "garbage-collector-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._events = context.events(self.name)
        self._gone: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._every = EveryKind(context, self._changed, indexes={_BY_OWNER: _owner_uids})

    async def reconcile(self, key: str) -> float | None:
        """See to one object."""
        resource, _, name_key = key.partition("|")
        namespace, name = meta.split_key(name_key)
        kind, cache = self._every.kinds.get(resource), self._every.caches.get(resource)
        obj = cache.get(name, namespace) if cache is not None else None
        if kind is None or obj is None:
            return None
        if meta.is_deleting(obj) and not self._every.synced:
            return UNSYNCED_RETRY_S  # a dependent may be of a custom kind that is not read yet
        owners = {} if meta.is_deleting(obj) else await self._owners(kind, obj)
        dependents = self._dependents(obj)
        match collection_plan.plan(obj, owners, dependents=[each for _, each in dependents]):
            case collection_plan.DropOwners(uids):
                await self._drop_owners(kind, obj, uids)
            case collection_plan.Delete(propagation):
                await self._delete(kind, obj, propagation)
            case collection_plan.Unblock():
                await self._patch(kind, obj, {"ownerReferences": collection_plan.unblocked(obj)})
            case collection_plan.Orphan():
                for of_kind, each in dependents:
                    await self._drop_owners(of_kind, each, frozenset([obj["metadata"]["uid"]]))
                await self._drop_finalizer(kind, obj, collection_plan.ORPHAN_FINALIZER)
            case collection_plan.Release():
                await self._drop_finalizer(kind, obj, collection_plan.FOREGROUND_FINALIZER)
            case collection_plan.Wait():
                for of_kind, each in dependents:
                    self._queue.add(_key(of_kind, each))
        return None

    async def _owners(self, kind: Kind, obj: Obj) -> dict[str, Owner]:
        references = obj["metadata"].get("ownerReferences") or ()
        return {each["uid"]: await self._owner(kind, obj, each) for each in references}

    async def _owner(self, kind: Kind, obj: Obj, reference: Obj) -> Owner:
        uid, name = reference["uid"], reference["name"]
        owner_kind = self._kind_of(reference)
        if owner_kind is None:
            return Owner.HOLDS  # of a kind nobody knows here: no cause to delete
        if owner_kind.namespaced and not kind.namespaced:
            self._tell_of_other_namespace(kind, obj, reference, owner_kind)
            return Owner.HOLDS  # in a namespace, which a cluster-wide object cannot have: no cause either
        namespace = obj["metadata"]["namespace"] if owner_kind.namespaced else None
        place = (owner_kind.qualified, namespace or "", name, uid)
        if place in self._gone:
            return Owner.GONE
        owner = self._every.caches[owner_kind.qualified].get(name, namespace)
        if owner is None or owner["metadata"]["uid"] != uid:
            owner = await self._asked(owner_kind, name, namespace)
        if owner is None or owner["metadata"]["uid"] != uid:
            self._tell_of_other_namespace(kind, obj, reference, owner_kind)
            self._gone[place] = None
            while len(self._gone) > REMEMBERED:
                self._gone.popitem(last=False)
            return Owner.GONE
        return collection_plan.state_of(owner)

    def _tell_of_other_namespace(self, kind: Kind, obj: Obj, reference: Obj, owner_kind: Kind) -> None:
        """Warn when the owner that a reference means is there, but not where a reference can reach it."""
        own, name = obj["metadata"].get("namespace", ""), reference["name"]
        cache = self._every.caches[owner_kind.qualified]
        namespaces = [each["metadata"]["name"] for each in self._every.caches[NAMESPACE.qualified].list()]
        others = [cache.get(name, each) for each in namespaces if each != own] if owner_kind.namespaced else ()
        if not any(each is not None and each["metadata"]["uid"] == reference["uid"] for each in others):
            return
        about = (
            f"{reference['apiVersion']}/{reference['kind']}, namespace: {own}, name: {name}, uid: {reference['uid']}"
        )
        message = f'ownerRef [{about}] does not exist in namespace "{own}"'
        self._events.event(obj, kind, "Warning", "OwnerRefInvalidNamespace", message)

    async def _asked(self, kind: Kind, name: str, namespace: str | None) -> Obj | None:
        try:
            return await self._client.get(kind, name, namespace=namespace)
        except errors.NotFound:
            return None

    def _kind_of(self, reference: Obj) -> Kind | None:
        group = reference["apiVersion"].rpartition("/")[0]
        for kind in self._every.kinds.values():
            if kind.kind == reference["kind"] and kind.group == group:
                return kind
        return None

    def _dependents(self, obj: Obj) -> list[tuple[Kind, Obj]]:
        uid = obj["metadata"]["uid"]
        every = self._every
        return [
            (every.kinds[name], each) for name, cache in every.caches.items() for each in cache.by_index(_BY_OWNER, uid)
        ]

    async def _delete(self, kind: Kind, obj: Obj, propagation: str) -> None:
        about = obj["metadata"]
        options = DeleteOptions(propagation=propagation, uid=about["uid"], resource_version=about["resourceVersion"])
        try:
            await self._client.delete(kind, about["name"], namespace=about.get("namespace"), options=options)
        except errors.NotFound:
            pass

    async def _drop_owners(self, kind: Kind, obj: Obj, uids: frozenset[str]) -> None:
        references = collection_plan.without_owners(obj, uids)
        await self._patch(kind, obj, {"ownerReferences": references or None})

    async def _drop_finalizer(self, kind: Kind, obj: Obj, finalizer: str) -> None:
        kept = [each for each in obj["metadata"].get("finalizers") or () if each != finalizer]
        await self._patch(kind, obj, {"finalizers": kept or None})

    async def _patch(self, kind: Kind, obj: Obj, changes: Obj) -> None:
        """Change exactly this version of the object; a later one is a conflict, and looked at again."""
        about = obj["metadata"]
        body = {"metadata": {"uid": about["uid"], "resourceVersion": about["resourceVersion"], **changes}}
        try:
            await self._client.patch(kind, about["name"], body, namespace=about.get("namespace"))
        except errors.NotFound:
            pass

    def _changed(self, kind: Kind, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        if event == "DELETED":
            for of_kind, each in self._dependents(obj):
                self._queue.add(_key(of_kind, each))
        elif _deserves_a_look(old, obj):
            self._queue.add(_key(kind, obj))
        if old is not None and (event == "DELETED" or _references(old) != _references(obj)):
            self._add_waiting_owners(old)

    def _add_waiting_owners(self, obj: Obj) -> None:
        """Owners in foreground deletion may go now that this one has gone, or is no longer theirs."""
        for reference in _references(obj):
            kind = self._kind_of(reference)
            if kind is None:
                continue
            namespace = obj["metadata"].get("namespace") if kind.namespaced else None
            owner = self._every.caches[kind.qualified].get(reference["name"], namespace)
            if owner is not None and meta.is_deleting(owner):
                self._queue.add(_key(kind, owner))


def _deserves_a_look(old: Obj | None, obj: Obj) -> bool:
    """New owners, or a deletion that the garbage collector has a part in."""
    if _references(obj) and (old is None or _references(old) != _references(obj)):
        return True
    return meta.is_deleting(obj) and any(name in _FINALIZERS for name in obj["metadata"].get("finalizers") or ())


def _references(obj: Obj) -> list[Obj]:
    return obj["metadata"].get("ownerReferences") or []


def _owner_uids(obj: Obj) -> Iterable[str]:
    return [each["uid"] for each in _references(obj)]


def _key(kind: Kind, obj: Obj) -> str:
    return f"{kind.qualified}|{meta.key(obj)}"
