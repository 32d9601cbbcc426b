"""The service proxy.   Watches: Service, EndpointSlice.   Writes: Event, and listening sockets on this node.

Each Service is a key of a work queue; its listeners are compared with what its plan wants, and only the difference
is changed, so the cost of an event follows the change.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Never

from hyperpy.api import kinds, meta
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.events import EventRecorder
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.proxy.plan import Address, Plan, Target, plan
from hyperpy.components.supervisor import StartFailure
from hyperpy.netproxy import sockets
from hyperpy.netproxy.balance import Balancer, ClientAffinity, RoundRobin
from hyperpy.netproxy.tcp import TcpForwarder
from hyperpy.netproxy.udp import UdpForwarder
from hyperpy.podnet.protocol import NetworkFailure
from hyperpy.podnet.router import Router

log = logging.getLogger(__name__)

SERVICE_LABEL = "kubernetes.io/service-name"
_BY_SERVICE = "service"
#: How long a port that another program has is left alone before the next try.
RETRY_S = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a service proxy.

    Args:
        node_name: of the Node this runs on.
        service_cidr: the ClusterIP range.
        pod_netns: the name of the node's router namespace.
        node_addresses: where NodePorts listen.
    """

    node_name: str
    service_cidr: str
    pod_netns: str
    node_addresses: Sequence[str] = ("0.0.0.0",)


@dataclass(slots=True)
class _Listener:
    target: Target
    forwarder: TcpForwarder | UdpForwarder


class ServiceProxy:
    """Makes the ClusterIPs and NodePorts of Services reachable on this node."""

    name = "proxy"

    def __init__(self, client: Client, informers: Informers, options: Options, *, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._options = options
        self._services = informers.of(kinds.SERVICE)
        self._slices = informers.of(kinds.ENDPOINT_SLICE)
        self._events = EventRecorder(client, "kube-proxy", clock, host=options.node_name)
        self._queue = WorkQueue("proxy", clock)
        self._router = Router(options.pod_netns)
        self._cluster_ips = os.geteuid() == 0
        self._listeners: dict[str, dict[Address, _Listener]] = {}
        self._told: dict[str, set[str]] = {}

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Serve until cancelled; then close every listener and connection."""
        await self._prepare_router()
        self._slices.add_index(_BY_SERVICE, _service_keys)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._events.run(), name="proxy/events")
                await self._services.synced()
                await self._slices.synced()
                self._services.subscribe(lambda _, old, new: self._queue.add(meta.key(new or old or {})))
                self._slices.subscribe(self._slice_changed)
                ready()
                await self._queue.run(self.reconcile)
        finally:
            for key in list(self._listeners):
                await self._apply(key, Plan({}), service=None)
        raise AssertionError("the queue does not return")

    async def reconcile(self, key: str) -> float | None:
        """Bring the listeners of one Service in step with it and its endpoints.

        Returns:
            Seconds until another try, when an address could not be listened on.
        """
        namespace, name = meta.split_key(key)
        service = self._services.get(name, namespace)
        wanted = Plan({})
        if service is not None:
            wanted = plan(
                service,
                self._slices.by_index(_BY_SERVICE, key),
                node=self._options.node_name,
                node_addresses=self._options.node_addresses,
            )
            for refusal in wanted.refusals:
                self._tell(service, refusal.reason, refusal.message)
        else:
            self._told.pop(key, None)
        complete = await self._apply(key, wanted, service=service)
        return None if complete else RETRY_S

    async def _prepare_router(self) -> None:
        if not self._cluster_ips:
            log.warning("ClusterIPs are off: they need root (CAP_NET_ADMIN); NodePorts work")
            return
        try:
            await asyncio.to_thread(self._router.ensure)
            await asyncio.to_thread(self._router.add_services, self._options.service_cidr)
        except NetworkFailure as error:
            raise StartFailure(f"the service proxy cannot prepare its network: {error}") from error

    def _slice_changed(self, _event: str, old: Obj | None, new: Obj | None) -> None:
        for part in (old, new):
            for key in _service_keys(part) if part else ():
                self._queue.add(key)

    async def _apply(self, key: str, wanted: Plan, *, service: Obj | None) -> bool:
        """Change the listeners of a Service to what is wanted; False when one could not be opened."""
        complete = True
        current = self._listeners.setdefault(key, {})
        for address in [address for address in current if address not in wanted.listeners]:
            await current.pop(address).forwarder.aclose()
        for address, target in wanted.listeners.items():
            listener = current.get(address)
            if listener is not None and listener.target.affinity_s != target.affinity_s:
                await current.pop(address).forwarder.aclose()
                listener = None
            if listener is not None:
                listener.forwarder.set_endpoints(target.endpoints)
                listener.target = target
                continue
            opened = self._open(address, target, service)
            if opened is not None:
                current[address] = opened
            elif self._cluster_ips or not address.in_cluster:
                complete = False
        if not current:
            del self._listeners[key]
        return complete

    def _open(self, address: Address, target: Target, service: Obj | None) -> _Listener | None:
        if address.in_cluster and not self._cluster_ips:
            return None
        where = self._router.netns if address.in_cluster else None
        try:
            bound = sockets.listen(address.protocol, address.host, address.port, where=where)
        except OSError as error:
            if service is not None:
                self._tell(service, "FailedToListen", _why(address, error))
            return None
        balancer: Balancer = RoundRobin()
        if target.affinity_s is not None:
            balancer = ClientAffinity(balancer, timeout_s=target.affinity_s)
        make = TcpForwarder if address.protocol == "TCP" else UdpForwarder
        forwarder = make(bound, balancer)
        forwarder.set_endpoints(target.endpoints)
        forwarder.start()
        return _Listener(target, forwarder)

    def _tell(self, service: Obj, reason: str, message: str) -> None:
        """An event and a log line, once for each Service and message."""
        told = self._told.setdefault(meta.key(service), set())
        if message not in told:
            told.add(message)
            log.warning("service %s: %s", meta.key(service), message)
            self._events.event(service, kinds.SERVICE, "Warning", reason, message)


def _service_keys(part: Obj) -> list[str]:
    about = part["metadata"]
    name = (about.get("labels") or {}).get(SERVICE_LABEL)
    return [f"{about['namespace']}/{name}"] if name else []


def _why(address: Address, error: OSError) -> str:
    where = f"{address.protocol} {address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: another program on this node has the port; free it or choose another one"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {where}: the address is outside this node's service range"
    return f"cannot listen on {where}: {error.strerror}"
