"""Specs as the CRI's messages, and the CRI's answers as our records. Pure.

A runtime gives back labels and annotations only, so what it must be told again for every container of a sandbox is
kept in an annotation of ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from hyperpy.runtime.cri_api import cri_pb2 as api
from hyperpy.runtime.protocol import (
    Container,
    ContainerSpec,
    ContainerStats,
    Image,
    Mount,
    Resources,
    Sandbox,
    SandboxSpec,
    Security,
    State,
)

_PREFIX = "io.hyperpy."
SCOPE = f"{_PREFIX}scope"
_CONFIG = f"{_PREFIX}config"
_STDIN, _TTY = f"{_PREFIX}stdin", f"{_PREFIX}tty"
_PERIOD_US = 100_000
_MIN_QUOTA_US = 1_000
_PROPAGATION = {
    "private": api.PROPAGATION_PRIVATE,
    "rslave": api.PROPAGATION_HOST_TO_CONTAINER,
    "rshared": api.PROPAGATION_BIDIRECTIONAL,
}
_STATES = {
    api.CONTAINER_CREATED: State.CREATED,
    api.CONTAINER_RUNNING: State.RUNNING,
    api.CONTAINER_EXITED: State.EXITED,
}


# --- sandboxes


def sandbox_config(spec: SandboxSpec, *, scope: str, cgroup_parent: str) -> api.PodSandboxConfig:
    """What `RunPodSandbox` is asked for.

    Args:
        scope: whose sandboxes these are: several clusters may share a runtime.
        cgroup_parent: in the form of the runtime's cgroup driver.
    """
    config = api.PodSandboxConfig(
        metadata=api.PodSandboxMetadata(name=spec.name, uid=spec.uid, namespace=spec.namespace, attempt=spec.attempt),
        hostname=spec.hostname,
        # Logs are named relative to it, so there must be one.
        log_directory=spec.log_dir or "/",
        dns_config=api.DNSConfig(servers=spec.dns.servers, searches=spec.dns.searches, options=spec.dns.options),
        port_mappings=[
            api.PortMapping(
                protocol=mapping.protocol,
                container_port=mapping.container_port,
                host_port=mapping.host_port,
                host_ip=mapping.host_ip,
            )
            for mapping in spec.port_mappings
        ],
        linux=api.LinuxPodSandboxConfig(
            cgroup_parent=cgroup_parent,
            sysctls=spec.sysctls,
            security_context=api.LinuxSandboxSecurityContext(
                namespace_options=api.NamespaceOption(
                    network=api.NODE if spec.host_network else api.POD,
                    pid=api.NODE if spec.host_pid else api.POD if spec.share_pid else api.CONTAINER,
                    ipc=api.NODE if spec.host_ipc else api.POD,
                ),
                # The sandbox must permit what a container of it may ask for; the containers are confined themselves.
                privileged=True,
                seccomp=api.SecurityProfile(profile_type=api.SecurityProfile.RuntimeDefault),
            ),
        ),
    )
    kept = json_format.MessageToJson(config, indent=None)
    config.labels.update({**spec.labels, SCOPE: scope})
    config.annotations.update({**spec.annotations, _CONFIG: kept})
    return config


def kept_config(status: api.PodSandboxStatus) -> api.PodSandboxConfig:
    """The configuration with which a sandbox was made."""
    config = json_format.Parse(status.annotations[_CONFIG], api.PodSandboxConfig(), ignore_unknown_fields=True)
    config.labels.update(status.labels)
    config.annotations.update(status.annotations)
    return config


def sandbox(found: api.PodSandbox, ip: str | None) -> Sandbox:
    """A sandbox of a list.

    Args:
        ip: of its status.
    """
    return Sandbox(
        id=found.id,
        namespace=found.metadata.namespace,
        name=found.metadata.name,
        uid=found.metadata.uid,
        attempt=found.metadata.attempt,
        ready=found.state == api.SANDBOX_READY,
        created_at_ns=found.created_at,
        ip=ip,
        labels=_own(found.labels),
        annotations=_own(found.annotations),
    )


def uses_host_network(status: api.PodSandboxStatus) -> bool:
    return bool(status.linux.namespaces.options.network == api.NODE)


def network_namespace(info: Mapping[str, Any]) -> str:
    """The file of a sandbox's network namespace, in its verbose status; "" when it is not there."""
    namespaces = ((info.get("runtimeSpec") or {}).get("linux") or {}).get("namespaces") or ()
    return next((str(item.get("path") or "") for item in namespaces if item.get("type") == "network"), "")


def cgroup_parent(path: str, *, driver: str) -> str:
    """`/kubepods/burstable/podUID` as it is (`cgroupfs`), as a slice (`systemd`), or "" when the driver is unknown."""
    if driver == "systemd" and path:
        return "-".join(part.replace("-", "_") for part in path.strip("/").split("/")) + ".slice"
    return path if driver == "cgroupfs" else ""


# --- containers


def container_config(
    spec: ContainerSpec, sandbox_config: api.PodSandboxConfig, *, scope: str, image: Image, unified: bool
) -> api.ContainerConfig:
    """What `CreateContainer` is asked for.

    Args:
        image: the image's record: its user takes part where only a group is given.
        unified: the host has cgroup v2.
    """
    annotations = {**spec.annotations, _STDIN: str(spec.stdin).lower(), _TTY: str(spec.tty).lower()}
    return api.ContainerConfig(
        metadata=api.ContainerMetadata(name=spec.name, attempt=spec.attempt),
        image=api.ImageSpec(image=spec.image, user_specified_image=spec.image),
        command=spec.command or (),
        args=spec.args or (),
        working_dir=spec.working_dir,
        envs=[api.KeyValue(key=name, value=value) for name, value in spec.env.items()],
        mounts=[_mount(mount) for mount in spec.mounts],
        labels={**spec.labels, SCOPE: scope},
        annotations=annotations,
        log_path=os.path.relpath(spec.log_path, sandbox_config.log_directory) if spec.log_path else "",
        stdin=spec.stdin,
        stdin_once=spec.stdin_once,
        tty=spec.tty,
        linux=api.LinuxContainerConfig(
            resources=_resources(spec.resources, unified=unified),
            security_context=_security(spec.security, sandbox_config, image.user),
        ),
    )


def container(found: api.Container, status: api.ContainerStatus) -> Container:
    """A container of a list, with its status."""
    state = _STATES.get(status.state, State.UNKNOWN)
    ended = state is State.EXITED
    return Container(
        id=found.id,
        sandbox_id=found.pod_sandbox_id,
        name=found.metadata.name,
        attempt=found.metadata.attempt,
        state=state,
        image=found.image.user_specified_image or found.image.image,
        image_id=image_id(found.image_id or found.image_ref),
        created_at_ns=found.created_at,
        started_at_ns=status.started_at,
        finished_at_ns=status.finished_at if ended else 0,
        exit_code=status.exit_code,
        reason=(status.reason or ("Error" if status.exit_code else "Completed")) if ended else "",
        message=status.message,
        log_path=status.log_path,
        labels=_own(found.labels),
        annotations=_own(found.annotations),
    )


def may_change(status: api.ContainerStatus) -> bool:
    """Whether a status may change without its state: that a kill was for want of memory is noted after the end."""
    return bool(status.state == api.CONTAINER_EXITED and status.exit_code == 137 and status.reason != "OOMKilled")


def has_stdin(status: api.ContainerStatus) -> bool:
    return bool(status.annotations.get(_STDIN) == "true")


def has_terminal(status: api.ContainerStatus) -> bool:
    return bool(status.annotations.get(_TTY) == "true")


def _mount(mount: Mount) -> api.Mount:
    return api.Mount(
        container_path=mount.container_path,
        host_path=mount.host_path,
        readonly=mount.read_only,
        propagation=_PROPAGATION[mount.propagation],
    )


def _resources(wanted: Resources, *, unified: bool) -> api.LinuxContainerResources:
    found = api.LinuxContainerResources(
        cpu_shares=wanted.cpu_shares,
        memory_limit_in_bytes=wanted.memory_limit_bytes,
        oom_score_adj=wanted.oom_score_adj,
    )
    if wanted.cpu_limit_millis:
        found.cpu_period = _PERIOD_US
        found.cpu_quota = max(_MIN_QUOTA_US, wanted.cpu_limit_millis * _PERIOD_US // 1000)
    if wanted.pids_limit and unified:
        # The CRI has no field for it; on cgroup v1 nothing takes it (the runtime's conditions say so).
        found.unified["pids.max"] = str(wanted.pids_limit)
    return found


def _security(
    wanted: Security, sandbox_config: api.PodSandboxConfig, image_user: str
) -> api.LinuxContainerSecurityContext:
    kind = api.SecurityProfile.Unconfined if wanted.seccomp == "Unconfined" else api.SecurityProfile.RuntimeDefault
    found = api.LinuxContainerSecurityContext(
        capabilities=api.Capability(
            add_capabilities=wanted.add_capabilities, drop_capabilities=wanted.drop_capabilities
        ),
        privileged=wanted.privileged,
        namespace_options=sandbox_config.linux.security_context.namespace_options,
        readonly_rootfs=wanted.read_only_root,
        supplemental_groups=wanted.supplemental_groups,
        no_new_privs=wanted.no_new_privileges,
        seccomp=api.SecurityProfile(profile_type=kind),
    )
    if wanted.user is not None:
        found.run_as_user.value = wanted.user
    if wanted.group is not None:
        found.run_as_group.value = wanted.group
        user = image_user.partition(":")[0]
        if wanted.user is None and user and not user.isdigit():
            found.run_as_username = user
        elif wanted.user is None:
            # The CRI takes a group only beside a user.
            found.run_as_user.value = int(user or 0)
    return found


# --- images and figures


def image(found: api.Image) -> Image:
    """An image of the runtime."""
    user = found.username or (str(found.uid.value) if found.HasField("uid") else "")
    return Image(image_id(found.id), tuple(found.repo_tags), found.size, user)


def image_id(text: str) -> str:
    """An image's id with its algorithm, which CRI-O leaves out."""
    return f"sha256:{text}" if len(text) == 64 and text.isalnum() else text


def stats(found: api.ContainerStats) -> ContainerStats:
    return ContainerStats(
        found.attributes.id,
        cpu_ns=found.cpu.usage_core_nano_seconds.value,
        memory_bytes=found.memory.working_set_bytes.value,
    )


def cgroup_driver(info: Mapping[str, Any]) -> str:
    """The cgroup driver in containerd's own configuration, as its verbose status shows it; "" when it is not there."""
    containerd = info.get("containerd") or {}
    name = containerd.get("defaultRuntimeName") or "runc"
    options = ((containerd.get("runtimes") or {}).get(name) or {}).get("options")
    if options is None:
        return "cgroupfs" if containerd else ""
    return "systemd" if options.get("SystemdCgroup") else "cgroupfs"


def _own(kept: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in kept.items() if not key.startswith(_PREFIX)}
