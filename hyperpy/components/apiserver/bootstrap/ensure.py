"""Make sure that objects of the API server's own are there and right, in one read of their kind and few writes.

These objects are trusted: admission and validation are not asked (the `kubernetes` Endpoints may be a loopback
address).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from hyperpy.api import defaults, errors, meta
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver import strategy
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.writes import field_managers, metadata, updating
from hyperpy.components.apiserver.writes.writing import Write

__all__ = ["Mend", "Obj", "all_of", "one"]

#: The object as it should be, from what it is and what is wanted. Must not change its arguments.
Mend = Callable[[Obj, Obj], Obj]


async def all_of(core: Core, kind: Kind, wanted: Sequence[Obj], *, mend: Mend, namespace: str | None = None) -> None:
    """Make every one of the wanted objects, of the cluster or of one namespace, there and right."""
    found = await core.objects.everything(kind, namespace)
    current = {obj["metadata"]["name"]: obj for obj in map(form.decoded, found.kvs)}
    async with asyncio.TaskGroup() as group:
        for obj in wanted:
            there = current.get(obj["metadata"]["name"])
            if there is None:
                group.create_task(_create(core, _target(kind, obj), obj), name=f"bootstrap/{kind.plural}")
            elif mend(there, obj) != there:
                group.create_task(one(core, kind, obj, mend=mend), name=f"bootstrap/{kind.plural}")


#: Who owns what is made at the start, as in Kubernetes.
_MANAGER = "kube-apiserver"


async def one(core: Core, kind: Kind, wanted: Obj, *, mend: Mend) -> None:
    """Make one object there and right."""
    target = _target(kind, wanted)

    async def transform(old: Obj) -> Obj:
        return mend(old, wanted)

    try:
        await updating.update(core, target, transform, rules=updating.TRUSTED)
    except errors.NotFound:
        await _create(core, target, wanted)


def _target(kind: Kind, wanted: Obj) -> Write:
    own = wanted["metadata"]
    return Write(kind, own.get("namespace"), own["name"])


async def _create(core: Core, target: Write, wanted: Obj) -> None:
    kind = target.kind
    rules = strategy.of(kind)
    obj: Obj = {
        **wanted,
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": dict(wanted["metadata"]),
    }
    now, uid = meta.timestamp(core.clock.now()), meta.new_uid(core.rng)
    metadata.begin(obj, strategy=rules, has_status=False, now=now, uid=uid)  # a status that is wanted stays
    defaults.apply(kind, obj)
    await field_managers.track_new(core, replace(target, manager=_MANAGER), obj)
    rules.create(obj)
    try:
        await core.objects.create(kind, target.namespace, target.name, form.encode(obj))
    except errors.AlreadyExists:
        return  # another API server was faster; it means the same
