"""ResourceQuota controller: quotas know their limits and what is used of them.

Watches: ResourceQuota, and every kind that can be counted.   Writes: ResourceQuota/status.

    quota new or changed ──▶ counted at once
    object gone, over or changed ──▶ counted soon ──quota charged a moment ago──▶ counted when that has settled
    quota charged by admission ──▶ counted when it has settled: nothing to do, or the object was never written

Kinds that came after the start have no cache here: they are listed when a quota that counts them is, and such a quota
is counted every `RECHECK_S` too.

Admission charges quotas just before an object is written. Between the two a count would miss the object and give its
place to another, so a quota that was charged less than `SETTLE_S` ago is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from hyperpy.api import errors, kinds, meta, quota
from hyperpy.api.kinds import Kind
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import every_kind

#: Longer than an object takes from its admission to its event here.
SETTLE_S = 1.0
#: For quotas on kinds that have no cache.
RECHECK_S = 10.0
#: What goes within this time is counted together.
GATHER_S = 0.1

_COUNT = "count/"

Objects = Mapping[tuple[str, str], Sequence[Obj]]


def plan(current: Obj | None, objects: Objects, *, now: float) -> Obj | None:
    """The quota with the status it should have, or None when it has it.

    Args:
        objects: of the quota's namespace, by group and plural of their kind.
        now: seconds since the epoch.
    """
    if current is None:
        return None
    status = quota.recount(current, objects, lambda group, plural: objects[group, plural], now=now)
    before = current.get("status") or {}
    if all(status[name] == (before.get(name) or {}) for name in status):
        return None
    return {**current, "status": status}


class ResourceQuotaController:
    """Keys are quotas."""

    name = "resourcequota-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._queue = queue
        self._charged: dict[str, float] = {}
        self._quotas = context.watch(kinds.RESOURCE_QUOTA, self._quota_changed)
        caches = every_kind.watch_all(context, self._changed)
        self._caches: dict[tuple[str, str], Informer] = {
            (kind.group, kind.plural): caches[kind.qualified]
            for kind in every_kind.watched(context)
            if kind.namespaced and quota.evaluator_of(kind.group, kind.plural) is not None
        }

    async def reconcile(self, key: str) -> float | None:
        """Count one quota anew."""
        namespace, name = meta.split_key(key)
        current = self._quotas.get(name, namespace)
        if current is None:
            self._charged.pop(key, None)
            return None
        settles_s = self._charged.get(key, -SETTLE_S) + SETTLE_S - self._clock.monotonic()
        if settles_s > 0 and _is_known(current):
            return settles_s
        others = await self._others(current, namespace)
        again_s = RECHECK_S if others else None
        wanted = plan(current, _InNamespace(self._caches, namespace, others), now=self._clock.now())
        if wanted is None:
            return again_s
        try:
            await self._client.update(kinds.RESOURCE_QUOTA, wanted, subresource="status")
        except errors.NotFound:
            pass
        return again_s

    async def _others(self, current: Obj, namespace: str | None) -> dict[tuple[str, str], Sequence[Obj]]:
        """The objects that a quota counts and no cache holds; none of a kind that nobody serves."""
        found: dict[tuple[str, str], Sequence[Obj]] = {}
        for name in (current.get("spec") or {}).get("hard") or {}:
            plural, _, group = name.removeprefix(_COUNT).partition(".")
            if not name.startswith(_COUNT) or not group or (group, plural) in self._caches:
                continue
            kind = await self._served(group, plural)
            found[group, plural] = (
                (await self._client.list(kind, namespace=namespace)).items if kind is not None else ()
            )
        return found

    async def _served(self, group: str, plural: str) -> Kind | None:
        """A kind by what the API tells of its group, or None."""
        try:
            told = orjson.loads(await self._client.raw("GET", f"/apis/{group}"))
            version = told["preferredVersion"]["version"]
            listed = orjson.loads(await self._client.raw("GET", f"/apis/{group}/{version}"))
        except errors.NotFound:
            return None
        names = {each["name"]: each["kind"] for each in listed.get("resources") or () if each.get("namespaced")}
        return Kind(group, version, names[plural], plural) if plural in names else None

    def _quota_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None or event == "DELETED":
            return
        key = meta.key(new)
        if not _is_known(new):
            self._queue.add(key)
        elif old is None or _used(old) != _used(new):
            self._charged[key] = self._clock.monotonic()
            self._queue.add_after(key, SETTLE_S)

    def _changed(self, kind: Kind, event: str, old: Obj | None, new: Obj | None) -> None:
        """Look again at the quotas that an object may have left."""
        if old is None:
            return
        quotas = self._quotas.list(old["metadata"].get("namespace") or "")
        evaluator = quota.evaluator_of(kind.group, kind.plural) if quotas else None
        if evaluator is None:
            return
        now = self._clock.now()
        # A Pod that outlived its grace counts no more, before and after any change: its deletion is always looked at.
        same = event != "DELETED" and new is not None and evaluator.usage(new, now) == evaluator.usage(old, now)
        for each in quotas:
            if same and _scopes_of(old, each, evaluator) == _scopes_of(new or old, each, evaluator):
                continue
            if evaluator.measured((each.get("spec") or {}).get("hard") or {}):
                self._queue.add_after(meta.key(each), GATHER_S)


class _InNamespace(Mapping[tuple[str, str], Sequence[Obj]]):
    """The objects of a namespace by group and plural: cached ones, looked up when they are asked for, and others."""

    def __init__(self, caches: Mapping[tuple[str, str], Informer], namespace: str | None, others: Objects) -> None:
        self._caches = caches
        self._namespace = namespace
        self._others = others

    def __getitem__(self, key: tuple[str, str]) -> Sequence[Obj]:
        return self._others[key] if key in self._others else self._caches[key].list(self._namespace)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter({**self._caches, **self._others})

    def __len__(self) -> int:
        return len(self._caches.keys() | self._others.keys())


def _is_known(current: Obj) -> bool:
    """Whether the limits that count are the ones that are wanted."""
    return bool(((current.get("status") or {}).get("hard") or {}) == ((current.get("spec") or {}).get("hard") or {}))


def _scopes_of(obj: Obj, current: Obj, evaluator: quota.Evaluator) -> list[bool]:
    """In which of a quota's scopes an object is."""
    return [evaluator.in_scope(scope, obj) for scope in quota.scopes(current)]


def _used(current: Obj) -> Obj:
    return (current.get("status") or {}).get("used") or {}
