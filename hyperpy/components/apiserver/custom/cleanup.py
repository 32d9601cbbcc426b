"""The end of a custom kind: its objects are deleted, their finalizers honoured, then the definition is let go.

marked ──▶ objects deleted ──▶ wait until the last one is gone ──▶ finalizer taken from the definition ──▶ gone
"""

from __future__ import annotations

import asyncio
import logging

from hyperpy.api import errors, meta
from hyperpy.api.custom import naming
from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from hyperpy.api.patch import values
from hyperpy.components.apiserver.content.deletion_options import DeleteOptions
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.credentials.access import APISERVER
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.writes import deletion, updating
from hyperpy.components.apiserver.writes.writing import Write
from hyperpy.store.protocol import StoreError

log = logging.getLogger(__name__)

#: Objects that are deleted at the same time.
_AT_ONCE = 64
_RETRY_BASE_S, _RETRY_MAX_S = 1.0, 60.0
_BUSY = ("InstanceDeletionInProgress", "CustomResource deletion is in progress")
_DONE = ("InstanceDeletionCompleted", "removed all instances")


async def run(core: Core, name: str, kind: Kind | None) -> None:
    """Delete every object of a kind, then let its definition go; what fails is tried again.

    Args:
        name: of the definition.
        kind: in whose version objects are kept; None when none were ever served.
    """
    failures = 0
    while True:
        try:
            await _mark(core, name, *_BUSY)
            if kind is not None:
                await _empty(core, kind)
            await _mark(core, name, *_DONE, done=True)
            return
        except errors.NotFound:
            return
        except (errors.StatusError, StoreError) as error:
            log.warning("the objects of %s cannot be deleted yet: %s", name, error)
        failures += 1
        await core.clock.sleep(min(_RETRY_BASE_S * 2 ** min(failures, 10), _RETRY_MAX_S))


async def _empty(core: Core, kind: Kind) -> None:
    while True:
        found = await core.objects.everything(kind)
        if not found.kvs:
            return
        subscription = await core.feeds.join(kind, None, after=found.revision)
        try:
            waiting = [obj for obj in map(form.decoded, found.kvs) if not meta.is_deleting(obj)]
            for start in range(0, len(waiting), _AT_ONCE):
                batch = waiting[start : start + _AT_ONCE]
                await asyncio.gather(*(_delete(core, kind, obj) for obj in batch))
            if await _some_left(core, kind):
                await subscription.take()
        finally:
            subscription.close()


async def _some_left(core: Core, kind: Kind) -> bool:
    return bool((await core.objects.everything(kind)).kvs)


async def _delete(core: Core, kind: Kind, obj: Obj) -> None:
    own = obj["metadata"]
    target = Write(kind, own.get("namespace"), own["name"], "", APISERVER)
    try:
        await deletion.delete(core, target, DeleteOptions())
    except errors.NotFound:
        pass


async def _mark(core: Core, name: str, reason: str, message: str, *, done: bool = False) -> None:
    """Say how far it is; when it is done, also take the finalizer away, which ends the definition."""
    target = Write(CUSTOM_RESOURCE_DEFINITION, None, name, "", APISERVER)
    now = meta.timestamp(core.clock.now())

    async def transform(old: Obj) -> Obj:
        new: Obj = values.clone(old)
        new["status"] = naming.terminating(old, now=now, reason=reason, message=message, done=done)
        if done:
            finalizers = [each for each in new["metadata"].get("finalizers") or () if each != naming.CLEANUP]
            new["metadata"]["finalizers"] = finalizers
        return new

    await updating.update(core, target, transform, rules=updating.TRUSTED)
