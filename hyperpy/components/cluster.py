"""A whole cluster in one process: which components it has, in which order, and how they are joined.

    API server ─▶ scheduler ─▶ controllers ─▶ kubelet ─▶ proxy ─▶ greeter

Every component asks the API server's own handler chain, under its own name, without a socket; one set of informers
serves them all.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hyperpy.api.wire import UserInfo
from hyperpy.client import local
from hyperpy.client.protocol import Client
from hyperpy.components import user_agents
from hyperpy.components.apiserver.credentials import access
from hyperpy.components.apiserver.credentials.access import Identity
from hyperpy.components.apiserver.options import Options as ApiServerOptions
from hyperpy.components.apiserver.server import ApiServer
from hyperpy.components.datadir import ClusterRecord, DataDir
from hyperpy.components.greeter import Greeter, Greeting
from hyperpy.components.later import Later
from hyperpy.components.router_lifetime import RouterLifetime
from hyperpy.components.supervisor import Component, StartFailure
from hyperpy.podnet.free import Claim, claim, claim_free, routed_by
from hyperpy.podnet.network import ADDRESSES
from hyperpy.podnet.router import Router

if TYPE_CHECKING:
    from hyperpy.components.scheduler.options import Options as SchedulerOptions

KUBELET_PORT = 10250
SERVICE_FLAG, CLUSTER_FLAG = "--service-cluster-ip-range", "--cluster-cidr"
_ANY = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a cluster in one process.

    Args:
        data_dir: holds everything the cluster keeps.
        bind_address: where the API server listens.
        secure_port: its port; 0 picks a free one.
        container_runtime: auto, docker, remote, embedded or hollow.
        container_runtime_endpoint: the runtime's socket; "" is its usual one.
        kubeconfig_out: a second place for the admin's kubeconfig.
        apply: manifests to apply when the Node is Ready.
        node_name: of the one Node.
        service_cidr, cluster_cidr: "" picks free ones at the first start, and keeps them.
        datastore_endpoint: database that keeps the objects; "": the store in the data directory does.
        etcd_servers: an etcd that does, with `etcd_ca_file`, `etcd_cert_file` and `etcd_key_file` for its TLS.
        audit_policy_file, audit_log_path: which requests the API server logs, and where to.
        scheduler: its options, or None for the usual ones.
        enable_admission_plugins, disable_admission_plugins, admission_control_config_file: of the API server.
    """

    data_dir: Path
    bind_address: str = "127.0.0.1"
    secure_port: int = 6443
    container_runtime: str = "auto"
    container_runtime_endpoint: str = ""
    kubeconfig_out: Path | None = None
    apply: Path | None = None
    node_name: str = ""
    service_cidr: str = ""
    cluster_cidr: str = ""
    default_data_dir: bool = False
    datastore_endpoint: str = field(default="", repr=False)  # it may hold a password
    etcd_servers: tuple[str, ...] = ()
    etcd_ca_file: Path | None = None
    etcd_cert_file: Path | None = None
    etcd_key_file: Path | None = None
    audit_policy_file: Path | None = None
    audit_log_path: str = ""
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    admission_control_config_file: Path | None = None
    scheduler: SchedulerOptions | None = None


class Cluster:
    """The components of one cluster.

    Args:
        data: the locked data directory.
    """

    def __init__(self, options: Options, data: DataDir, record: ClusterRecord) -> None:
        self._options = options
        self._data = data
        self._record = record
        self._port_claim: Claim | None = None
        self.node_name = options.node_name or socket.gethostname().lower()
        self.api_server = ApiServer(
            ApiServerOptions(
                data_dir=data.path,
                datastore_endpoint=options.datastore_endpoint,
                etcd_servers=options.etcd_servers,
                etcd_ca_file=options.etcd_ca_file,
                etcd_cert_file=options.etcd_cert_file,
                etcd_key_file=options.etcd_key_file,
                secure_port=options.secure_port,
                bind_address=options.bind_address,
                service_cluster_ip_range=record.service_cidr,
                kubelet_certificate_authority=data.path / "pki" / "ca.crt",
                component_kubeconfigs=False,
                audit_policy_file=options.audit_policy_file,
                audit_log_path=options.audit_log_path,
                enable_admission_plugins=options.enable_admission_plugins,
                disable_admission_plugins=options.disable_admission_plugins,
                admission_control_config_file=options.admission_control_config_file,
            )
        )
        self.informers = self.api_server.informers

    def components(self) -> Sequence[Component]:
        """All of them, in order of start."""
        return [
            self.api_server,
            Later("scheduler", self._scheduler),
            Later("controllers", self._controllers),
            RouterLifetime(self._record.pod_netns, self._data.path / "kubelet" / ADDRESSES),
            Later("kubelet", self._kubelet),
            Later("proxy", self._proxy),
            Later("greeter", self._greeter),
        ]

    def _client(self, user: UserInfo | Identity) -> Client:
        if isinstance(user, Identity):
            user = UserInfo(user.user, user.groups)
        return local.connect(self.api_server.handler, user, user_agent=user_agents.of(user.name))

    def _scheduler(self) -> Component:
        from hyperpy.components.scheduler.component import Options, Scheduler

        return Scheduler(self._client(access.SCHEDULER), self.informers, self._options.scheduler or Options())

    def _controllers(self) -> Component:
        from hyperpy.components.controllers.certificates.certificate_authority import Authority
        from hyperpy.components.controllers.component import Controllers
        from hyperpy.components.controllers.options import Options

        pki = self.api_server.pki
        options = Options(
            cluster_cidr=self._record.cluster_cidr,
            service_cidr=self._record.service_cidr,
            root_ca_pem=pki.ca_pem,
            service_account_key_file=pki.service_account_key_file,
            authority=Authority(pki.ca_file, pki.ca_key_file),
        )
        return Controllers(self._client(access.CONTROLLERS), self.informers, options)

    def _kubelet(self) -> Component:
        from hyperpy.components.kubelet.kubelet import Kubelet
        from hyperpy.components.kubelet.machine import default_ips
        from hyperpy.components.kubelet.network import router_network
        from hyperpy.components.kubelet.options import Options
        from hyperpy.runtime.select import select

        options, data = self._options, self._data.path
        client = self._client(access.kubelet(self.node_name))
        node_ips = default_ips(self.node_name) if options.bind_address in _ANY else (options.bind_address,)
        hosts = {self.node_name, "localhost", *node_ips}
        serving = self.api_server.pki.server("kubelet", title=f"system:node:{self.node_name}", hosts=hosts)
        port, self._port_claim = _kubelet_port(options.bind_address)
        runtime = select(
            options.container_runtime, endpoint=options.container_runtime_endpoint, root_dir=data / "runtime"
        )
        return Kubelet(
            client,
            self.informers,
            runtime,
            router_network(self._record.pod_netns, state_dir=data / "kubelet"),
            Options(
                node_name=self.node_name,
                root_dir=data / "kubelet",
                node_ips=node_ips,
                address=options.bind_address,
                port=port,
                tls_cert_file=str(serving.cert_file),
                tls_private_key_file=str(serving.key_file),
                client_ca_file=str(self.api_server.pki.ca_file),
                purge_on_exit=True,
            ),
        )

    def _proxy(self) -> Component:
        from hyperpy.components.proxy.component import Options, ServiceProxy

        options = Options(
            node_name=self.node_name, service_cidr=self._record.service_cidr, pod_netns=self._record.pod_netns
        )
        return ServiceProxy(self._client(access.PROXY), self.informers, options)

    def _greeter(self) -> Component:
        options = self._options
        kubeconfig = self.api_server.kubeconfig
        if options.kubeconfig_out is not None:
            access.write(
                options.kubeconfig_out,
                self.api_server.pki,
                access.ADMIN,
                server=self.api_server.url,
                ca_pem=self.api_server.pki.ca_pem,
            )
            kubeconfig = options.kubeconfig_out
        greeting = Greeting(
            server=self.api_server.url,
            kubeconfig=kubeconfig,
            node_name=self.node_name,
            apply=options.apply,
            default_place=options.default_data_dir,
        )
        return Greeter(self.informers, greeting)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A cluster's record, and the claims that keep its ranges for this process."""

    record: ClusterRecord
    claims: Sequence[Claim]


def choose(options: Options, data: DataDir) -> Chosen:
    """What the first start chose, or a choice now: address ranges that nothing on this machine uses.

    Raises:
        StartFailure: another range is asked for than the cluster has, another network has it now, or none is free.
    """
    record = data.record()
    if record is None:
        claims = [
            _free_range(options.service_cidr, SERVICE_FLAG, (96, 112)),
            _free_range(options.cluster_cidr, CLUSTER_FLAG, (244, 256), (128, 160)),
        ]
        digest = hashlib.sha256(str(data.path).encode()).hexdigest()[:10]
        record = ClusterRecord(service_cidr=claims[0].what, cluster_cidr=claims[1].what, pod_netns=f"hyperpy-{digest}")
        data.keep(record)
        return Chosen(record, claims)
    kept = (
        (SERVICE_FLAG, options.service_cidr, record.service_cidr),
        (CLUSTER_FLAG, options.cluster_cidr, record.cluster_cidr),
    )
    for flag, asked, has in kept:
        if asked and asked != has:
            raise StartFailure(f"{flag}={asked}: the cluster in {data.path} was made with {has}; leave it out")
    return Chosen(record, [_own_range(has, data.path, Router(record.pod_netns).host_link) for _, _, has in kept])


def _own_range(network: str, path: Path, link: str) -> Claim:
    """Claim a range of a cluster that exists; routes over its own link are from before."""
    claimed = claim(network)
    other = routed_by(network, besides=link)
    if claimed is None or other is not None:
        by = f"a route over {other}" if other is not None else "another running cluster"
        raise StartFailure(
            f"{by} uses {network}, which the cluster in {path} was made with; stop that, or use another data directory"
        )
    return claimed


def _free_range(asked: str, flag: str, *seconds: tuple[int, int]) -> Claim:
    try:
        found = claim_free([asked] if asked else _ranges(*seconds))
    except OSError as error:
        raise StartFailure(
            f"cannot see which addresses this machine uses: {error}; name a range with {flag}"
        ) from error
    if found is None:
        raise StartFailure(
            f"{flag}={asked}: another cluster or a route of this machine has it"
            if asked
            else f"every range this would take is in use on this machine; choose one with {flag}"
        )
    return found


def _ranges(*seconds: tuple[int, int]) -> Iterator[str]:
    for first, end in seconds:
        for number in range(first, end):
            yield f"10.{number}.0.0/16"


def _kubelet_port(address: str) -> tuple[int, Claim | None]:
    """The usual port, claimed, or 0 (any) when another program or cluster has it: the Node tells which it is."""
    claimed = claim(f"{address}:{KUBELET_PORT}")
    if claimed is None:
        return 0, None
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, KUBELET_PORT))
        except OSError:
            claimed.release()
            return 0, None
    return KUBELET_PORT, claimed
