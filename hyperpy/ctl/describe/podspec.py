"""Containers and volumes, of a Pod or of the template of one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.ctl.describe.page import NONE, Page
from hyperpy.ctl.describe.sections import moment

Obj = dict[str, Any]

_STATES = ("running", "waiting", "terminated")
_PROBES = (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe"))


def template(page: Page, template_: Obj) -> None:
    """The template of a workload's pods."""
    spec = template_.get("spec") or {}
    page.heading("Pod Template:")
    page.mapping("Labels", (template_.get("metadata") or {}).get("labels"), level=1)
    page.optional("Service Account", spec.get("serviceAccountName"), level=1)
    containers(page, "Init Containers", spec.get("initContainers") or [], {}, level=1)
    containers(page, "Containers", spec.get("containers") or [], {}, level=1)
    volumes(page, spec.get("volumes") or [], level=1)
    page.mapping("Node-Selectors", spec.get("nodeSelector"), level=1)
    page.listed("Tolerations", map(toleration, spec.get("tolerations") or ()), level=1)


def containers(page: Page, title: str, found: Sequence[Obj], statuses: Mapping[str, Obj], *, level: int = 0) -> None:
    """A section of containers, with what is known of each; nothing when there are none."""
    if not found:
        return
    page.heading(f"{title}:", level=level)
    for container in found:
        page.heading(f"{container['name']}:", level=level + 1)
        _container(page, container, statuses.get(container["name"]), level + 2)


def _container(page: Page, container: Obj, status: Obj | None, level: int) -> None:
    if status is not None:
        page.field("Container ID", status.get("containerID") or "", level=level)
    page.field("Image", container.get("image") or "", level=level)
    if status is not None:
        page.field("Image ID", status.get("imageID") or "", level=level)
    _ports(page, container.get("ports") or [], level)
    for title, words in (("Command", container.get("command")), ("Args", container.get("args"))):
        if words:
            page.heading(f"{title}:", level=level)
            for word in words:
                page.heading(str(word).replace("\n", "\\n"), level=level + 1)
    if status is not None:
        _status(page, status, level)
    for title, field in (("Limits", "limits"), ("Requests", "requests")):
        amounts = (container.get("resources") or {}).get(field)
        if amounts:
            page.heading(f"{title}:", level=level)
            page.rows([(f"{name}:", amount) for name, amount in sorted(amounts.items())], level=level + 1)
    for title, field in _PROBES:
        if container.get(field):
            page.field(title, probe(container[field]), level=level)
    _environment(page, container, level)
    _mounts(page, container.get("volumeMounts") or [], level)


def _ports(page: Page, ports: Sequence[Obj], level: int) -> None:
    texts = [f"{port['containerPort']}/{port.get('protocol') or 'TCP'}" for port in ports]
    hosts = [f"{port.get('hostPort') or 0}/{port.get('protocol') or 'TCP'}" for port in ports]
    plural = "s" if len(ports) > 1 else ""
    page.field(f"Port{plural}", ", ".join(texts) or NONE, level=level)
    page.field(f"Host Port{plural}", ", ".join(hosts) or NONE, level=level)


def _status(page: Page, status: Obj, level: int) -> None:
    _state(page, "State", status.get("state") or {}, level)
    if status.get("lastState"):
        _state(page, "Last State", status["lastState"], level)
    page.field("Ready", bool(status.get("ready")), level=level)
    page.field("Restart Count", status.get("restartCount") or 0, level=level)


def _state(page: Page, title: str, state: Obj, level: int) -> None:
    name = next((name for name in _STATES if state.get(name) is not None), "waiting")
    details = state.get(name) or {}
    page.field(title, name.capitalize(), level=level)
    page.optional("Reason", details.get("reason"), level=level + 1)
    page.optional("Message", details.get("message"), level=level + 1)
    if name == "terminated":
        page.field("Exit Code", details.get("exitCode") or 0, level=level + 1)
        page.optional("Signal", details.get("signal"), level=level + 1)
    if details.get("startedAt"):
        page.field("Started", moment(details["startedAt"]), level=level + 1)
    if details.get("finishedAt"):
        page.field("Finished", moment(details["finishedAt"]), level=level + 1)


def probe(found: Obj) -> str:
    """A probe in one line: what it asks, and its timings."""
    timings = (
        f"delay={found.get('initialDelaySeconds') or 0}s timeout={found.get('timeoutSeconds') or 1}s "
        f"period={found.get('periodSeconds') or 10}s #success={found.get('successThreshold') or 1} "
        f"#failure={found.get('failureThreshold') or 3}"
    )
    if "exec" in found:
        return f"exec {found['exec'].get('command') or []} {timings}"
    if "httpGet" in found:
        get = found["httpGet"]
        url = f"{(get.get('scheme') or 'HTTP').lower()}://{get.get('host') or ''}:{get['port']}{get.get('path') or '/'}"
        return f"http-get {url} {timings}"
    if "tcpSocket" in found:
        return f"tcp-socket {found['tcpSocket'].get('host') or ''}:{found['tcpSocket']['port']} {timings}"
    return f"grpc <pod>:{(found.get('grpc') or {}).get('port')} {timings}"


def _environment(page: Page, container: Obj, level: int) -> None:
    sources = container.get("envFrom") or []
    if sources:
        page.heading("Environment Variables from:", level=level)
        page.rows([_env_source(source) for source in sources], level=level + 1)
    variables = container.get("env") or []
    if not variables:
        page.field("Environment", NONE, level=level)
        return
    page.heading("Environment:", level=level)
    page.rows([(f"{item['name']}:", _env_value(item)) for item in variables], level=level + 1)


def _env_source(source: Obj) -> tuple[str, str]:
    kind, field = ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
    reference = source.get(field) or {}
    return str(reference.get("name")), f"{kind}  Optional: {bool(reference.get('optional'))}"


def _env_value(item: Obj) -> str:
    source = item.get("valueFrom") or {}
    for field, kind in (("configMapKeyRef", "config map"), ("secretKeyRef", "secret")):
        if field in source:
            reference = source[field]
            where = f"<set to the key '{reference['key']}' of {kind} '{reference.get('name')}'>"
            return f"{where}  Optional: {bool(reference.get('optional'))}"
    if "fieldRef" in source:
        return f"({source['fieldRef'].get('apiVersion') or 'v1'}:{source['fieldRef']['fieldPath']})"
    if "resourceFieldRef" in source:
        return f"({source['resourceFieldRef']['resource']})"
    return str(item.get("value") or "").replace("\n", "\\n")


def _mounts(page: Page, mounts: Sequence[Obj], level: int) -> None:
    if not mounts:
        page.field("Mounts", NONE, level=level)
        return
    page.heading("Mounts:", level=level)
    for mount in sorted(mounts, key=lambda each: each["mountPath"]):
        mode = "ro" if mount.get("readOnly") else "rw"
        part = f',path="{mount["subPath"]}"' if mount.get("subPath") else ""
        page.heading(f"{mount['mountPath']} from {mount['name']} ({mode}{part})", level=level + 1)


def volumes(page: Page, found: Sequence[Obj], *, level: int = 0) -> None:
    """The section of volumes."""
    if not found:
        page.field("Volumes", NONE, level=level)
        return
    page.heading("Volumes:", level=level)
    for volume in found:
        page.heading(f"{volume['name']}:", level=level + 1)
        for kind, source in volume.items():
            if kind != "name":
                page.field("Type", kind[:1].upper() + kind[1:], level=level + 2)
                rows = [(f"{field}:", _short(value)) for field, value in sorted((source or {}).items())]
                page.rows(rows, level=level + 2)


def _short(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    return ", ".join(_named(item) for item in value)


def _named(item: Any) -> str:
    """An item of a volume's list by what tells it from others: the key, or the kind of a projected source."""
    if not isinstance(item, dict):
        return str(item)
    return str(item.get("key") or item.get("name") or next(iter(item), ""))


def toleration(found: Obj) -> str:
    """`key=value:Effect op=Exists for 300s`."""
    text = found.get("key") or ""
    if found.get("value"):
        text += f"={found['value']}"
    if found.get("effect"):
        text += f":{found['effect']}"
    if found.get("operator") == "Exists":
        text += " op=Exists" if text else "op=Exists"
    if found.get("tolerationSeconds") is not None:
        text += f" for {found['tolerationSeconds']}s"
    return text
