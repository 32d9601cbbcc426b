"""Services: fields that belong to some types only, and values the API server gave out that an update carries over.

Source: Concepts, "Service"; behaviour of Kubernetes' service registry (`patchAllocatedValues` and
`dropTypeDependentFields`).
"""

from __future__ import annotations

from hyperpy.components.apiserver.strategy.base import Obj, Strategy

HEADLESS = "None"


def needs_cluster_ip(spec: Obj) -> bool:
    """Whether a Service of this type has a cluster IP (or is headless)."""
    return spec.get("type", "ClusterIP") != "ExternalName"


def needs_node_ports(spec: Obj) -> bool:
    """Whether its ports are opened on every node."""
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False)


def needs_health_port(spec: Obj) -> bool:
    """Whether a load balancer asks nodes if they have an endpoint."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _create(service: Obj) -> None:
    service["status"] = {"loadBalancer": {}}
    normalize(service)


def _update(new: Obj, old: Obj) -> None:
    spec = new.setdefault("spec", {})
    _carry_over(spec, old["spec"])
    _drop_type_dependent(spec, old["spec"])
    normalize(new)


def normalize(service: Obj) -> None:
    """`clusterIP` and `clusterIPs` say the same; a Service with addresses has an IP family; port 0 means none."""
    spec = service.setdefault("spec", {})
    if not spec.get("healthCheckNodePort"):
        spec.pop("healthCheckNodePort", None)
    for port in spec.get("ports") or ():
        if not port.get("nodePort"):
            port.pop("nodePort", None)
    if not needs_cluster_ip(spec):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if not spec.get(name):
                spec.pop(name, None)
        return
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    elif not spec.get("clusterIP"):
        if spec.get("clusterIPs"):
            spec["clusterIP"] = spec["clusterIPs"][0]
        else:
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4"]
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = "SingleStack"


def _carry_over(new: Obj, old: Obj) -> None:
    """What a client left out of an update stays what it was given."""
    if needs_cluster_ip(new) and needs_cluster_ip(old):
        if not new.get("clusterIP"):
            new["clusterIP"] = old.get("clusterIP", "")
        if not new.get("clusterIPs") and new["clusterIP"] == old.get("clusterIP"):
            new["clusterIPs"] = list(old.get("clusterIPs") or ())
    if needs_node_ports(new) and needs_node_ports(old):
        _carry_node_ports(new, old)
    if needs_health_port(new) and needs_health_port(old) and not new.get("healthCheckNodePort"):
        new["healthCheckNodePort"] = old.get("healthCheckNodePort", 0)


def _carry_node_ports(new: Obj, old: Obj) -> None:
    taken = {port["nodePort"] for port in new.get("ports") or () if port.get("nodePort")}
    known = {_port_key(port): port["nodePort"] for port in old.get("ports") or () if port.get("nodePort")}
    for port in new.get("ports") or ():
        number = known.get(_port_key(port))
        if not port.get("nodePort") and number and number not in taken:
            port["nodePort"] = number
            taken.add(number)


def _port_key(port: Obj) -> tuple[str, object]:
    return port.get("protocol") or "TCP", port.get("port")


def _drop_type_dependent(new: Obj, old: Obj) -> None:
    """A field of the old type that the client left as it was goes when the new type has no use for it."""
    if needs_cluster_ip(old) and not needs_cluster_ip(new):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if new.get(name) == old.get(name):
                new.pop(name, None)
    if needs_node_ports(old) and not needs_node_ports(new) and _node_ports(new) == _node_ports(old):
        for port in new.get("ports") or ():
            port.pop("nodePort", None)
    _drop_unused(new, old, "healthCheckNodePort", needed=needs_health_port(new))
    balanced = new.get("type") == "LoadBalancer"
    _drop_unused(new, old, "allocateLoadBalancerNodePorts", needed=balanced)
    _drop_unused(new, old, "loadBalancerClass", needed=balanced)
    _drop_unused(new, old, "externalTrafficPolicy", needed=balanced or new.get("type") == "NodePort")
    _drop_unused(new, old, "externalName", needed=new.get("type") == "ExternalName")


def _drop_unused(new: Obj, old: Obj, name: str, *, needed: bool) -> None:
    if not needed and name in new and new[name] == old.get(name):
        del new[name]


def _node_ports(spec: Obj) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


SERVICE = Strategy(create=_create, update=_update, create_on_update=True, returns_deleted=True)
