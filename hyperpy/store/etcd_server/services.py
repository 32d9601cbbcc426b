"""All of etcd's v3 gRPC services over a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hyperpy.store.etcd_server.cluster import ClusterService
from hyperpy.store.etcd_server.health import HealthService
from hyperpy.store.etcd_server.identity import Identity
from hyperpy.store.etcd_server.kv import KvService
from hyperpy.store.etcd_server.lease import LeaseService
from hyperpy.store.etcd_server.limits import Gate
from hyperpy.store.etcd_server.maintenance import MaintenanceService
from hyperpy.store.etcd_server.refusals import Refusals
from hyperpy.store.etcd_server.watch import WatchService
from hyperpy.store.protocol import Store


def services(store: Store, identity: Identity, gate: Gate, *, scratch: Path | None = None) -> list[Any]:
    """All services, ready for a `GrpcServer`. Those of one store share one gate.

    Args:
        scratch: where snapshots are written before they are sent; None: where the system has temporary files.
    """
    return [
        KvService(store, identity, gate),
        WatchService(store, identity, gate),
        LeaseService(store, identity, gate),
        ClusterService(identity),
        MaintenanceService(store, identity, gate, scratch=scratch),
        HealthService(),
        Refusals(),
    ]
