"""Many simulated nodes, a component.   Watches: Pod, Node.   Writes: Node, Lease, Pod.

    names ──REGISTERING at once──▶ registered ──▶ Lease and status in step, like any kubelet's
                                        └── all of them ──▶ their Pods run

They serve nothing: there is no kubelet's port, so logs, exec and statistics of their Pods are not to be had.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import platform
from collections.abc import Callable, Iterator
from typing import Any, Never

from hyperpy.api.kinds import NODE
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.kubelet import machine
from hyperpy.components.kubelet.hollow.options import NODE_CIDR, Options
from hyperpy.components.kubelet.hollow.pods import HollowPods
from hyperpy.components.kubelet.machine import Machine
from hyperpy.components.kubelet.node import NodeState
from hyperpy.components.kubelet.node_sync import NodeSync
from hyperpy.components.kubelet.status import Surroundings
from hyperpy.runtime.protocol import RuntimeInfo

log = logging.getLogger(__name__)

Obj = dict[str, Any]

REGISTERING = 16
_RUNTIME = RuntimeInfo("hollow", "1", gives_addresses=True)


class HollowNodes:
    """All simulated nodes of a process.

    Args:
        client: may write Nodes, their Leases, and statuses of Pods.
        informers: of the process.
    """

    name = "hollow-nodes"

    def __init__(self, client: Client, informers: Informers, options: Options, *, clock: Clock | None = None) -> None:
        self._client = client
        self._options = options
        self._clock = clock or SystemClock()
        ips = (str(address) for address in ipaddress.ip_network(NODE_CIDR).hosts())
        self._where = {name: Surroundings(_RUNTIME.name, (ip,)) for name, ip in zip(options.names(), ips, strict=False)}
        self._syncs = {name: self._sync(name) for name in self._where}
        self._informer = informers.of(NODE)
        self._pods = HollowPods(client, informers, self._clock, options, where=self._where)

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Be these nodes until cancelled; ready when all are registered and their Pods are taken."""
        async with asyncio.TaskGroup() as group:
            waiting = iter(self._syncs.items())
            async with asyncio.TaskGroup() as registering:
                for number in range(REGISTERING):
                    registering.create_task(self._register(waiting, group), name=f"hollow/register/{number}")
            self._informer.subscribe(self._observe)
            await self._pods.begin()
            group.create_task(self._pods.run(), name="hollow/run")
            log.info("%d hollow nodes are registered", len(self._syncs))
            ready()
        raise AssertionError("the tasks of hollow nodes do not return")

    async def _register(self, waiting: Iterator[tuple[str, NodeSync]], group: asyncio.TaskGroup) -> None:
        """Register one node after another; each keeps itself alive from then on."""
        for name, sync in waiting:
            await sync.register(create=True)
            group.create_task(sync.run(), name=f"hollow/node/{name}")

    def _observe(self, event: str, old: Obj | None, new: Obj | None) -> None:
        sync = self._syncs.get(new["metadata"]["name"]) if new is not None else None
        if sync is not None:
            sync.observe(event, old, new)

    def _sync(self, name: str) -> NodeSync:
        options = self._options
        state = NodeState(
            name=name,
            machine=_machine(name, options),
            runtime=_RUNTIME,
            ips=self._where[name].host_ips,
            port=0,
            max_pods=options.max_pods,
            labels=options.labels,
        )

        async def look() -> NodeState:
            return state

        return NodeSync(self._client, self._clock, name=name, state=look)


def _machine(name: str, options: Options) -> Machine:
    size = options.profile.node
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Machine(
        cpus=size.cpus,
        memory_bytes=size.memory_bytes,
        disk_bytes=size.disk_bytes,
        machine_id=digest[:32],
        system_uuid=digest[:32],
        boot_id=digest[32:],
        kernel=platform.release(),
        os_image="hollow",
        os="linux",
        architecture=machine.architecture(),
    )
