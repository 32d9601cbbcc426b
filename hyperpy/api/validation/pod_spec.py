"""Rules of a pod spec and of the template that holds one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import (
    container,
    formats,
    metadata,
    pod_annotations,
    pod_os,
    pod_resources,
    resources,
    rules,
    scheduling,
    security,
    volumes,
)

Obj = dict[str, Any]

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MAX_NAME_SERVERS, _MAX_SEARCHES, _MAX_SEARCH_CHARS = 3, 32, 2048
_MAX_DEADLINE_S = 2**31 - 1


def check(spec: Obj, path: str, *, pod_name: str = "") -> Iterator[Cause]:
    """A defaulted pod spec. `pod_name` is "" where it stands in a template."""
    grace_s = spec.get("terminationGracePeriodSeconds")
    if grace_s is None:
        yield cause.required(f"{path}.terminationGracePeriodSeconds")
    given = spec.get("volumes") or ()
    yield from volumes.of_pod(given, f"{path}.volumes", pod_name=pod_name)
    yield from _resource_claims(spec.get("resourceClaims") or (), f"{path}.resourceClaims")
    around = container.Surroundings(
        volumes={volume["name"]: volume for volume in given if volume.get("name")},
        claims={claim.get("name") for claim in spec.get("resourceClaims") or ()},
        restart_policy=spec.get("restartPolicy") or "",
        grace_s=grace_s,
        host_users=spec.get("hostUsers") is not False,
        os=(spec.get("os") or {}).get("name") or "",
    )
    yield from _containers(spec, around, path)
    if spec.get("resources"):
        yield from pod_resources.check(spec, f"{path}.resources")
    if spec.get("hostNetwork"):
        yield from _host_network_ports(spec, path, is_pod=bool(pod_name))
    yield from rules.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    yield from rules.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from _dns_config(spec, f"{path}.dnsConfig")
    if spec.get("securityContext") or spec.get("shareProcessNamespace"):
        yield from security.of_pod(spec.get("securityContext") or {}, spec, f"{path}.securityContext")
    yield from security.host_users(spec, path)
    yield from _scheduling(spec, path)
    yield from _names(spec, path)


def template(given: Obj | None, path: str) -> Iterator[Cause]:
    """A pod template: labels, annotations and the spec."""
    given = given or {}
    meta = given.get("metadata") or {}
    yield from rules.labels(f"{path}.labels", meta.get("labels"))
    yield from metadata.annotation_map(f"{path}.annotations", meta.get("annotations"))
    spec = given.get("spec") or {}
    if meta.get("annotations"):
        yield from pod_annotations.check(meta["annotations"], spec, f"{path}.annotations")
    yield from check(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield cause.forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def _containers(spec: Obj, around: container.Surroundings, path: str) -> Iterator[Cause]:
    regular, initial = spec.get("containers") or [], spec.get("initContainers") or []
    yield from container.regular(regular, around, f"{path}.containers")
    if initial:
        yield from container.init(initial, around, f"{path}.initContainers", others=regular)
    if spec.get("ephemeralContainers"):
        others = [*regular, *initial]
        yield from container.ephemeral(
            spec["ephemeralContainers"], around, f"{path}.ephemeralContainers", others=others
        )


def _scheduling(spec: Obj, path: str) -> Iterator[Cause]:
    yield from rules.labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    if spec.get("affinity"):
        yield from scheduling.affinity(spec["affinity"], f"{path}.affinity")
    if spec.get("tolerations"):
        yield from scheduling.tolerations(spec["tolerations"], f"{path}.tolerations")
    if spec.get("topologySpreadConstraints"):
        yield from scheduling.spread_constraints(spec["topologySpreadConstraints"], f"{path}.topologySpreadConstraints")
    if spec.get("schedulingGates"):
        yield from scheduling.scheduling_gates(spec["schedulingGates"], f"{path}.schedulingGates")
    for i, gate in enumerate(spec.get("readinessGates") or ()):
        place = f"{path}.readinessGates[{i}].conditionType"
        yield from rules.formed(place, gate.get("conditionType") or "", names.qualified_errors)


def _names(spec: Obj, path: str) -> Iterator[Cause]:
    """Single values with a format of their own."""
    for field in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        yield from rules.optional(f"{path}.{field}", spec.get(field), names.subdomain_errors)
    for field in ("hostname", "subdomain"):
        yield from rules.optional(f"{path}.{field}", spec.get(field), formats.dns_label)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        for problem in formats.in_range(deadline, 1, _MAX_DEADLINE_S):
            yield cause.invalid(f"{path}.activeDeadlineSeconds", deadline, problem)
    if spec.get("preemptionPolicy") is not None:
        supported = ("Never", "PreemptLowerPriority")
        yield from rules.one_of(f"{path}.preemptionPolicy", spec["preemptionPolicy"], supported)
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        place = f"{path}.hostAliases[{i}]"
        yield from rules.formed(f"{place}.ip", alias.get("ip") or "", formats.address)
        for j, hostname in enumerate(alias.get("hostnames") or ()):
            yield from rules.formed(f"{place}.hostnames[{j}]", hostname, names.subdomain_errors)
    if spec.get("overhead"):
        yield from resources.requirements({"limits": spec["overhead"]}, f"{path}.overhead")
    if spec.get("os") is not None:
        yield from pod_os.check(spec, path)


def _host_network_ports(spec: Obj, path: str, *, is_pod: bool) -> Iterator[Cause]:
    """On the host's network a container's ports are the host's; a template may leave them to be defaulted."""
    for i, one in enumerate(spec.get("containers") or ()):
        for j, port in enumerate(one.get("ports") or ()):
            host = port.get("hostPort") or 0
            if (is_pod or host) and host != (port.get("containerPort") or 0):
                text = "must match `containerPort` when `hostNetwork` is true"
                yield cause.invalid(f"{path}.containers[{i}].ports[{j}].hostPort", host, text)


def _dns_config(spec: Obj, path: str) -> Iterator[Cause]:
    config = spec.get("dnsConfig")
    servers = (config or {}).get("nameservers") or ()
    if spec.get("dnsPolicy") == "None" and not servers:
        if config is None:
            yield cause.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
        else:
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield cause.required(f"{path}.nameservers", text)
        return
    if config is None:
        return
    if len(servers) > _MAX_NAME_SERVERS:
        text = f"must not have more than {_MAX_NAME_SERVERS} nameservers"
        yield cause.invalid(f"{path}.nameservers", servers, text)
    for i, server in enumerate(servers):
        yield from rules.formed(f"{path}.nameservers[{i}]", server, formats.address)
    searches = config.get("searches") or ()
    if len(searches) > _MAX_SEARCHES:
        yield cause.invalid(f"{path}.searches", searches, f"must not have more than {_MAX_SEARCHES} search paths")
    if len(" ".join(searches)) > _MAX_SEARCH_CHARS:
        text = f"must not have more than {_MAX_SEARCH_CHARS} characters (including spaces) in the search list"
        yield cause.invalid(f"{path}.searches", searches, text)
    for i, search in enumerate(searches):
        if search != ".":
            yield from rules.formed(f"{path}.searches[{i}]", search.removesuffix("."), formats.underscored_subdomain)
    for i, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            yield cause.required(f"{path}.options[{i}]", "must not be empty")


def _resource_claims(claims: Any, path: str) -> Iterator[Cause]:
    for i, claim in enumerate(claims):
        yield from rules.required(f"{path}[{i}].name", claim.get("name"), formats.dns_label)
        for field in ("resourceClaimName", "resourceClaimTemplateName"):
            if claim.get(field) is not None:
                yield from rules.formed(f"{path}[{i}].{field}", claim[field], names.subdomain_errors)
        sources = [name for name in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(name) is not None]
        if len(sources) > 1:
            text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            yield cause.invalid(f"{path}[{i}]", claim, text)
        if not sources:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            yield cause.invalid(f"{path}[{i}]", claim, text)
    yield from rules.unique(path, [claim.get("name") for claim in claims], field="name")
