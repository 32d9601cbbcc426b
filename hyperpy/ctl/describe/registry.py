"""Which page a kind has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperpy.api import kinds
from hyperpy.api.kinds import Kind
from hyperpy.ctl.describe import cluster, configuration, network, plain, pods, workloads
from hyperpy.ctl.describe.page import Page
from hyperpy.ctl.describe.surroundings import Surroundings

Describer = Callable[[dict[str, Any], Surroundings], Page]

_DESCRIBERS: dict[Kind, Describer] = {
    kinds.POD: pods.describe,
    kinds.DEPLOYMENT: workloads.deployment,
    kinds.REPLICA_SET: workloads.replica_set,
    kinds.REPLICATION_CONTROLLER: workloads.replication_controller,
    kinds.SERVICE: network.service,
    kinds.ENDPOINTS: network.endpoints,
    kinds.CONFIG_MAP: configuration.config_map,
    kinds.SECRET: configuration.secret,
    kinds.NODE: cluster.node,
    kinds.NAMESPACE: cluster.namespace,
}


def describer(kind: Kind) -> Describer:
    """What makes the page of an object of a kind."""
    return _DESCRIBERS.get(kind, plain.describe)
