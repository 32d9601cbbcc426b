"""Defaults of a container of any sort: image pull policy, ports, probes, hooks, environment."""

from __future__ import annotations

from typing import Any

from hyperpy.api.defaults import resources

Obj = dict[str, Any]

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def apply(container: Obj) -> None:
    """Defaults of one container, init container or ephemeral container."""
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    if "resources" not in container:
        container["resources"] = {}
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if source and "fieldRef" in source:
            field_reference(source["fieldRef"])
    for name in ("limits", "requests"):
        resources.round_up(container["resources"].get(name))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict) and "httpGet" in hook:
            _http_get(hook["httpGet"])


def pull_policy(image: str) -> str:
    """Always for the tag `latest` (also when no tag and no digest is given), else IfNotPresent."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    latest = tag == "latest" or (bool(image) and not tag and not digest)
    return "Always" if latest else "IfNotPresent"


def field_reference(reference: Obj) -> None:
    """A downward API reference means fields of v1."""
    if not reference.get("apiVersion"):
        reference["apiVersion"] = "v1"


def _probe(probe: Obj) -> None:
    for name, value in _PROBE.items():
        if not probe.get(name):
            probe[name] = value
    if "httpGet" in probe:
        _http_get(probe["httpGet"])
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _http_get(action: Obj) -> None:
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"
