"""The ConfigMaps and Secrets that the node's Pods refer to: each watched once, and only while a Pod needs it.

    hold ──first Pod──▶ watching ──change──▶ the Pods that hold it are told
    release ──last Pod──▶ forgotten

A kubelet may not list all Secrets of a cluster, so each object is watched by name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Never

from hyperpy.api import errors
from hyperpy.api.kinds import CONFIG_MAP, SECRET
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Client
from hyperpy.components.kubelet.environment import Reference

log = logging.getLogger(__name__)

Obj = dict[str, Any]
_KINDS = {"ConfigMap": CONFIG_MAP, "Secret": SECRET}
SYNC_TIMEOUT_S = 10.0


class Unreachable(Exception):
    """The API server did not answer in time about an object that a Pod needs."""


@dataclass(slots=True)
class _Watched:
    informer: Informer
    task: asyncio.Task[Never]
    holders: set[str] = field(default_factory=set)


class ObjectCache:
    """Referenced objects by namespace, kind and name.

    Args:
        changed: called with the uid of each Pod that holds an object that changed.
    """

    def __init__(self, client: Client, clock: Clock, *, changed: Callable[[str], None]) -> None:
        self._client = client
        self._clock = clock
        self._changed = changed
        self._watched: dict[tuple[str, Reference], _Watched] = {}

    async def fetch(self, uid: str, namespace: str, wanted: Iterable[Reference]) -> dict[Reference, Obj]:
        """Those of the wanted objects that exist. The Pod `uid` is told of their changes until `release`.

        Raises:
            Unreachable: the API server does not answer.
        """
        found: dict[Reference, Obj] = {}
        for reference in wanted:
            obj = await self._get(uid, namespace, reference)
            if obj is not None:
                found[reference] = obj
        return found

    def release(self, uid: str) -> None:
        """The Pod needs none of its objects any more."""
        for key, watched in list(self._watched.items()):
            watched.holders.discard(uid)
            if not watched.holders:
                watched.task.cancel()
                del self._watched[key]

    async def aclose(self) -> None:
        """Stop watching everything."""
        tasks = [watched.task for watched in self._watched.values()]
        self._watched.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _get(self, uid: str, namespace: str, reference: Reference) -> Obj | None:
        watched = self._watch(namespace, reference)
        watched.holders.add(uid)
        try:
            async with asyncio.timeout(SYNC_TIMEOUT_S):
                await watched.informer.synced()
                cached = watched.informer.get(reference.name, namespace)
                if cached is not None:
                    return cached
                # The watch may be a moment behind a Pod that was made right after its ConfigMap.
                return await self._client.get(_KINDS[reference.kind], reference.name, namespace=namespace)
        except errors.NotFound:
            return None
        except (TimeoutError, errors.StatusError) as error:
            what = f'{reference.kind.lower()} "{namespace}/{reference.name}"'
            raise Unreachable(f"failed to fetch {what}: {error or 'timed out'}") from error

    def _watch(self, namespace: str, reference: Reference) -> _Watched:
        key = (namespace, reference)
        if key in self._watched:
            return self._watched[key]
        informer = Informer(
            self._client,
            _KINDS[reference.kind],
            namespace=namespace,
            field_selector=f"metadata.name={reference.name}",
            clock=self._clock,
        )
        task = asyncio.create_task(informer.run(), name=f"kubelet/watch/{namespace}/{reference.name}")
        watched = _Watched(informer, task)
        self._watched[key] = watched
        informer.subscribe(lambda event, old, new: self._tell(watched))
        return watched

    def _tell(self, watched: _Watched) -> None:
        for uid in tuple(watched.holders):
            self._changed(uid)
