"""Rules of containers of every sort, as they stand in pod specs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import environment, formats, mounts, probes, resources, rules, security

Obj = dict[str, Any]

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_NEVER_EPHEMERAL = ("ports", "resources", *_PROBES, "lifecycle", "resizePolicy", "restartPolicy")
_NOT_IN_INIT = "may not be set for init containers without restartPolicy=Always"
_NOT_IN_EPHEMERAL = "cannot be set for an Ephemeral Container"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rules of a container need to know of its pod."""

    volumes: Mapping[str, Obj]
    claims: Collection[str]
    restart_policy: str
    grace_s: int | None
    host_users: bool
    os: str = ""


def regular(containers: Sequence[Obj], around: Surroundings, path: str) -> Iterator[Cause]:
    """The list of regular containers: at least one, unique names, host ports that do not collide."""
    if not containers:
        yield cause.required(path)
        return
    for i, container in enumerate(containers):
        place = f"{path}[{i}]"
        yield from _any(container, around, place)
        yield from _lifetime(container, around, place)
        if container.get("restartPolicy") is not None:
            yield cause.forbidden(f"{place}.restartPolicy", "may not be set for non-init containers")
    yield from rules.unique(path, [container.get("name") for container in containers], field="name")
    yield from _host_ports(containers, path)


def init(containers: Sequence[Obj], around: Surroundings, path: str, *, others: Sequence[Obj]) -> Iterator[Cause]:
    """The list of init containers, sidecars (restartPolicy Always) among them."""
    names = {container.get("name") for container in others}
    for i, container in enumerate(containers):
        place = f"{path}[{i}]"
        yield from _any(container, around, place)
        if container.get("name") in names:
            yield cause.duplicate(f"{place}.name", container.get("name") or "")
        elif container.get("name"):
            names.add(container["name"])
        yield from _host_ports([container], path)
        policy = container.get("restartPolicy")
        if policy is not None and policy != "Always":
            yield cause.not_supported(f"{place}.restartPolicy", policy, ("Always",))
        if policy == "Always":
            yield from _lifetime(container, around, place)
            continue
        if container.get("resizePolicy"):
            text = "must not be set for init containers"
            yield cause.invalid(f"{place}.resizePolicy", container["resizePolicy"], text)
        for field in ("lifecycle", *_PROBES):
            if container.get(field) is not None:
                yield cause.forbidden(f"{place}.{field}", _NOT_IN_INIT)


def ephemeral(containers: Sequence[Obj], around: Surroundings, path: str, *, others: Sequence[Obj]) -> Iterator[Cause]:
    """The list of ephemeral containers."""
    targets = {container.get("name") for container in others}
    names = set(targets)
    for i, container in enumerate(containers):
        place = f"{path}[{i}]"
        yield from _any(container, around, place)
        yield from untrimmed_image(container, place)
        if container.get("name") in names:
            yield cause.duplicate(f"{place}.name", container.get("name") or "")
        names.add(container.get("name"))
        target = container.get("targetContainerName")
        if target and target not in targets:
            yield cause.not_found(f"{place}.targetContainerName", target)
        for field in _NEVER_EPHEMERAL:
            if container.get(field):
                yield cause.forbidden(f"{place}.{field}", _NOT_IN_EPHEMERAL)
        for j, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    yield cause.forbidden(f"{place}.volumeMounts[{j}].{field}", _NOT_IN_EPHEMERAL)


def untrimmed_image(container: Obj, path: str) -> Iterator[Cause]:
    """Pods (not templates) refuse blanks around an image's name."""
    image = container.get("image") or ""
    if image != image.strip():
        yield cause.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


def _any(container: Obj, around: Surroundings, path: str) -> Iterator[Cause]:
    """What holds for every container."""
    yield from rules.required(f"{path}.name", container.get("name"), formats.dns_label)
    yield from rules.required(f"{path}.image", container.get("image"))
    yield from rules.one_of(
        f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGE_POLICIES
    )
    if container.get("ports"):
        yield from _ports(container["ports"], f"{path}.ports")
    if container.get("env"):
        yield from environment.variables(container["env"], f"{path}.env")
    if container.get("envFrom"):
        yield from environment.sources(container["envFrom"], f"{path}.envFrom")
    if container.get("volumeMounts") or container.get("volumeDevices"):
        yield from mounts.of_container(container, around.volumes, path)
    yield from rules.one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    if container.get("resources"):
        yield from resources.requirements(container["resources"], f"{path}.resources", claims=around.claims)
    if container.get("resizePolicy"):
        yield from resources.resize_policies(
            container["resizePolicy"], f"{path}.resizePolicy", restart_policy=around.restart_policy
        )
    if container.get("securityContext"):
        yield from security.of_container(
            container["securityContext"], f"{path}.securityContext", host_users=around.host_users
        )


def _lifetime(container: Obj, around: Surroundings, path: str) -> Iterator[Cause]:
    """Hooks and probes: for containers that stay."""
    if container.get("lifecycle"):
        yield from probes.lifecycle(container["lifecycle"], f"{path}.lifecycle", grace_s=around.grace_s, os=around.os)
    for name in _PROBES:
        if container.get(name) is not None:
            yield from probes.probe(container[name], f"{path}.{name}", kind=name)


def _ports(ports: Sequence[Obj], path: str) -> Iterator[Cause]:
    names = set()
    for i, port in enumerate(ports):
        place = f"{path}[{i}]"
        name = port.get("name")
        if name:
            problems = list(rules.formed(f"{place}.name", name, formats.port_name))
            yield from problems
            if not problems and name in names:
                yield cause.duplicate(f"{place}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            yield cause.required(f"{place}.containerPort")
        else:
            yield from rules.formed(f"{place}.containerPort", port["containerPort"], formats.port_number)
        if port.get("hostPort"):
            yield from rules.formed(f"{place}.hostPort", port["hostPort"], formats.port_number)
        yield from rules.one_of(f"{place}.protocol", port.get("protocol"), rules.PROTOCOLS)


def _host_ports(containers: Sequence[Obj], path: str) -> Iterator[Cause]:
    seen = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort"):
                text = f"{port.get('protocol')}/{port.get('hostIP') or ''}/{port['hostPort']}"
                if text in seen:
                    yield cause.duplicate(f"{path}[{i}].ports[{j}].hostPort", text)
                seen.add(text)
