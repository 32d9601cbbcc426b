"""What the core of the API server must be told: a frozen record, made from the command line by options.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from hyperpy.components.apiserver.admission.world import Settings

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """Settings of the resource core.

    Args:
        service_cidr: IPv4 range of ClusterIPs (`--service-cluster-ip-range`); its first address is the `kubernetes`
            Service's.
        node_port_min: first port of `--service-node-port-range`.
        node_port_max: last port of that range, included.
        advertise_address: IPv4 address under which pods reach this API server.
        advertise_port: its port, the bound one (never 0).
        shared_store: whether other API servers may serve the same objects (in an etcd, or a PostgreSQL).
        event_ttl_s: seconds after which an Event goes away (`--event-ttl`).
        lease_reuse_s: seconds whose Events share a lease (`--lease-reuse-duration-seconds`).
        watch_queue: changes that may wait for one slow watcher; on overflow its stream ends with 410 Expired.
        watch_queue_bytes: the same, by the size of the objects they hold.
        watch_timeout_s: shortest life of a watch that names no timeout (`--min-request-timeout`); up to twice that.
        bookmark_interval_s: seconds between bookmarks.
        admission: which admission plugins are asked, and how.
    """

    service_cidr: str = "10.96.0.0/16"
    node_port_min: int = 30000
    node_port_max: int = 32767
    advertise_address: str = "127.0.0.1"
    advertise_port: int = 6443
    shared_store: bool = False
    event_ttl_s: int = _HOUR_S
    lease_reuse_s: int = 300
    watch_queue: int = 4096
    watch_queue_bytes: int = 16 << 20
    watch_timeout_s: int = 1800
    bookmark_interval_s: int = 60
    admission: Settings = field(default_factory=Settings)
