"""The kubelet: runs the Pods of one Node.   Watches: Pod, Node, Service, ConfigMap, Secret.   Writes: Node, Lease, Pod.

runtime answers ──▶ what runs is known ──▶ Node registered ──▶ network open ──▶ Pods of the API get their workers
                               └──▶ static pods get theirs (they need no API)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Never

from hyperpy.api.kinds import NODE, SERVICE
from hyperpy.client.clock import Clock, SystemClock
from hyperpy.client.events import EventRecorder
from hyperpy.client.informer import Informers
from hyperpy.client.protocol import Client
from hyperpy.components.kubelet import left_overs, node
from hyperpy.components.kubelet import machine as machines
from hyperpy.components.kubelet.context import Context, pod_log_dir
from hyperpy.components.kubelet.dns import ClusterDns
from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.components.kubelet.file_watch import FileWatch
from hyperpy.components.kubelet.host_ports import HostPorts
from hyperpy.components.kubelet.image_puller import ImagePuller
from hyperpy.components.kubelet.local_storage import LocalStorage
from hyperpy.components.kubelet.log_rotation import LogRotation
from hyperpy.components.kubelet.node import NodeState
from hyperpy.components.kubelet.node_sync import NodeSync
from hyperpy.components.kubelet.objects import ObjectCache
from hyperpy.components.kubelet.options import Options
from hyperpy.components.kubelet.pod_network import NOT_READY, NetworkFactory, NetworkGate
from hyperpy.components.kubelet.pod_source import ApiPods
from hyperpy.components.kubelet.pod_views import PodViews
from hyperpy.components.kubelet.pod_workers import PodWorkers
from hyperpy.components.kubelet.probe import Handlers
from hyperpy.components.kubelet.server import certificate
from hyperpy.components.kubelet.server.auth import Gatekeeper
from hyperpy.components.kubelet.server.logs import Logs
from hyperpy.components.kubelet.server.server import Server
from hyperpy.components.kubelet.shutdown import purge
from hyperpy.components.kubelet.static_pods import Mirrors, StaticPods
from hyperpy.components.kubelet.status import Surroundings
from hyperpy.components.kubelet.status_writer import StatusWriter
from hyperpy.components.kubelet.volumes.manager import Volumes
from hyperpy.components.kubelet.volumes.tokens import Tokens
from hyperpy.components.supervisor import StartFailure
from hyperpy.podnet.protocol import NetworkFailure
from hyperpy.runtime.protocol import ReopensLogs, Runtime, RuntimeFailure, RuntimeInfo

log = logging.getLogger(__name__)

Obj = dict[str, Any]


class Kubelet:
    """One node's kubelet, a component.

    Args:
        client: as `system:node:NAME`.
        informers: of the process; the kubelet's own Pods, its Node and all Services are taken from them.
        runtime: owned by the kubelet from here on: it starts and closes it.
        network: makes the pod network of a pod CIDR; None: the runtime gives addresses itself.
    """

    name = "kubelet"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        runtime: Runtime,
        network: NetworkFactory | None,
        options: Options,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._informers = informers
        self._runtime = runtime
        self._options = options
        self._clock = clock or SystemClock()
        self._gate = NetworkGate(network)
        self._machine: machines.Machine
        self._info: RuntimeInfo
        self._port = options.port
        self.workers = PodWorkers(gone=self._gone)
        self._services = informers.of(SERVICE)
        self._node_informer = informers.of(NODE, field_selector=f"metadata.name={options.node_name}")
        self._api_pods = ApiPods(informers, options.node_name, self.workers, mirror_changed=self._mirror_changed)
        self._events = EventRecorder(client, "kubelet", self._clock, host=options.node_name)
        self._statuses = StatusWriter(client, self._clock, object_of=self._api_pods.object_of)
        self._objects = ObjectCache(client, self._clock, changed=self.workers.objects_changed)
        self._handlers = Handlers(runtime)
        self._file_watch = FileWatch()
        self._host_ports = HostPorts()
        self._static: StaticPods | None = None
        self._mirrors: Mirrors | None = None
        self._node_sync = NodeSync(client, self._clock, name=options.node_name, state=self._node_state)
        self._local_storage = LocalStorage(
            self.workers,
            self._events,
            self._clock,
            volumes_dir=lambda pod: options.root_dir / "pods" / pod["metadata"]["uid"] / "volumes",
            log_dir=lambda pod: pod_log_dir(options.logs_dir, pod),
        )
        self.workers.on_put = self._local_storage.heard_of
        self._views = PodViews(
            runtime,
            addresses=self._gate.addresses,
            changed=self.workers.wake,
            health_changed=self._node_sync.changed,
        )
        self._ips = _node_ips(options)

    async def run(self, *, ready: Callable[[], None]) -> Never:
        """Run the Node's Pods until cancelled.

        Raises:
            StartFailure: the container runtime does not work here.
        """
        await self._start_runtime()
        context = self._context()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._events.run(), name="kubelet/events")
                group.create_task(self._statuses.run(), name="kubelet/statuses")
                self.workers.start(context, group)
                await self._look_first()
                group.create_task(self._views.run(), name="kubelet/views")
                group.create_task(self._local_storage.run(), name="kubelet/local-storage")
                if isinstance(self._runtime, ReopensLogs):
                    rotation = LogRotation(self._runtime, self._clock, running=self._views.running)
                    group.create_task(rotation.run(), name="kubelet/log-rotation")
                if self._options.pod_cidr:
                    await self._open_network(self._options.pod_cidr)
                self._begin_static_pods(group)
                async with self._serving():
                    registered = await self._node_sync.register(create=self._options.register_node)
                    group.create_task(self._node_sync.run(), name="kubelet/node")
                    self._node_informer.subscribe(self._node_sync.observe)
                    group.create_task(self._follow_pod_cidr(registered), name="kubelet/pod-cidr")
                    await self._take_pods(context, group)
                    log.info("node %s runs pods on %s", self._options.node_name, self._info.name)
                    ready()
                    await asyncio.Event().wait()
        finally:
            await self._end(context)
        raise AssertionError("the tasks of a kubelet do not return")

    async def _start_runtime(self) -> None:
        self._options.root_dir.mkdir(parents=True, exist_ok=True)
        self._machine = machines.read(self._options.root_dir)
        try:
            self._info = await self._runtime.start()
        except RuntimeFailure as error:
            raise StartFailure(str(error)) from error
        if self._info.gives_addresses:
            self._gate.close_for_good()

    async def _look_first(self) -> None:
        try:
            await self._views.refresh()
        except RuntimeFailure as error:
            raise StartFailure(f"the container runtime {self._info.name} does not answer: {error}") from error

    def _begin_static_pods(self, group: asyncio.TaskGroup) -> None:
        options = self._options
        if options.manifest_dir is None:
            return
        self._static = StaticPods(
            options.manifest_dir,
            self.workers,
            self._file_watch,
            self._clock,
            node_name=options.node_name,
            end_others=self._end_others,
        )
        self._mirrors = Mirrors(
            self._client, self._clock, self._static, mirrors=self._api_pods.mirrors, node_name=options.node_name
        )
        self._static.read()
        group.create_task(self._static.run(), name="kubelet/static-pods")

    def _end_others(self, pod: Obj) -> None:
        about = pod["metadata"]
        left_overs.end_namesakes(about["uid"], about["namespace"], about["name"], self.workers, self._views)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        options = self._options
        tls = options.server_tls or certificate.context(
            cert_file=options.tls_cert_file,
            key_file=options.tls_private_key_file,
            client_ca_file=options.client_ca_file,
            root_dir=options.root_dir,
            hosts=[options.node_name, *self._ips],
        )
        gatekeeper = Gatekeeper(self._client, self._clock, node_name=options.node_name)
        logs = Logs(self._views, self._file_watch)
        server = Server(self._runtime, self.workers, self._views, gatekeeper, logs, node_name=options.node_name)
        async with server.listening(options.address, options.port, tls) as self._port:
            yield

    async def _take_pods(self, context: Context, group: asyncio.TaskGroup) -> None:
        """Take the API's Pods, and clear away what belongs to none of them."""
        await self._services.synced()
        await self._api_pods.begin()
        if self._mirrors is not None:
            group.create_task(self._mirrors.run(), name="kubelet/mirrors")
        wanted = self._api_pods.uids() | {worker.uid for worker in self.workers}
        await left_overs.clear(wanted, self.workers, self._views, context.volumes, logs_dir=self._options.logs_dir)

    async def _follow_pod_cidr(self, registered: Obj) -> None:
        """Open the network as soon as the Node has a pod CIDR."""
        if self._gate.ready:
            return
        cidr = (registered.get("spec") or {}).get("podCIDR")
        if not cidr:
            log.info("node %s waits for a pod CIDR", self._options.node_name)
            cidr = await self._assigned_cidr()
        await self._open_network(cidr)

    async def _open_network(self, pod_cidr: str) -> None:
        try:
            await self._gate.open(pod_cidr)
            await self._views.refresh()
            await left_overs.clear_addresses(self._gate, self._views)
        except NetworkFailure as error:
            raise StartFailure(str(error)) from error
        self._node_sync.changed()
        for worker in self.workers:
            worker.wake()

    async def _assigned_cidr(self) -> str:
        """Wait until somebody gives the Node its pod CIDR."""
        assigned: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def look(event: str, old: Obj | None, new: Obj | None) -> None:
            cidr = ((new or {}).get("spec") or {}).get("podCIDR")
            if cidr and not assigned.done():
                assigned.set_result(cidr)

        unsubscribe = self._node_informer.subscribe(look)
        try:
            return await assigned
        finally:
            unsubscribe()

    async def _end(self, context: Context) -> None:
        await self.workers.stop()
        await self._views.aclose()
        await self._objects.aclose()
        await self._handlers.aclose()
        self._file_watch.close()
        await self._host_ports.aclose()
        if self._options.purge_on_exit:
            await purge(self._runtime, self._gate, context.volumes, grace_s=self._options.exit_grace_s)
        else:
            await self._runtime.aclose(purge=False)
            await self._gate.aclose(purge=False)

    def _context(self) -> Context:
        options, machine = self._options, self._machine
        allocatable = node.resources(machine, max_pods=options.max_pods)
        facts = NodeFacts(options.node_name, self._ips, allocatable)
        volumes = Volumes(
            options.root_dir,
            self._objects,
            Tokens(self._client, self._clock),
            node=facts,
            may_mount=machines.may_mount() and not options.containerized,
            host_root=_host_root(options),
        )
        return Context(
            runtime=self._runtime,
            views=self._views,
            network=self._gate,
            volumes=volumes,
            images=ImagePuller(self._runtime.images, self._clock, pulled=self._node_sync.changed),
            objects=self._objects,
            handlers=self._handlers,
            host_ports=self._host_ports,
            events=self._events,
            statuses=self._statuses,
            clock=self._clock,
            node=facts,
            where=Surroundings(self._info.name, self._ips),
            cluster_dns=ClusterDns(options.cluster_dns, options.cluster_domain),
            logs_dir=options.logs_dir,
            services=self._services.list,
            memory_capacity_bytes=machine.memory_bytes,
        )

    async def _node_state(self) -> NodeState:
        options = self._options
        try:
            images = await self._runtime.images.list()
        except RuntimeFailure:
            images = ()
        return NodeState(
            name=options.node_name,
            machine=self._machine,
            runtime=self._info,
            ips=self._ips,
            port=self._port,
            max_pods=options.max_pods,
            labels=options.node_labels,
            images=images,
            not_ready=self._not_ready(),
            pod_cidr=options.pod_cidr,
        )

    def _not_ready(self) -> str:
        if self._views.trouble:
            return f"container runtime is down: {self._views.trouble}"
        if not self._gate.ready:
            return f"container runtime network not ready: {NOT_READY}"
        return ""

    def _gone(self, uid: str) -> None:
        self._statuses.forget(uid)
        if self._static is not None:
            self._static.look_again()

    def _mirror_changed(self, event: str, mirror: Obj) -> None:
        if self._mirrors is not None:
            self._mirrors.mirror_changed(mirror)
        about = mirror["metadata"]
        worker = self.workers.named(about["namespace"], about["name"])
        if worker is not None and event != "DELETED":
            self._statuses.again(worker.pod)


def _node_ips(options: Options) -> tuple[str, ...]:
    """Those given; else the one address that the server listens on; else what the machine says."""
    if options.node_ips:
        return tuple(options.node_ips)
    if options.address not in ("", "0.0.0.0", "::"):
        return (options.address,)
    return machines.default_ips(options.node_name)


def _host_root(options: Options) -> Path:
    rootfs = Path("/rootfs")
    return rootfs if options.containerized and rootfs.is_dir() else Path("/")
