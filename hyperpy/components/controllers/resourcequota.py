"""ResourceQuota controller: quotas know their limits and what is used of them.

Watches: ResourceQuota, and every kind that can be counted.   Writes: ResourceQuota/status.

    quota new or changed ──▶ counted at once
    object gone, over or changed ──▶ counted soon ──quota charged a moment ago──▶ counted when that has settled
    quota charged by admission ──▶ counted when it has settled: nothing to do, or the object was never written

Admission charges quotas just before an object is written. Between the two a count would miss the object and give its
place to another, so a quota that was charged less than `SETTLE_S` ago is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hyperpy.api import errors, kinds, meta, quota
from hyperpy.api.kinds import Kind
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers import every_kind
from hyperpy.components.controllers.context import Context

#: Longer than an object takes from its admission to its event here.
SETTLE_S = 1.0
#: What goes within this time is counted together.
GATHER_S = 0.1

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
        wanted = plan(current, _InNamespace(self._caches, namespace), now=self._clock.now())
        if wanted is None:
            return None
        try:
            await self._client.update(kinds.RESOURCE_QUOTA, wanted, subresource="status")
        except errors.NotFound:
            pass
        return None

    def _quota_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is None:
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
        if new is not None and evaluator.usage(new, now) == evaluator.usage(old, now):
            return
        for each in quotas:
            if evaluator.measured((each.get("spec") or {}).get("hard") or {}):
                self._queue.add_after(meta.key(each), GATHER_S)


class _InNamespace(Mapping[tuple[str, str], Sequence[Obj]]):
    """The cached objects of a namespace by group and plural, looked up when they are asked for."""

    def __init__(self, caches: Mapping[tuple[str, str], Informer], namespace: str | None) -> None:
        self._caches = caches
        self._namespace = namespace

    def __getitem__(self, key: tuple[str, str]) -> Sequence[Obj]:
        return self._caches[key].list(self._namespace)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._caches)

    def __len__(self) -> int:
        return len(self._caches)


def _is_known(current: Obj) -> bool:
    """Whether the limits that count are the ones that are wanted."""
    return bool(((current.get("status") or {}).get("hard") or {}) == ((current.get("spec") or {}).get("hard") or {}))


def _used(current: Obj) -> Obj:
    return (current.get("status") or {}).get("used") or {}
