"""The environment of a container: envFrom, env, references into the Pod, and the variables of Services. Pure.

Source: the API reference of EnvVar and EnvFromSource; "Discovering services", environment variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hyperpy.components.kubelet import downward
from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.runtime.spec import ConfigError, expand

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """A ConfigMap or Secret that a Pod reads, by kind and name, in the Pod's own namespace."""

    kind: Literal["ConfigMap", "Secret"]
    name: str


@dataclass(frozen=True, slots=True)
class Sources:
    """What environments are made of.

    Args:
        objects: the referenced ConfigMaps and Secrets that exist.
        services: all Services of the Pod's namespace, and `kubernetes` of `default`.
    """

    objects: Mapping[Reference, Obj] = field(default_factory=dict)
    services: Iterable[Obj] = ()


def references(container: Obj) -> set[Reference]:
    """The ConfigMaps and Secrets that a container's environment needs."""
    found: set[Reference] = set()
    for source in container.get("envFrom") or ():
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if source.get(key):
                found.add(Reference(kind, source[key]["name"]))  # type: ignore[arg-type]
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if origin.get(key):
                found.add(Reference(kind, origin[key]["name"]))  # type: ignore[arg-type]
    return found


def environment(
    pod: Obj, container: Obj, *, sources: Sources, node: NodeFacts, pod_ips: tuple[str, ...]
) -> dict[str, str]:
    """Every variable of a container, in the order in which later ones may refer to earlier ones.

    Raises:
        ConfigError: a reference that must exist does not.
    """
    links = service_variables(pod, sources.services)
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found.update(_from_object(pod, source, sources))
    for variable in container.get("env") or ():
        value = _value(pod, container, variable, {**links, **found}, sources=sources, node=node, pod_ips=pod_ips)
        if value is not None:
            found[variable["name"]] = value
    return {**links, **found}


def _from_object(pod: Obj, source: Obj, sources: Sources) -> dict[str, str]:
    kind: Literal["ConfigMap", "Secret"] = "ConfigMap" if source.get("configMapRef") else "Secret"
    wanted = source.get("configMapRef") or source.get("secretRef") or {}
    obj = _find(pod, Reference(kind, wanted.get("name", "")), optional=bool(wanted.get("optional")), sources=sources)
    prefix = source.get("prefix") or ""
    return {prefix + key: value for key, value in text_data(obj or {}).items()}


def _find(pod: Obj, reference: Reference, *, optional: bool, sources: Sources) -> Obj | None:
    obj = sources.objects.get(reference)
    if obj is None and not optional:
        raise ConfigError(f'{reference.kind.lower()} "{reference.name}" not found')
    return obj


def text_data(obj: Obj) -> dict[str, str]:
    """The entries of a ConfigMap or Secret as text."""
    if obj.get("kind") == "Secret":
        return {key: value.decode(errors="replace") for key, value in downward.secret_data(obj).items()}
    return dict(obj.get("data") or {})


def _value(
    pod: Obj,
    container: Obj,
    variable: Obj,
    known: Mapping[str, str],
    *,
    sources: Sources,
    node: NodeFacts,
    pod_ips: tuple[str, ...],
) -> str | None:
    """One variable's value; None when it is optional and its source is missing."""
    origin = variable.get("valueFrom") or {}
    if not origin:
        return expand(variable.get("value") or "", known)
    if "fieldRef" in origin:
        return downward.field_value(pod, origin["fieldRef"]["fieldPath"], node=node, pod_ips=pod_ips)
    if "resourceFieldRef" in origin:
        return downward.resource_value(pod, origin["resourceFieldRef"], default=container["name"], node=node)
    kind: Literal["ConfigMap", "Secret"] = "ConfigMap" if "configMapKeyRef" in origin else "Secret"
    wanted = origin.get("configMapKeyRef") or origin.get("secretKeyRef") or {}
    optional = bool(wanted.get("optional"))
    obj = _find(pod, Reference(kind, wanted.get("name", "")), optional=optional, sources=sources)
    data = text_data(obj or {})
    if wanted.get("key") in data:
        return data[wanted["key"]]
    if optional:
        return None
    where = f"{pod['metadata']['namespace']}/{wanted.get('name')}"
    raise ConfigError(f"couldn't find key {wanted.get('key')} in {kind} {where}")


def service_variables(pod: Obj, services: Iterable[Obj]) -> dict[str, str]:
    """`NAME_SERVICE_HOST` and its kin: for the API server's Service always, for others when enableServiceLinks."""
    links = pod["spec"].get("enableServiceLinks") is not False
    namespace = pod["metadata"]["namespace"]
    chosen: dict[str, Obj] = {}
    for service in services:
        meta = service["metadata"]
        master = meta["namespace"] == "default" and meta["name"] == "kubernetes"
        own = links and meta["namespace"] == namespace
        if own or (master and meta["name"] not in chosen):
            chosen[meta["name"]] = service
    found: dict[str, str] = {}
    for name in sorted(chosen):
        found.update(_one_service(name, chosen[name]["spec"]))
    return found


def _one_service(name: str, spec: Obj) -> dict[str, str]:
    address, ports = spec.get("clusterIP"), spec.get("ports") or ()
    if address in (None, "", "None") or not ports:
        return {}
    prefix = name.upper().replace("-", "_")
    found = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    shown = f"[{address}]" if ":" in address else address
    for index, port in enumerate(ports):
        protocol = (port.get("protocol") or "TCP").upper()
        url = f"{protocol.lower()}://{shown}:{port['port']}"
        if index == 0:
            found[f"{prefix}_PORT"] = url
        stem = f"{prefix}_PORT_{port['port']}_{protocol}"
        found |= {
            stem: url,
            f"{stem}_PROTO": protocol.lower(),
            f"{stem}_PORT": str(port["port"]),
            f"{stem}_ADDR": address,
        }
    return found
