"""Options of the API server, named after kube-apiserver's flags, and what follows from them."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperpy.client import kubeconfig
from hyperpy.components.apiserver.admission import table
from hyperpy.components.apiserver.admission.world import Settings
from hyperpy.components.apiserver.authn.requestheader import RequestHeader
from hyperpy.components.apiserver.credentials.pki import FRONT_PROXY, Credentials, Pki
from hyperpy.components.supervisor import StartFailure
from hyperpy.store.opening import is_shared

AUTHORIZATION_MODES = ("RBAC", "AlwaysAllow")
AUDIT_MODES = ("batch", "blocking")
_DIRECTIVE = re.compile("max-age=[0-9]+|includeSubDomains|preload")
_ANY = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one API server.

    Args:
        data_dir: holds `store/`, `pki/` and the kubeconfigs.
        datastore_endpoint: address of a database that keeps the objects; "": the store in the data directory does.
        etcd_servers: URLs of a real etcd that keeps the objects instead.
        etcd_compaction_interval_s: how often its history is shortened; 0: never.
        etcd_ca_file, etcd_cert_file, etcd_key_file: whom to trust there, and who this server is to it.
        etcd_prefix: where its keys begin; only `/registry`.
        etcd_healthcheck_timeout_s, etcd_readycheck_timeout_s: for the store's answer to the health checks `etcd` and
            `etcd-readiness`.
        lease_reuse_s: Events of this span share a lease, and live up to this much longer than asked for.
        secure_port: 0 picks a free one.
        bind_address: where the secure port listens.
        advertise_address: under which other members of the cluster reach it; "" finds it out.
        insecure_port: a port without credentials or TLS, for local programs; 0 is off.
        insecure_bind_address: a loopback address.
        anonymous_auth: None lets nobody ask the health and version paths, True everything that authorization allows
            to `system:anonymous`, False nothing.
        service_account_issuer: the `iss` of ServiceAccount tokens.
        api_audiences: of tokens for this server; empty: the issuer.
        requestheader_client_ca_file: signs certificates of front proxies, whose headers say who asks; None: our own.
        requestheader_allowed_names: their common names; empty: any of that authority (our own: this server's).
        requestheader_username_headers, requestheader_uid_headers, requestheader_group_headers: where they say it.
        requestheader_extra_headers_prefix: of the headers with extras.
        proxy_client_cert_file, proxy_client_key_file: who this server is to aggregated ones; None: our front proxy.
        kubelet_certificate_authority: signs the kubelets' serving certificates; None: they are not checked.
        max_request_bytes: larger bodies are refused.
        enable_admission_plugins, disable_admission_plugins: names, beside what is on by default.
        request_timeout_s: what a request may take that is not long-running; 0: no limit.
        shutdown_delay_s: how long a stopping server says that it is not ready, and works on, before it takes no more.
        shutdown_grace_s: what requests under way are given then.
        audit_policy_file: which requests are written to the audit log; None: none.
        audit_log_path: a file, or `-` for standard output; "": no audit log.
        audit_log_mode: batch (requests do not wait for the log) or blocking.
        audit_log_max_mib, audit_log_max_backups, audit_log_max_age_days: rotation; 0: 100 MiB, all, for ever.
        cors_allowed_origins: regular expressions of origins whose pages may ask.
        strict_transport_security: directives of that header, such as `max-age=31536000`; empty: it is not sent.
        admission_control_config_file: settings of admission plugins.
        component_kubeconfigs: write `scheduler.kubeconfig` and so on beside the admin's.
    """

    data_dir: Path = field(default_factory=kubeconfig.data_dir)
    datastore_endpoint: str = field(default="", repr=False)  # it may hold a password
    etcd_servers: tuple[str, ...] = ()
    etcd_ca_file: Path | None = None
    etcd_cert_file: Path | None = None
    etcd_key_file: Path | None = None
    etcd_compaction_interval_s: float = 300.0
    etcd_prefix: str = "/registry"
    etcd_healthcheck_timeout_s: float = 2.0
    etcd_readycheck_timeout_s: float = 2.0
    lease_reuse_s: int = 300
    secure_port: int = 6443
    bind_address: str = "0.0.0.0"
    advertise_address: str = ""
    insecure_port: int = 0
    insecure_bind_address: str = "127.0.0.1"
    token_auth_file: Path | None = None
    client_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_private_key_file: Path | None = None
    service_cluster_ip_range: str = "10.96.0.0/16"
    service_node_port_range: str = "30000-32767"
    authorization_mode: tuple[str, ...] = ("RBAC",)
    anonymous_auth: bool | None = None
    service_account_issuer: str = "https://kubernetes.default.svc.cluster.local"
    service_account_signing_key_file: Path | None = None
    service_account_key_files: tuple[Path, ...] = ()
    api_audiences: tuple[str, ...] = ()
    requestheader_client_ca_file: Path | None = None
    requestheader_allowed_names: tuple[str, ...] = ()
    requestheader_username_headers: tuple[str, ...] = ("X-Remote-User",)
    requestheader_uid_headers: tuple[str, ...] = ("X-Remote-Uid",)
    requestheader_group_headers: tuple[str, ...] = ("X-Remote-Group",)
    requestheader_extra_headers_prefix: tuple[str, ...] = ("X-Remote-Extra-",)
    proxy_client_cert_file: Path | None = None
    proxy_client_key_file: Path | None = None
    kubelet_certificate_authority: Path | None = None
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    max_request_bytes: int = 3 * 1024 * 1024
    enable_admission_plugins: tuple[str, ...] = ()
    disable_admission_plugins: tuple[str, ...] = ()
    request_timeout_s: float = 60.0
    shutdown_delay_s: float = 0.0
    shutdown_grace_s: float = 60.0
    audit_policy_file: Path | None = None
    audit_log_path: str = ""
    audit_log_mode: str = "batch"
    audit_log_max_mib: int = 0
    audit_log_max_backups: int = 0
    audit_log_max_age_days: int = 0
    cors_allowed_origins: tuple[str, ...] = ()
    strict_transport_security: tuple[str, ...] = ()
    admission_control_config_file: Path | None = None
    component_kubeconfigs: bool = True

    @property
    def shared_store(self) -> bool:
        """Whether other API servers may serve the same objects."""
        return bool(self.etcd_servers) or is_shared(self.datastore_endpoint)

    @property
    def audiences(self) -> tuple[str, ...]:
        """Of tokens for this server."""
        return self.api_audiences or (self.service_account_issuer,)

    def request_header(self, pki: Pki) -> RequestHeader:
        """How front proxies are known and heard."""
        own = self.requestheader_client_ca_file is None
        return RequestHeader(
            self.requestheader_client_ca_file or pki.front_proxy_ca_file,
            self.requestheader_allowed_names or ((FRONT_PROXY,) if own else ()),
            self.requestheader_username_headers,
            self.requestheader_uid_headers,
            self.requestheader_group_headers,
            self.requestheader_extra_headers_prefix,
        )

    def front_proxy(self, pki: Pki) -> Credentials:
        """Whom this server is to aggregated ones."""
        if self.proxy_client_cert_file is not None and self.proxy_client_key_file is not None:
            return Credentials(self.proxy_client_cert_file, self.proxy_client_key_file)
        return pki.front_proxy()


def check(options: Options) -> None:
    """Raises StartFailure for the first setting that cannot be used; files are checked by their readers."""
    _store(options)
    service_network(options)
    node_ports(options)
    for flag, address in (
        ("--bind-address", options.bind_address),
        ("--advertise-address", options.advertise_address or "127.0.0.1"),
        ("--insecure-bind-address", options.insecure_bind_address),
    ):
        _address(flag, address)
    if ":" in advertised(options):
        raise StartFailure(f"--advertise-address: {advertised(options)} is not an IPv4 address; name one")
    if options.advertise_address in _ANY:
        raise StartFailure(
            f"--advertise-address {options.advertise_address}: others cannot reach that; name one address"
        )
    if options.insecure_port and not ipaddress.ip_address(options.insecure_bind_address).is_loopback:
        raise StartFailure(
            f"--insecure-bind-address {options.insecure_bind_address}: the port without credentials may listen on a "
            "loopback address only; use 127.0.0.1 or ::1"
        )
    for mode in options.authorization_mode:
        if mode not in AUTHORIZATION_MODES:
            raise StartFailure(
                f'--authorization-mode "{mode}" is not supported; use {" or ".join(AUTHORIZATION_MODES)}'
            )
    try:
        table.check(admission(options))
    except table.UnknownPlugin as error:
        raise StartFailure(str(error)) from error
    if options.audit_log_path and options.audit_policy_file is None:
        raise StartFailure("--audit-log-path: which requests are logged is said by --audit-policy-file; give both")
    if options.audit_policy_file is not None and not options.audit_log_path:
        raise StartFailure("--audit-policy-file: where the log goes is said by --audit-log-path; give both")
    if options.audit_log_mode not in AUDIT_MODES:
        raise StartFailure(
            f"--audit-log-mode {options.audit_log_mode} is not supported; use {' or '.join(AUDIT_MODES)}"
        )
    for directive in options.strict_transport_security:
        if not _DIRECTIVE.fullmatch(directive):
            raise StartFailure(
                f"--strict-transport-security-directives {directive}: use max-age=SECONDS, includeSubDomains or preload"
            )
    if bool(options.proxy_client_cert_file) != bool(options.proxy_client_key_file):
        raise StartFailure("--proxy-client-cert-file and --proxy-client-key-file must be given together")
    if bool(options.tls_cert_file) != bool(options.tls_private_key_file):
        raise StartFailure("--tls-cert-file and --tls-private-key-file must be given together")


def _store(options: Options) -> None:
    if options.datastore_endpoint and options.etcd_servers:
        raise StartFailure(
            "--datastore-endpoint (or $HYPERPY_DATASTORE_ENDPOINT) and --etcd-servers both say where objects are kept; "
            "use one"
        )
    if options.etcd_prefix.strip("/") != "registry":
        raise StartFailure(
            f"--etcd-prefix {options.etcd_prefix} is not supported: objects are kept below /registry; "
            "give each cluster an etcd of its own"
        )
    if not options.etcd_servers and (options.etcd_ca_file or options.etcd_cert_file or options.etcd_key_file):
        raise StartFailure("--etcd-cafile, --etcd-certfile and --etcd-keyfile are for an etcd; name it: --etcd-servers")


def admission(options: Options) -> Settings:
    """What the admission plugins are told. Raises StartFailure."""
    chosen = Settings(options.enable_admission_plugins, options.disable_admission_plugins)
    if options.admission_control_config_file is None:
        return chosen
    from hyperpy.components.apiserver.admission import configuration

    try:
        found = configuration.read(options.admission_control_config_file)
    except configuration.ConfigurationError as error:
        raise StartFailure(f"--admission-control-config-file: {error}") from error
    return replace(chosen, pod_security=found.pod_security, limited_resources=found.limited_resources)


def service_network(options: Options) -> ipaddress.IPv4Network:
    """The range of ClusterIPs. Raises StartFailure."""
    text = options.service_cluster_ip_range
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise StartFailure(f"--service-cluster-ip-range: {error}; use a network such as 10.96.0.0/16") from None
    if not isinstance(network, ipaddress.IPv4Network):
        raise StartFailure(f"--service-cluster-ip-range {text}: an IPv4 network is needed, such as 10.96.0.0/16")
    if not 12 <= network.prefixlen <= 28:
        raise StartFailure(f"--service-cluster-ip-range {text}: the prefix must be between /12 and /28")
    return network


def node_ports(options: Options) -> tuple[int, int]:
    """First and last of the node ports. Raises StartFailure."""
    first, separator, last = options.service_node_port_range.partition("-")
    if separator and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= 65535:
        return int(first), int(last)
    raise StartFailure(
        f"--service-node-port-range {options.service_node_port_range}: use FIRST-LAST, such as 30000-32767"
    )


def advertised(options: Options) -> str:
    """The address under which others reach this server: the one given, else the bound one, else this machine's own."""
    if options.advertise_address:
        return options.advertise_address
    if options.bind_address not in _ANY:
        return options.bind_address
    return _own_address() or "127.0.0.1"


def local_host(options: Options) -> str:
    """The address for URLs on this machine."""
    if options.bind_address in _ANY:
        return "::1" if options.bind_address == "::" else "127.0.0.1"
    return options.bind_address


def url(host: str, port: int) -> str:
    """`https://host:port`."""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def serving_hosts(options: Options) -> set[str]:
    """The names and addresses that clients may know this server by."""
    hosts = {
        "localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local", str(service_network(options)[1]), advertised(options),
        socket.gethostname(),
    }  # fmt: skip
    if options.bind_address not in _ANY:
        hosts.add(options.bind_address)
    return hosts


def _address(flag: str, text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise StartFailure(f'{flag} "{text}" is not an IP address') from None


def _own_address() -> str | None:
    """This machine's address on its way out; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
