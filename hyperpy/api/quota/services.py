"""Services in quotas: their number, their node ports, their load balancers."""

from __future__ import annotations

from typing import Any

from hyperpy.api.quota.lists import ResourceList

Obj = dict[str, Any]

_NAMES = frozenset(("count/services", "services", "services.nodeports", "services.loadbalancers"))

measures = _NAMES.__contains__


def usage(service: Obj, now: float) -> ResourceList:
    """What a Service uses; node ports are counted by what it wants, for they are given out later."""
    spec = service.get("spec") or {}
    ports, kind = spec.get("ports") or (), spec.get("type")
    node_ports = 0
    if kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False):
        node_ports = len(ports)
    elif kind == "LoadBalancer":
        node_ports = sum(bool(port.get("nodePort")) for port in ports)
    return {
        "count/services": "1",
        "services": "1",
        "services.nodeports": str(node_ports),
        "services.loadbalancers": "1" if kind == "LoadBalancer" else "0",
    }
