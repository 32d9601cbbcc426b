"""Informers: one shared, watched cache per kind and process.

    listing ──▶ synced ──watch──▶ following ──stream ends──▶ watch again from the last revision
       ▲                              │ 410 Expired, or the server forgot
       └──────────────────────────────┘

Cached objects are read-only for everyone who reads them: copy before a change. They have no managedFields, which our
components never read and which are as large as the rest (an update without them leaves them alone). Callbacks run
inside the informer's task, one after another, in the order of events; they only note keys (a work queue), never wait.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Never, Self

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.protocol import Client, Obj

log = logging.getLogger(__name__)

#: Told of a change: ADDED (None, new), MODIFIED (old, new) or DELETED (old, the object as it was last).
Callback = Callable[[str, Obj | None, Obj | None], None]
IndexFunction = Callable[[Obj], Iterable[str]]

RETRY_BASE_S = 0.1
RETRY_MAX_S = 10.0
PAGE_SIZE = 500


def _key(namespace: str | None, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


class Informer:
    """The cache of one kind (or of the part of it that selectors name). Made by `Informers.of`."""

    def __init__(
        self,
        client: Client,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        clock: Clock,
        complaints: dict[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._complaints = {} if complaints is None else complaints
        self._client = client
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._clock = clock
        self._objects: dict[str, Obj] = {}
        self._by_namespace: defaultdict[str, dict[str, Obj]] = defaultdict(dict)
        self._indexers: dict[str, IndexFunction] = {}
        self._indexes: dict[str, defaultdict[str, dict[str, Obj]]] = {}
        self._callbacks: list[Callback] = []
        self._synced = asyncio.Event()

    def get(self, name: str, namespace: str | None = None) -> Obj | None:
        """The object as last seen, or None."""
        return self._objects.get(_key(namespace, name))

    def list(self, namespace: str | None = None) -> list[Obj]:
        """All objects, or those of a namespace, in no particular order."""
        if namespace is None:
            return list(self._objects.values())
        found = self._by_namespace.get(namespace)
        return list(found.values()) if found else []

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Index objects by the values `function` gives for them; the same name twice keeps the first."""
        if name in self._indexers:
            return
        self._indexers[name] = function
        index: defaultdict[str, dict[str, Obj]] = defaultdict(dict)
        for key, obj in self._objects.items():
            for value in function(obj):
                index[value][key] = obj
        self._indexes[name] = index

    def by_index(self, name: str, value: str) -> builtins.list[Obj]:
        """The objects for which the index function gave `value`."""
        found = self._indexes[name].get(value)
        return list(found.values()) if found else []

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call `callback(event, old, new)` for each change; objects already here arrive at once as ADDED.

        Returns:
            A function that ends the subscription.
        """
        self._callbacks.append(callback)
        for obj in list(self._objects.values()):
            callback("ADDED", None, obj)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    @property
    def has_synced(self) -> bool:
        """The first list is in the cache."""
        return self._synced.is_set()

    async def synced(self) -> None:
        """Wait until the first list is in the cache."""
        await self._synced.wait()

    def clear(self) -> None:
        """Forget every object, and tell of each as deleted."""
        for key in list(self._objects):
            self._remove(key)

    async def run(self) -> Never:
        """Keep the cache in step until cancelled; failures are logged once and tried again."""
        failures, listed_at = 0, 0.0
        while True:
            try:
                revision = await self._list()
                listed_at = self._clock.monotonic()
                failures = 0
                await self._follow(revision)
            except errors.Gone as error:
                log.debug("informer %s: listing again: %s", self.kind.qualified, error)
                if self._clock.monotonic() - listed_at < RETRY_BASE_S:
                    # The list itself was too old at once: the server compacts faster than we read.
                    await self._clock.sleep(RETRY_BASE_S)
            except errors.StatusError as error:
                self._complain(error)
                failures += 1
                await self._clock.sleep(min(RETRY_BASE_S * 2 ** min(failures, 20), RETRY_MAX_S))

    def _complain(self, error: errors.StatusError) -> None:
        """A warning, once for the same trouble of all informers of a process (a server that is away)."""
        fresh = self._complaints.get("last") != str(error)
        self._complaints["last"] = str(error)
        log.log(logging.WARNING if fresh else logging.DEBUG, "informer %s: %s", self.kind.qualified, error)

    async def _list(self) -> str:
        """List every page from one snapshot and replace the cache with it; returns its revision."""
        fresh: dict[str, Obj] = {}
        token = ""
        while True:
            page = await self._client.list(
                self.kind,
                namespace=self._namespace,
                label_selector=self._label_selector,
                field_selector=self._field_selector,
                limit=PAGE_SIZE,
                continue_token=token,
            )
            for obj in page.items:
                fresh[_key(obj["metadata"].get("namespace"), obj["metadata"]["name"])] = obj
            token = page.continue_token
            if not token:
                break
        for key in [key for key in self._objects if key not in fresh]:
            self._remove(key)
        for key, obj in fresh.items():
            self._put(key, obj)
        self._synced.set()
        return page.resource_version

    async def _follow(self, revision: str) -> Never:
        """Apply watch events; a stream that ends or breaks goes on from the last revision seen."""
        failures = 0
        while True:
            try:
                async for event in self._client.watch(
                    self.kind,
                    namespace=self._namespace,
                    label_selector=self._label_selector,
                    field_selector=self._field_selector,
                    resource_version=revision,
                ):
                    failures = 0
                    meta = event.object["metadata"]
                    revision = meta["resourceVersion"]
                    if event.type in ("ADDED", "MODIFIED"):
                        self._put(_key(meta.get("namespace"), meta["name"]), event.object)
                    elif event.type == "DELETED":
                        self._remove(_key(meta.get("namespace"), meta["name"]), last=event.object)
            except errors.ServiceUnavailable as error:
                log.debug("informer %s: %s", self.kind.qualified, error)
            failures += 1
            if failures > 1:
                await self._clock.sleep(min(RETRY_BASE_S * 2 ** min(failures, 20), RETRY_MAX_S))

    def _put(self, key: str, obj: Obj) -> None:
        old = self._objects.get(key)
        if old is not None and old["metadata"].get("resourceVersion") == obj["metadata"].get("resourceVersion"):
            return
        obj["metadata"].pop("managedFields", None)
        if old is not None and old["metadata"].get("uid") != obj["metadata"].get("uid"):
            self._remove(key)
            old = None
        self._objects[key] = obj
        self._by_namespace[obj["metadata"].get("namespace", "")][key] = obj
        for name, function in self._indexers.items():
            index = self._indexes[name]
            if old is not None:
                self._unindex(index, function(old), key)
            for value in function(obj):
                index[value][key] = obj
        self._tell("MODIFIED" if old is not None else "ADDED", old, obj)

    def _remove(self, key: str, *, last: Obj | None = None) -> None:
        old = self._objects.pop(key, None)
        if old is None:
            return
        namespace = old["metadata"].get("namespace", "")
        group = self._by_namespace[namespace]
        group.pop(key, None)
        if not group:
            del self._by_namespace[namespace]
        for name, function in self._indexers.items():
            self._unindex(self._indexes[name], function(old), key)
        self._tell("DELETED", old, last or old)

    @staticmethod
    def _unindex(index: defaultdict[str, dict[str, Obj]], values: Iterable[str], key: str) -> None:
        for value in values:
            bucket = index.get(value)
            if bucket is not None:
                bucket.pop(key, None)
                if not bucket:
                    del index[value]

    def _tell(self, event: str, old: Obj | None, new: Obj | None) -> None:
        for callback in list(self._callbacks):
            try:
                callback(event, old, new)
            except Exception:
                log.exception("informer %s: a subscriber failed", self.kind.qualified)


class Informers:
    """The informers of a process over one client, each kind and selection once.

    Used as an async context manager: they run inside it, and those asked for meanwhile start at once.
    """

    def __init__(self, client: Client, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()
        self._complaints: dict[str, str] = {}
        self._informers: dict[tuple[object, ...], Informer] = {}
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[tuple[object, ...], asyncio.Task[Never]] = {}

    def of(
        self, kind: Kind, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> Informer:
        """The informer of a kind, or of a part of it; the same arguments give the same one."""
        identity = (kind.group, kind.version, kind.plural, namespace, label_selector, field_selector)
        informer = self._informers.get(identity)
        if informer is None:
            informer = Informer(
                self._client,
                kind,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                clock=self._clock,
                complaints=self._complaints,
            )
            self._informers[identity] = informer
            if self._group is not None:
                self._start(identity, informer)
        return informer

    def drop(self, kind: Kind) -> None:
        """Stop the informers of a kind that is no more; what is in their caches is told as deleted."""
        place = (kind.group, kind.version, kind.plural)
        for identity in [identity for identity in self._informers if identity[:3] == place]:
            task = self._tasks.pop(identity, None)
            if task is not None:
                task.cancel()
            self._informers.pop(identity).clear()

    async def synced(self) -> None:
        """Wait until every informer asked for so far has its first list."""
        for informer in list(self._informers.values()):
            await informer.synced()

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        for identity, informer in self._informers.items():
            self._start(identity, informer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        group, self._group = self._group, None
        assert group is not None
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        await group.__aexit__(kind, error, trace)

    async def run(self) -> Never:
        """Run them until cancelled."""
        async with self:
            await asyncio.Event().wait()
        raise AssertionError("the event above is never set")

    def _start(self, identity: tuple[object, ...], informer: Informer) -> None:
        assert self._group is not None
        self._tasks[identity] = self._group.create_task(informer.run(), name=f"informer/{informer.kind.qualified}")
