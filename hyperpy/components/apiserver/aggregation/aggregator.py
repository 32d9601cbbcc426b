"""The parts of aggregation together: what the router asks, and what runs beside the server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, Never

from hyperpy.api import kinds
from hyperpy.api.wire import Request, Response
from hyperpy.client.clock import Clock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.apiserver.aggregation.backing import Backing
from hyperpy.components.apiserver.aggregation.checking import Checking
from hyperpy.components.apiserver.aggregation.directory import Directory
from hyperpy.components.apiserver.aggregation.metrics import AggregationMetrics
from hyperpy.components.apiserver.aggregation.openapi import AggregatedOpenApi
from hyperpy.components.apiserver.aggregation.proxying import Proxying
from hyperpy.components.apiserver.aggregation.registration import Registration
from hyperpy.components.apiserver.credentials.pki import Credentials
from hyperpy.components.apiserver.streams.backend import Backends
from hyperpy.components.instruments import Instruments

Obj = dict[str, Any]


class Aggregator:
    """Aggregation in one API server.

    Args:
        client: the API server's own.
        credentials: the front proxy's client certificate, given on first use.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        *,
        credentials: Callable[[], Credentials],
        rng: random.Random,
        instruments: Instruments,
    ) -> None:
        self.directory = Directory()
        self._services = informers.of(kinds.API_SERVICE)
        self._leave = self.directory.follow(informers)
        self._backends = Backends()
        backing = Backing(informers, credentials=credentials, rng=rng)
        self._proxying = Proxying(backing, self._backends)
        self._checking = Checking(
            client,
            informers,
            clock,
            directory=self.directory,
            backing=backing,
            backends=self._backends,
            metrics=AggregationMetrics(instruments),
        )
        self._registration = Registration(client, informers, clock)
        self.openapi = AggregatedOpenApi(self.directory, self._checking, self._proxying)

    async def synced(self) -> None:
        """Wait until every APIService is known."""
        await self._services.synced()

    async def run(self) -> Never:
        """Work until cancelled: register, check."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._registration.run(), name="apiserver/autoregister")
            group.create_task(self._checking.run(), name="apiserver/apiservice-availability")
        raise AssertionError("the parts above do not return")

    async def aclose(self) -> None:
        """Close the connections to other servers."""
        self._leave()
        await self._backends.aclose()

    def find(self, group: str, version: str) -> Obj | None:
        """The APIService of another server that answers a group and version; None when this one does."""
        return self.directory.remotes.get((group, version))

    async def answer(self, request: Request, service: Obj) -> Response:
        """The answer of the server behind an APIService."""
        return await self._proxying.answer(request, service)
