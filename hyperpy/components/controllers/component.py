"""The controllers component: runs the control loops of the table, alone or as the one leader of several.

candidate ──Lease──▶ caches in step ──▶ every loop runs ──Lease lost──▶ the process ends
(without --leader-elect it begins at the second state)
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Callable
from typing import Never

from hyperpy.api import kinds
from hyperpy.api.kinds import Registry
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.informer import Informers
from hyperpy.client.leader import LeaderElector, LeadershipLost
from hyperpy.client.protocol import Client
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers import table
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.nodes import subnets
from hyperpy.components.controllers.options import Options
from hyperpy.components.controllers.table import Controller, Row
from hyperpy.components.supervisor import StartFailure


class Controllers:
    """The control loops.

    Args:
        client: under the identity `system:kube-controller-manager`.
        informers: running ones; the loops add the kinds they need.
        registry: every kind there is; the built-in ones by default.
        rng: names Pods; a new one by default.
    Raises:
        StartFailure: an option cannot be used.
    """

    name = "controllers"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        options: Options,
        *,
        clock: Clock | None = None,
        registry: Registry | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._options = options
        self._context = Context(
            client, informers, clock or SystemClock(), options, rng or random.Random(), registry or kinds.built_in()
        )
        try:
            self._rows = table.chosen(options.controllers)
            if options.cluster_cidr:
                subnets.of_cluster(
                    options.cluster_cidr,
                    options.service_cidr,
                    ipv4_prefix=options.node_cidr_mask_size_ipv4,
                    ipv6_prefix=options.node_cidr_mask_size_ipv6,
                )
        except (table.UnknownController, subnets.BadNetwork) as error:
            raise StartFailure(str(error)) from error

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Work until cancelled.

        Raises:
            StartFailure: the Lease was lost.
        """
        if not self._options.leader_elect:
            await self._work(ready)
        ready()
        elector = LeaderElector(
            self._context.client,
            self._context.clock,
            name=self._options.lease_name,
            namespace=self._options.lease_namespace,
            identity=self._options.identity or _identity(),
            times=self._options.lease_times,
        )
        try:
            await elector.run(lambda: self._work(lambda: None))
        except* LeadershipLost as lost:
            raise StartFailure(f"controllers: {lost.exceptions[0]}; another one leads, start this one again") from lost
        raise AssertionError("an elector does not return")

    async def _work(self, ready: Callable[[], None]) -> Never:
        try:
            loops = [(row, *self._make(row)) for row in self._rows]
            await self._context.informers.synced()
            async with asyncio.TaskGroup() as group:
                for recorder in self._context.recorders.values():
                    group.create_task(recorder.run(), name="controllers/events")
                for row, queue, controller in loops:
                    workers = self._options.workers.get(row.name, row.workers)
                    group.create_task(queue.run(controller.reconcile, workers=workers), name=row.name)
                ready()
        finally:
            self._context.unsubscribe()
        raise AssertionError("control loops do not return")

    def _make(self, row: Row) -> tuple[WorkQueue, Controller]:
        queue = WorkQueue(row.name, self._context.clock)
        return queue, row.make(self._context, queue)


def _identity() -> str:
    return f"{socket.gethostname()}_{os.getpid()}_{random.getrandbits(32):08x}"
