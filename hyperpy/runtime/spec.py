"""Pure: what a Pod asks of a runtime, as sandbox and container specs.

Source: the API reference of Pod v1; for the numbers (shares, oom_score_adj) the kubelet's documentation of QoS and
"Assign CPU/Memory Resources to Containers".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from hyperpy.api import quantity
from hyperpy.api.qos import qos_class
from hyperpy.runtime.protocol import ContainerSpec, Dns, Mount, PortMapping, Resources, SandboxSpec, Security

Obj = dict[str, Any]

# What the kubelet needs to know a container again after its own restart (the labels every CRI runtime carries).
POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
CONTAINER_HASH = "io.kubernetes.container.hash"
GRACE_PERIOD = "io.kubernetes.pod.terminationGracePeriod"
HOST_NETWORK = "hyperpy.io/host-network"

DEFAULT_GRACE_S = 30
MIN_SHARES, MAX_SHARES = 2, 262144


class ConfigError(Exception):
    """A container cannot be made as the Pod wants it; the message becomes CreateContainerConfigError."""


def all_containers(pod: Obj) -> Iterator[Obj]:
    """Init, ephemeral and main containers, in the order of their start."""
    spec = pod["spec"]
    yield from spec.get("initContainers") or ()
    yield from spec.get("ephemeralContainers") or ()
    yield from spec.get("containers") or ()


def grace_period_s(pod: Obj) -> int:
    """How long the Pod's containers may take to end: the deletion's own figure, else the spec's."""
    asked = pod["metadata"].get("deletionGracePeriodSeconds")
    if asked is None:
        asked = pod["spec"].get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE_S if asked is None else int(asked)


def container_hash(container: Obj) -> str:
    """A short name of what the container is; a running one whose hash differs is replaced.

    Only the name and the image count: the API lets nothing else change in place that asks for a restart.
    """
    return hashlib.sha256(orjson.dumps([container["name"], container.get("image", "")])).hexdigest()[:16]


def resources(pod: Obj, container: Obj, *, memory_capacity_bytes: int) -> Resources:
    """The cgroup figures of a container.

    Args:
        memory_capacity_bytes: of the node; the share of it that a Burstable container requests spares it from OOM.
    """
    asked = container.get("resources") or {}
    limits = asked.get("limits") or {}
    requests = {**limits, **(asked.get("requests") or {})}
    cpu = quantity.to_millis(requests.get("cpu", 0))
    limit_cpu = quantity.to_millis(limits.get("cpu", 0))
    return Resources(
        cpu_shares=min(MAX_SHARES, max(MIN_SHARES, cpu * 1024 // 1000)),
        cpu_limit_millis=limit_cpu,
        memory_limit_bytes=quantity.to_int(limits.get("memory", 0)),
        oom_score_adj=_oom_score_adj(qos_class(pod), quantity.to_int(requests.get("memory", 0)), memory_capacity_bytes),
    )


def _oom_score_adj(qos: str, memory_request: int, capacity: int) -> int:
    if qos == "Guaranteed":
        return -997
    if qos == "BestEffort" or capacity <= 0:
        return 1000
    return max(2, min(999, 1000 - 1000 * memory_request // capacity))


def security(pod: Obj, container: Obj, *, image_user: str) -> Security:
    """Who the container runs as and what it may do.

    Args:
        image_user: the image's own user, as written in it (`""`, `1000`, `app`, `1000:1000`).
    Raises:
        ConfigError: runAsNonRoot is asked for and cannot be kept.
    """
    of_pod = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}
    both = {**of_pod, **{key: value for key, value in own.items() if value is not None}}
    user = both.get("runAsUser")
    if both.get("runAsNonRoot"):
        _check_not_root(user, image_user, container["name"])
    groups = list(of_pod.get("supplementalGroups") or ())
    if of_pod.get("fsGroup") is not None:
        groups.append(of_pod["fsGroup"])
    capabilities = own.get("capabilities") or {}
    return Security(
        user=user,
        group=both.get("runAsGroup"),
        supplemental_groups=tuple(groups),
        privileged=bool(own.get("privileged")),
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        no_new_privileges=own.get("allowPrivilegeEscalation") is False,
        read_only_root=bool(own.get("readOnlyRootFilesystem")),
        seccomp=(both.get("seccompProfile") or {}).get("type", "RuntimeDefault"),
    )


def _check_not_root(user: int | None, image_user: str, name: str) -> None:
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy (container: {name})")
        return
    written = image_user.partition(":")[0]
    if written in ("", "0", "root"):
        raise ConfigError(f"container has runAsNonRoot and image will run as root (container: {name})")
    if not written.isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({written}), "
            f"cannot verify user is non-root (container: {name})"
        )


def hostname(pod: Obj, *, cluster_domain: str) -> tuple[str, str]:
    """The Pod's host name and its domain (`""` without a subdomain).

    Source: "DNS for Services and Pods"; a host name is at most 63 characters and does not end in a dash or dot.
    """
    spec, meta = pod["spec"], pod["metadata"]
    short = spec.get("hostname") or meta["name"][:63].rstrip("-.")
    domain = ""
    if spec.get("subdomain"):
        domain = f"{spec['subdomain']}.{meta['namespace']}.svc.{cluster_domain}"
    return short, domain


def port_mappings(pod: Obj) -> tuple[PortMapping, ...]:
    """The hostPorts of all containers (none for a Pod on the host's own network, whose ports are the host's)."""
    if pod["spec"].get("hostNetwork"):
        return ()
    return tuple(
        PortMapping(
            container_port=port["containerPort"],
            host_port=port["hostPort"],
            protocol=port.get("protocol") or "TCP",
            host_ip=port.get("hostIP") or "",
        )
        for container in all_containers(pod)
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def sandbox_spec(pod: Obj, *, attempt: int, dns: Dns, log_dir: str, cluster_domain: str) -> SandboxSpec:
    """What the Pod's containers share.

    Args:
        attempt: 0 for the first sandbox of the Pod, one more for each that replaces it.
        dns: what goes into resolv.conf.
        log_dir: the absolute directory of the Pod's logs.
    """
    meta, spec = pod["metadata"], pod["spec"]
    short, domain = hostname(pod, cluster_domain=cluster_domain)
    name = f"{short}.{domain}"[:64] if spec.get("setHostnameAsFQDN") and domain else short
    sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
    host_network = bool(spec.get("hostNetwork"))
    return SandboxSpec(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        attempt=attempt,
        hostname="" if host_network else name,
        dns=dns,
        host_network=host_network,
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        share_pid=bool(spec.get("shareProcessNamespace")),
        log_dir=log_dir,
        port_mappings=port_mappings(pod),
        sysctls={item["name"]: str(item["value"]) for item in sysctls},
        cgroup_parent=f"/kubepods/{qos_class(pod).lower()}/pod{meta['uid']}",
        labels={POD_NAME: meta["name"], POD_NAMESPACE: meta["namespace"], POD_UID: meta["uid"]},
        annotations={
            GRACE_PERIOD: str(spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE_S)),
            HOST_NETWORK: str(host_network).lower(),
        },
    )


def container_spec(
    pod: Obj,
    container: Obj,
    *,
    attempt: int,
    env: Mapping[str, str],
    mounts: Sequence[Mount],
    log_path: str,
    limits: Resources,
    rights: Security,
) -> ContainerSpec:
    """One container of the Pod.

    Args:
        attempt: how often it was restarted before.
        env: the finished environment; `$(NAME)` in command and args is taken from it.
        log_path: the absolute file of its log.
    """
    meta = pod["metadata"]
    return ContainerSpec(
        name=container["name"],
        image=container["image"],
        attempt=attempt,
        command=_expanded(container.get("command"), env),
        args=_expanded(container.get("args"), env),
        working_dir=container.get("workingDir") or "",
        env=env,
        mounts=tuple(mounts),
        resources=limits,
        security=rights,
        tty=bool(container.get("tty")),
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        log_path=log_path,
        labels={
            POD_NAME: meta["name"],
            POD_NAMESPACE: meta["namespace"],
            POD_UID: meta["uid"],
            CONTAINER_NAME: container["name"],
        },
        annotations={
            CONTAINER_HASH: container_hash(container),
            GRACE_PERIOD: str(pod["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE_S)),
        },
    )


def _expanded(words: Sequence[str] | None, env: Mapping[str, str]) -> tuple[str, ...] | None:
    if not words:
        return None
    return tuple(expand(word, env) for word in words)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by its value; `$$` is one `$`, and what is unknown stays as written.

    Source: the API reference of Container, fields `command`, `args` and `env.value`.
    """
    if "$" not in text:
        return text
    out: list[str] = []
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0 or dollar + 1 >= len(text):
            return "".join(out) + text[at:]
        out.append(text[at:dollar])
        at = _expand_one(text, dollar, values, out)


def _expand_one(text: str, dollar: int, values: Mapping[str, str], out: list[str]) -> int:
    """Handle what follows a `$`; returns where to go on."""
    following = text[dollar + 1]
    if following == "$":
        out.append("$")
        return dollar + 2
    if following != "(":
        out.append("$" + following)
        return dollar + 2
    end = text.find(")", dollar)
    if end < 0:
        out.append("$(")
        return dollar + 2
    name = text[dollar + 2 : end]
    out.append(values[name] if name in values else text[dollar : end + 1])
    return end + 1
