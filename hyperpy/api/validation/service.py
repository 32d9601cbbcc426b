"""Rules of Services: ports, types and the fields that go with them, what stays once it is given out.

Cluster addresses and node ports are given out after these rules, so that they may be missing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
HEADLESS = "None"
_ADDRESSED = ("ClusterIP", "LoadBalancer", "NodePort")
_ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_NEAR = ("PreferClose", "PreferSameNode", "PreferSameZone")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_MAX_AFFINITY_S = 86400


def on_create(service: Obj) -> Iterator[Cause]:
    """A Service, new or changed."""
    spec = service.get("spec") or {}
    kind = spec.get("type")
    if not spec.get("ports") and not _is_headless(spec) and kind != "ExternalName":
        yield cause.required("spec.ports")
    if _is_headless(spec) and kind in ("LoadBalancer", "NodePort"):
        yield cause.invalid("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        yield from _external_name(spec)
    yield from _ports(spec)
    yield from rules.labels("spec.selector", spec.get("selector"))
    yield from _affinity(spec)
    yield from _addresses(spec)
    yield from rules.one_of("spec.type", kind, TYPES)
    yield from _load_balancer(spec)
    yield from _traffic(spec)


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """What must not change: addresses, the load balancer's class, its health port."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if "ExternalName" not in (now.get("type"), before.get("type")) and not (_is_headless(now) and _is_headless(before)):
        yield from _address_changes(now, before)
    if now.get("type") == before.get("type") == "LoadBalancer":
        if now.get("loadBalancerClass") != before.get("loadBalancerClass"):
            yield cause.invalid("spec.loadBalancerClass", now.get("loadBalancerClass"), "may not change once set")
        port, old_port = now.get("healthCheckNodePort"), before.get("healthCheckNodePort")
        if _needs_health_check(now) and _needs_health_check(before) and port != old_port:
            yield cause.forbidden("spec.healthCheckNodePort", rules.IMMUTABLE)


def on_status_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """Addresses of a load balancer."""
    ingresses = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    path = "status.loadBalancer.ingress"
    if ingresses and (new.get("spec") or {}).get("type") != "LoadBalancer":
        yield cause.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")
        return
    for i, ingress in enumerate(ingresses):
        place, mode = f"{path}[{i}]", ingress.get("ipMode")
        yield from rules.optional(f"{place}.ip", ingress.get("ip"), formats.address)
        if mode is not None and not ingress.get("ip"):
            yield cause.forbidden(f"{place}.ipMode", "may not be specified when `ip` is not set")
        elif mode is not None and mode not in ("Proxy", "VIP"):
            yield cause.not_supported(f"{place}.ipMode", mode, ("Proxy", "VIP"))
        yield from rules.optional(f"{place}.hostname", ingress.get("hostname"), names.subdomain_errors)
        if formats.parsed_address(ingress.get("hostname") or "") is not None:
            text = "must be a DNS name, not an IP address"
            yield cause.invalid(f"{place}.hostname", ingress["hostname"], text)


def _is_headless(spec: Obj) -> bool:
    return spec.get("clusterIP") == HEADLESS or spec.get("clusterIPs") == [HEADLESS]


def _is_external(spec: Obj) -> bool:
    kind = spec.get("type")
    return kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def _needs_health_check(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _external_name(spec: Obj) -> Iterator[Cause]:
    if [ip for ip in spec.get("clusterIPs") or () if ip]:
        yield cause.forbidden("spec.clusterIPs", "may not be set for ExternalName services")
    for field in ("ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            yield cause.forbidden(f"spec.{field}", "may not be set for ExternalName services")
    name = (spec.get("externalName") or "").removesuffix(".")
    yield from rules.required("spec.externalName", name, names.subdomain_errors)


def _ports(spec: Obj) -> Iterator[Cause]:
    ports = spec.get("ports") or ()
    for i, port in enumerate(ports):
        path = f"spec.ports[{i}]"
        if port.get("name") or len(ports) > 1:
            yield from rules.required(f"{path}.name", port.get("name"), formats.dns_label)
        yield from rules.formed(f"{path}.port", port.get("port") or 0, formats.port_number)
        yield from rules.one_of(f"{path}.protocol", port.get("protocol"), rules.PROTOCOLS)
        yield from rules.formed(f"{path}.targetPort", port.get("targetPort", 0), formats.port)
        yield from rules.optional(f"{path}.appProtocol", port.get("appProtocol"), names.qualified_errors)
        if port.get("nodePort") and spec.get("type") == "ClusterIP":
            yield cause.forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'")
    yield from rules.unique("spec.ports", [port.get("name") for port in ports], field="name")
    yield from _repeated_ports(ports)


def _repeated_ports(ports: Any) -> Iterator[Cause]:
    node_ports, pairs = set(), set()
    for i, port in enumerate(ports):
        protocol, number, node_port = port.get("protocol"), port.get("port"), port.get("nodePort")
        if node_port:
            if (protocol, node_port) in node_ports:
                yield cause.duplicate(f"spec.ports[{i}].nodePort", node_port)
            node_ports.add((protocol, node_port))
        if (protocol, number) in pairs:
            yield cause.duplicate(f"spec.ports[{i}]", {"protocol": protocol, "port": number})
        pairs.add((protocol, number))


def _affinity(spec: Obj) -> Iterator[Cause]:
    affinity, config = spec.get("sessionAffinity"), spec.get("sessionAffinityConfig")
    yield from rules.one_of("spec.sessionAffinity", affinity, ("ClientIP", "None"))
    path = "spec.sessionAffinityConfig"
    if affinity == "None" and config is not None:
        yield cause.forbidden(path, "must not be set when session affinity is None")
    if affinity == "ClientIP":
        seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
        if seconds is None:
            yield cause.required(f"{path}.clientIP.timeoutSeconds", "when session affinity type is ClientIP")
        elif not 0 < seconds <= _MAX_AFFINITY_S:
            text = f"must be greater than 0 and less than {_MAX_AFFINITY_S}"
            yield cause.invalid(f"{path}.clientIP.timeoutSeconds", seconds, text)


def _addresses(spec: Obj) -> Iterator[Cause]:
    """Cluster addresses and families (IPv4 only: a cluster has one family), and addresses from outside."""
    if spec.get("type") != "ExternalName":
        yield from _cluster_addresses(spec)
        yield from _families(spec)
    for i, ip in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{i}]"
        problems = list(rules.formed(path, ip, formats.address))
        yield from problems or rules.formed(path, ip, formats.endpoint_address)


def _cluster_addresses(spec: Obj) -> Iterator[Cause]:
    path, given = "spec.clusterIPs", [ip for ip in spec.get("clusterIPs") or () if ip]
    if given and given[0] != (spec.get("clusterIP") or ""):
        yield cause.invalid(path, given, "first value must match `clusterIP`")
    for i, ip in enumerate(given):
        if ip == HEADLESS:
            if len(given) > 1:
                yield cause.invalid(f"{path}[{i}]", ip, "may not be set to 'None' when specifying more than one value")
        else:
            yield from rules.formed(f"{path}[{i}]", ip, formats.address)
    if len(given) > 2:
        yield cause.invalid(path, given, "may only hold up to 2 values")


def _families(spec: Obj) -> Iterator[Cause]:
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        yield cause.not_supported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    if policy == "RequireDualStack":
        text = "this cluster is not configured for dual-stack services"
        yield cause.invalid("spec.ipFamilyPolicy", policy, text)
    for i, family in enumerate(spec.get("ipFamilies") or ()):
        if family not in ("IPv4", "IPv6"):
            yield cause.not_supported(f"spec.ipFamilies[{i}]", family, ("IPv4", "IPv6"))
        elif family == "IPv6":
            yield cause.invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster")
    yield from rules.unique("spec.ipFamilies", spec.get("ipFamilies") or ())


def _load_balancer(spec: Obj) -> Iterator[Cause]:
    balanced = spec.get("type") == "LoadBalancer"
    ranges = spec.get("loadBalancerSourceRanges") or ()
    if ranges and not balanced:
        yield cause.forbidden("spec.LoadBalancerSourceRanges", _ONLY_BALANCED)
    for i, block in enumerate(ranges):
        yield from rules.formed(f"spec.LoadBalancerSourceRanges[{i}]", block.strip(), formats.cidr)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        yield cause.forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_BALANCED)
    chosen = spec.get("loadBalancerClass")
    if chosen is not None:
        if balanced:
            yield from rules.formed("spec.loadBalancerClass", chosen, names.qualified_errors)
        else:
            yield cause.forbidden("spec.loadBalancerClass", _ONLY_BALANCED)


def _traffic(spec: Obj) -> Iterator[Cause]:
    outer, inner = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    if _is_external(spec):
        yield from rules.one_of("spec.externalTrafficPolicy", outer, ("Cluster", "Local"))
    elif outer:
        text = "may only be set for externally-accessible services"
        yield cause.invalid("spec.externalTrafficPolicy", outer, text)
    health_port = spec.get("healthCheckNodePort")
    if health_port:
        if _needs_health_check(spec):
            yield from rules.formed("spec.healthCheckNodePort", health_port, formats.port_number)
        else:
            text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            yield cause.invalid("spec.healthCheckNodePort", health_port, text)
    if inner is not None or spec.get("type") in _ADDRESSED:
        yield from rules.one_of("spec.internalTrafficPolicy", inner, ("Cluster", "Local"))
    near = spec.get("trafficDistribution")
    if near is not None and near not in _NEAR:
        yield cause.not_supported("spec.trafficDistribution", near, _NEAR)


def _address_changes(now: Obj, before: Obj) -> Iterator[Cause]:
    new, old = now.get("clusterIPs") or [], before.get("clusterIPs") or []
    if old and not new:
        yield cause.invalid("spec.clusterIPs[0]", new, "primary clusterIP can not be unset")
    for i, (ip, old_ip) in enumerate(zip(new, old, strict=False)):
        if ip != old_ip:
            yield cause.invalid(f"spec.clusterIPs[{i}]", new, "may not change once set")
    if len(old) > len(new) == 1 and now.get("ipFamilyPolicy") != "SingleStack":
        text = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        yield cause.invalid("spec.ipFamilyPolicy", now.get("ipFamilyPolicy"), text)
    if _is_headless(now) == _is_headless(before) is False:
        families = zip(now.get("ipFamilies") or (), before.get("ipFamilies") or (), strict=False)
        if any(family != old_family for family, old_family in families):
            yield cause.invalid("spec.ipFamilies[0]", now.get("ipFamilies"), "may not change once set")
