"""Rules of Ingresses and IngressClasses: hosts, paths, where requests go, who handles them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules
from hyperpy.api.validation.ruleset import Rules

Obj = dict[str, Any]

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_NO_ADDRESS = "must be a DNS name, not an IP address"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_FORBIDDEN_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_ENDS = ("/..", "/.")
_SCOPES = ("Cluster", "Namespace")
_MAX_CONTROLLER = 250
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_HTTP_PATH_RE = re.compile(_HTTP_PATH)


def on_create(obj: Obj) -> Iterator[Cause]:
    """A new Ingress."""
    yield from ingress(obj)
    named = (obj.get("spec") or {}).get("ingressClassName")
    annotated = (obj["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    if annotated is not None and named is not None and annotated != named:
        text = "must match `ingressClassName` when both are specified"
        yield cause.invalid(f"annotations.{CLASS_ANNOTATION}", annotated, text)


def on_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed Ingress; nothing of it is immutable."""
    yield from ingress(new)


def ingress(obj: Obj) -> Iterator[Cause]:
    """The spec of an Ingress."""
    spec = obj.get("spec") or {}
    backend, given = spec.get("defaultBackend"), spec.get("rules") or ()
    if not given and backend is None:
        yield cause.invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
    if backend is not None:
        yield from _backend(backend, "spec.defaultBackend")
    for i, rule in enumerate(given):
        yield from _rule(rule, f"spec.rules[{i}]")
    for i, tls in enumerate(spec.get("tls") or ()):
        for j, host in enumerate(tls.get("hosts") or ()):
            yield from _host(host, f"spec.tls[{i}].hosts[{j}]")
        yield from rules.optional(f"spec.tls[{i}].secretName", tls.get("secretName"), names.subdomain_errors)
    if spec.get("ingressClassName") is not None:
        yield from rules.formed("spec.ingressClassName", spec["ingressClassName"], names.subdomain_errors)


def ingress_status(new: Obj, old: Obj) -> Iterator[Cause]:
    """A status write of an Ingress: addresses of its load balancer."""
    balancer = (new.get("status") or {}).get("loadBalancer") or {}
    for i, entry in enumerate(balancer.get("ingress") or ()):
        path = f"status.loadBalancer.ingress[{i}]"
        yield from rules.optional(f"{path}.ip", entry.get("ip"), formats.address)
        host = entry.get("hostname")
        yield from rules.optional(f"{path}.hostname", host, names.subdomain_errors)
        if host and formats.parsed_address(host) is not None:
            yield cause.invalid(f"{path}.hostname", host, _NO_ADDRESS)


def ingress_class(obj: Obj) -> Iterator[Cause]:
    """An IngressClass, new or changed."""
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if not controller:
        yield cause.required("spec.controller")
    else:
        if len(controller) > _MAX_CONTROLLER:
            yield cause.too_long("spec.controller", _MAX_CONTROLLER)
        yield from _domain_prefixed(controller, "spec.controller")
    parameters = spec.get("parameters")
    if parameters is not None:
        yield from _reference(parameters, "spec.parameters")
        yield from _parameters_scope(parameters, "spec.parameters")


def ingress_class_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed IngressClass keeps its controller."""
    now, before = ((each.get("spec") or {}).get("controller") or "" for each in (new, old))
    yield from rules.immutable("spec.controller", now, before)


def _rule(rule: Obj, path: str) -> Iterator[Cause]:
    host = rule.get("host")
    if host:
        if formats.parsed_address(host) is not None:
            yield cause.invalid(f"{path}.host", host, _NO_ADDRESS)
        yield from _host(host, f"{path}.host")
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        yield cause.required(f"{path}.http.paths")
    for i, entry in enumerate(http.get("paths") or ()):
        yield from _path(entry, f"{path}.http.paths[{i}]")


def _host(host: str, path: str) -> Iterator[Cause]:
    yield from rules.formed(path, host, formats.wildcard_subdomain if "*" in host else names.subdomain_errors)


def _path(entry: Obj, path: str) -> Iterator[Cause]:
    kind, text = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        yield cause.required(f"{path}.pathType", "pathType must be specified")
        return
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            yield cause.invalid(f"{path}.path", text, "must be an absolute path")
        for part in _FORBIDDEN_PARTS:
            if part in text:
                yield cause.invalid(f"{path}.path", text, f"must not contain '{part}'")
        for end in _FORBIDDEN_ENDS:
            if text.endswith(end):
                yield cause.invalid(f"{path}.path", text, f"cannot end with '{end}'")
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            yield cause.invalid(f"{path}.path", text, "must be an absolute path")
    else:
        yield cause.not_supported(f"{path}.pathType", kind, _PATH_TYPES)
    yield from _backend(entry.get("backend") or {}, f"{path}.backend")


def _backend(backend: Obj, path: str) -> Iterator[Cause]:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        yield cause.invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        yield from _reference(resource, f"{path}.resource")
    elif service is not None:
        yield from rules.required(f"{path}.service.name", service.get("name"), formats.dns_1035_label)
        yield from _backend_port(service.get("port") or {}, path)
    else:
        yield cause.invalid(path, "", "resource or service backend is required")


def _backend_port(port: Obj, path: str) -> Iterator[Cause]:
    name, number = port.get("name") or "", port.get("number") or 0
    if name and number:
        yield cause.invalid(path, "", "cannot set both port name & port number")
    elif name:
        yield from rules.formed(f"{path}.service.port.name", name, formats.port_name)
    elif number:
        yield from rules.formed(f"{path}.service.port.number", number, formats.port_number)
    else:
        yield cause.required(path, "port name or number is required")


def _reference(reference: Obj, path: str) -> Iterator[Cause]:
    """A typed reference to an object: its group, kind and name."""
    if reference.get("apiGroup") is not None:
        yield from rules.formed(f"{path}.apiGroup", reference["apiGroup"], names.subdomain_errors)
    yield from rules.required(f"{path}.kind", reference.get("kind"), formats.path_segment)
    yield from rules.required(f"{path}.name", reference.get("name"), formats.path_segment)


def _parameters_scope(parameters: Obj, path: str) -> Iterator[Cause]:
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        yield cause.required(f"{path}.scope")
    elif scope not in _SCOPES:
        yield cause.not_supported(f"{path}.scope", scope, _SCOPES)
    elif scope == "Cluster" and namespace is not None:
        yield cause.forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
    elif scope == "Namespace" and namespace is None:
        yield cause.required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    elif scope == "Namespace":
        yield from rules.formed(f"{path}.namespace", namespace, formats.dns_label)


def _domain_prefixed(text: str, path: str) -> Iterator[Cause]:
    host, slash, rest = text.partition("/")
    if not (host and slash and rest):
        yield cause.invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')
        return
    yield from rules.formed(path, host, names.subdomain_errors)
    if not _HTTP_PATH_RE.fullmatch(rest):
        yield cause.invalid(path, rest, f"Invalid path (regex used for validation is '{_HTTP_PATH}')")


RULES = {
    ("networking.k8s.io", "Ingress"): Rules(on_create, on_update, ingress_status, whole=False),
    ("networking.k8s.io", "IngressClass"): Rules(ingress_class, ingress_class_update),
}
