"""Finds out whether the servers behind APIServices answer, and what they have; tells it in the status.

Watches: APIService, Service, EndpointSlice.   Writes: APIService/status.
Source: kube-aggregator's available controllers: when it looks again, what it asks, as whom.
"""

from __future__ import annotations

import asyncio
from typing import Any, Never

import orjson

from hyperpy.api import errors, kinds, meta
from hyperpy.api.wire import UserInfo
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.apiserver.aggregation import availability, resource_list
from hyperpy.components.apiserver.aggregation.availability import Verdict
from hyperpy.components.apiserver.aggregation.backing import Backing, headers_for
from hyperpy.components.apiserver.aggregation.directory import Directory
from hyperpy.components.apiserver.aggregation.metrics import AggregationMetrics
from hyperpy.components.apiserver.strategy import apiservice
from hyperpy.components.apiserver.streams.backend import Backends

Obj = dict[str, Any]

#: A server that answers is asked again after this; one that does not after 1 s, doubling to it.
AGAIN_S = 30.0
_FIRST_S = 1.0
#: How long one question may take, and how often it is put: a service may have endpoints that are gone.
ANSWER_S = 5.0
_TRIES = 5
_MAX_BYTES = 8 * 1024 * 1024

AGGREGATOR = UserInfo("system:kube-aggregator", ("system:masters",))
_LOCAL = Verdict("True", apiservice.LOCAL["reason"], apiservice.LOCAL["message"])


class Checking:
    """Keeps the statuses of APIServices."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        *,
        directory: Directory,
        backing: Backing,
        backends: Backends,
        metrics: AggregationMetrics,
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._services = informers.of(kinds.API_SERVICE)
        self._directory = directory
        self._backing = backing
        self._backends = backends
        self._queue = WorkQueue("apiserver/apiservice-availability", clock)
        self._failures: dict[str, int] = {}

    async def run(self) -> Never:
        """Work until cancelled."""
        await self._services.synced()
        leave = self._services.subscribe(self._changed)
        try:
            await self._queue.run(self.reconcile, workers=5)
        finally:
            leave()

    async def reconcile(self, name: str) -> float | None:
        """Look at one APIService; returns when to look again."""
        service = self._services.get(name)
        if service is None:
            self._metrics.gone(name)
            return None
        if not service["spec"].get("service"):
            await self._tell(service, _LOCAL)
            return None
        self._backing.watch(self._moved)
        await self._backing.synced()
        verdict = await self._judge(service)
        if not await self._tell(service, verdict):
            return None  # it is gone
        if verdict == availability.PASSED:
            self._failures.pop(name, None)
            return AGAIN_S
        failures = self._failures[name] = self._failures.get(name, -1) + 1
        return min(_FIRST_S * 2**failures, AGAIN_S)

    async def _judge(self, service: Obj) -> Verdict:
        spec = service["spec"]
        place = spec.get("group") or "", spec["version"]
        verdict = availability.of_service(spec["service"], *self._backing.found(spec["service"]))
        if verdict is None:
            verdict = await self._asked(service, path_of(place))
        discovery = None
        if verdict == availability.PASSED:
            discovery = await self._discovery(service, place)
        self._directory.note(place, discovery)
        return verdict

    async def _asked(self, service: Obj, path: str) -> Verdict:
        """Whether the server answers to its own path. As in Kubernetes, its certificate is not looked at here."""
        why = ""
        for _ in range(_TRIES):
            url = path
            try:
                target = self._backing.target(service, path, checked=False)
                url = target.url
                async with asyncio.timeout(ANSWER_S):
                    async with await self._backends.request(
                        "GET", target, headers=headers_for(AGGREGATOR, ())
                    ) as found:
                        if 200 <= found.status < 300:
                            return availability.PASSED
                        why = f"bad status from {url}: {found.status}"
            except errors.StatusError as error:
                why = str(error)
            except TimeoutError:
                return availability.failed(f"timed out waiting for {url}")
            why = f"failing or missing response from {url}: {why}"
        return availability.failed(why)

    async def _discovery(self, service: Obj, place: tuple[str, str]) -> Obj | None:
        """What the server has; None when it cannot be trusted or understood."""
        body = await self.fetch(service, path_of(place))
        if not isinstance(body, dict) or body.get("kind") != "APIResourceList":
            return None
        return resource_list.convert(place[1], body)

    async def fetch(self, service: Obj, uri: str) -> Any:
        """A JSON document of a server behind an APIService, in the aggregator's own name; None when there is none."""
        try:
            target = self._backing.target(service, uri)
            headers = headers_for(AGGREGATOR, (("Accept", "application/json"),))
            async with asyncio.timeout(ANSWER_S):
                async with await self._backends.request("GET", target, headers=headers) as found:
                    if found.status != 200:
                        return None
                    return orjson.loads(await found.content.read(_MAX_BYTES))
        except (errors.StatusError, TimeoutError, orjson.JSONDecodeError):
            return None

    async def _tell(self, service: Obj, verdict: Verdict) -> bool:
        """Write a verdict; returns whether the APIService is still there. Raises StatusError."""
        told = availability.status(service, verdict, now=meta.timestamp(self._clock.now()))
        self._metrics.judged(service["metadata"]["name"], verdict, changed=told is not None)
        try:
            if told is not None:
                await self._client.update(kinds.API_SERVICE, told, subresource="status")
        except errors.NotFound:
            return False
        return True

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event != "MODIFIED" or new is None or old is None or old["spec"] != new["spec"]:
            self._queue.add((new or old or {})["metadata"]["name"])

    def _moved(self, namespace: str, name: str) -> None:
        """A Service or its endpoints have changed."""
        for service in self._directory.remotes.values():
            reference = service["spec"]["service"]
            if (reference["namespace"], reference["name"]) == (namespace, name):
                self._queue.add(service["metadata"]["name"])


def path_of(place: tuple[str, str]) -> str:
    """The path below which a group and version is answered."""
    group, version = place
    return f"/apis/{group}/{version}" if group else f"/api/{version}"
