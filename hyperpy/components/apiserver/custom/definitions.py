"""Follows the CustomResourceDefinitions in the store and keeps the registry of kinds in step with them.

    change of a definition ──▶ its status, written when it differs ──▶ served versions join or leave the registry
                                              │ being deleted
                                              └──▶ cleanup: its objects go, then itself

One task does it all, one definition after another; every API server of a cluster runs it and comes to the same result.
A write of a definition is answered when this server has followed it (`Progress`): its kind can be used at once.
Queue: the subscription of the feed; when it overflows, all definitions are read anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from hyperpy.api import errors, meta
from hyperpy.api.custom import naming
from hyperpy.api.custom.converting import Convert
from hyperpy.api.custom.naming import is_true
from hyperpy.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind, Registry
from hyperpy.api.patch import values
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.credentials.access import APISERVER
from hyperpy.components.apiserver.custom import cleanup
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.change import DELETED, Change
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.subscription import Subscription
from hyperpy.components.apiserver.writes import updating
from hyperpy.components.apiserver.writes.writing import Write
from hyperpy.store.protocol import StoreError

if TYPE_CHECKING:
    from hyperpy.api.custom.definition import Family

log = logging.getLogger(__name__)

#: Until definitions that could not be read, or a status that could not be written, are tried again.
_RETRY_S = 1.0

#: Makes what converts objects between the versions of a definition.
Converter = Callable[[Obj], Convert]


@dataclass(slots=True)
class _Known:
    """A definition as it was seen last but for its schemas, and the kinds that it gave the registry.

    `mark` tells what they are made of.
    """

    crd: Obj
    revision: int
    family: Family | None = None
    mark: bytes = b""


class Definitions:
    """The definitions of one API server. `start` before the first request, `aclose` after the last.

    Args:
        converter: makes what converts between the versions of a definition.
    """

    def __init__(self, core: Core, converter: Converter) -> None:
        self._core = core
        self._converter = converter
        self._known: dict[str, _Known] = {}
        self._task: asyncio.Task[None] | None = None
        self._cleanups: dict[str, asyncio.Task[None]] = {}
        self._retries: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Read all definitions, and follow them from then on.

        Raises:
            StoreError: the store does not answer.
        """
        subscription = await self._read()
        self._task = asyncio.create_task(self._follow(subscription), name="apiserver/definitions")

    async def aclose(self) -> None:
        """Stop following."""
        self._core.definitions.move(None)
        tasks = [*self._cleanups.values(), *self._retries.values(), *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> Subscription:
        found = await self._core.objects.everything(CUSTOM_RESOURCE_DEFINITION)
        crds = {obj["metadata"]["name"]: (obj, kv.mod_revision) for kv in found.kvs for obj in (form.decoded(kv),)}
        for name in [name for name in self._known if name not in crds]:
            self._forget(name)
        for crd, revision in crds.values():
            self._note(crd, revision)
        for name in crds:
            await self._settle(name)
        self._core.definitions.move(found.revision)
        return await self._core.feeds.join(CUSTOM_RESOURCE_DEFINITION, None, after=found.revision)

    async def _follow(self, subscription: Subscription) -> None:
        try:
            while True:
                try:
                    batches = await subscription.take()
                    if not batches:
                        return
                    for item in (item for batch in batches for item in batch.items):
                        if isinstance(item, Change):
                            await self._apply(item)
                except (errors.StatusError, StoreError) as error:
                    log.warning("custom resource definitions are read anew: %s", error)
                    subscription.close()
                    subscription = await self._reread()
        finally:
            subscription.close()

    async def _reread(self) -> Subscription:
        while True:
            try:
                return await self._read()
            except (errors.StatusError, StoreError) as error:
                log.debug("custom resource definitions: %s", error)
                await self._core.clock.sleep(_RETRY_S)

    async def _apply(self, change: Change) -> None:
        obj = change.old if change.type == DELETED else change.new
        if obj is not None:
            name = obj["metadata"]["name"]
            if change.type == DELETED:
                self._forget(name)
            elif name not in self._known or self._known[name].revision < change.revision:
                self._note(obj, change.revision)
                await self._settle(name)
            await self._reconsider(obj["spec"]["group"], name)
        self._core.definitions.move(change.revision)

    async def _reconsider(self, group: str, name: str) -> None:
        """Names may have become free for other definitions of the group."""
        for other, known in list(self._known.items()):
            if other != name and known.crd["spec"]["group"] == group and not is_true(known.crd, "NamesAccepted"):
                await self._settle(other)

    def _note(self, crd: Obj, revision: int) -> None:
        """Remember a definition, and bring the registry in step with it."""
        known = self._known.setdefault(crd["metadata"]["name"], _Known({}, revision))
        known.crd, known.revision = _slim(crd), revision
        mark = _mark(crd)
        if mark == known.mark:
            return
        from hyperpy.api.custom.definition import Family  # and CEL, OpenAPI: only where there are definitions

        before, known.mark = known.family, mark
        known.family = Family(crd, self._converter(crd)) if is_true(crd, "Established") else None
        self._serve(before, known.family)

    def _forget(self, name: str) -> None:
        known = self._known.pop(name, None)
        if known is not None:
            self._serve(known.family, None)
        task = self._cleanups.pop(name, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _serve(self, before: Family | None, after: Family | None) -> None:
        """Exchange the kinds in the registry; watches of what has changed end, so that their clients come again."""
        new = after.kinds if after is not None else ()
        places = {(kind.version, kind.plural) for kind in new}
        for kind in before.kinds if before is not None else ():
            if (kind.version, kind.plural) not in places:
                self._core.kinds.remove(kind)
        for kind in new:
            if _is_free(self._core.kinds, kind):
                self._core.kinds.add(kind)
        if before is not None and repr(before.versions) != repr(after.versions if after is not None else None):
            self._core.feeds.end(before.stored)

    async def _settle(self, name: str) -> None:
        """Write a definition's status where it is not what it should be, and see to its end."""
        crd = self._known[name].crd
        if self._status(crd) != (crd.get("status") or {}):
            target = Write(CUSTOM_RESOURCE_DEFINITION, None, name, "status", APISERVER)

            async def transform(old: Obj) -> Obj:
                new: Obj = values.clone(old)
                new["status"] = self._status(old)
                return new

            try:
                written = await updating.update(self._core, target, transform, rules=updating.TRUSTED)
            except errors.NotFound:
                return
            except errors.StatusError as error:
                self._retry(name, error)
                return
            if name not in self._known:
                return
            crd = form.decode(written.value, written.revision)
            self._note(crd, written.revision)
        own = crd["metadata"]
        waits = own.get("deletionTimestamp") and naming.CLEANUP in (own.get("finalizers") or ())
        if waits and name not in self._cleanups:
            family = self._known[name].family
            work = cleanup.run(self._core, name, family.stored if family is not None else None)
            self._cleanups[name] = asyncio.create_task(work, name=f"apiserver/cleanup/{name}")

    def _retry(self, name: str, error: errors.StatusError) -> None:
        """Admission, or whoever else, refused the status: the definition is looked at again later."""
        log.warning("the status of the CustomResourceDefinition %s cannot be written: %s", name, error)
        if name not in self._retries:
            self._retries[name] = asyncio.create_task(self._later(name), name=f"apiserver/definition/{name}")

    async def _later(self, name: str) -> None:
        await self._core.clock.sleep(_RETRY_S)
        del self._retries[name]
        if name in self._known:
            await self._settle(name)

    def _status(self, crd: Obj) -> Obj:
        group, name = crd["spec"]["group"], crd["metadata"]["name"]
        others = [
            known.crd for other, known in self._known.items() if other != name and known.crd["spec"]["group"] == group
        ]
        return naming.status(crd, others, now=meta.timestamp(self._core.clock.now()))


def _slim(crd: Obj) -> Obj:
    """A definition without its versions: schemas are large, and live in the kinds."""
    return {**crd, "spec": {name: value for name, value in crd["spec"].items() if name != "versions"}}


def _mark(crd: Obj) -> bytes:
    """A digest of what the kinds of a definition are made of."""
    flags = [is_true(crd, "Established"), is_true(crd, "Terminating")]
    names = (crd.get("status") or {}).get("acceptedNames")
    return hashlib.sha256(orjson.dumps([crd["spec"], names, flags])).digest()


def _is_free(kinds: Registry, kind: Kind) -> bool:
    """A built-in kind is never taken away."""
    there = kinds.resource(kind.group, kind.version, kind.plural)
    return there is None or there.definition is not None
