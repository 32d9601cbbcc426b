"""From a container spec and an image's configuration to the plan that the shim carries out. Pure."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hyperpy.runtime.protocol import ContainerSpec, Mount, RuntimeFailure, SandboxSpec, Security

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: What runc, Docker and containerd give by default.
DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
#: A pod with a network of its own may use low ports and ping without privileges, as with Docker and containerd.
_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
_CGROUP = re.compile(r"(/[A-Za-z0-9_.:@-]+)+")


def sandbox(spec: SandboxSpec, *, sandbox_id: str) -> dict[str, Any]:
    """The plan of a sandbox.

    Raises:
        RuntimeFailure: a field that cannot be done.
    """
    if spec.port_mappings and not spec.host_network:
        raise RuntimeFailure("hostPort is not supported by the embedded runtime; use a NodePort Service or hostNetwork")
    parent = spec.cgroup_parent.rstrip("/")
    if parent and (not _CGROUP.fullmatch(parent) or ".." in parent.split("/")):
        raise RuntimeFailure(f"cgroup_parent {spec.cgroup_parent!r} is no absolute path of a control group")
    group = parent or f"/hyperpy/{sandbox_id}"
    above = group.split("/")[1:-1]
    own_network = not spec.host_network
    return {
        "host_network": spec.host_network,
        "host_ipc": spec.host_ipc,
        "host_pid": spec.host_pid,
        "share_pid": spec.share_pid and not spec.host_pid,
        "hostname": (spec.hostname or spec.name)[:63],
        "sysctls": {**(_SYSCTLS if own_network else {}), **spec.sysctls},
        "cgroup": group,
        "cgroup_parents": ["/" + "/".join(above[:depth]) for depth in range(len(above), 0, -1)],
    }


def container(
    spec: ContainerSpec,
    *,
    pod: Mapping[str, Any],
    pod_files: Sequence[Mount],
    image: Mapping[str, Any],
    known_capabilities: Sequence[str],
) -> dict[str, Any]:
    """The plan of a container, without what only the runtime knows (ids, layers).

    Args:
        pod: the sandbox's plan.
        pod_files: resolv.conf and the like, mounted where the spec mounts nothing.
        image: `config` of the image's configuration document.
        known_capabilities: every name there is, without CAP_.
    Raises:
        RuntimeFailure: nothing to run, or a field that cannot be done.
    """
    security = spec.security
    mounts = with_pod_files(spec.mounts, pod_files)
    return {
        "args": arguments(spec, image),
        "env": [list(item) for item in environment(spec, image, hostname=pod["hostname"]).items()],
        "cwd": spec.working_dir or image.get("WorkingDir") or "/",
        "user": _user(security, image),
        "capabilities": capabilities(security, known_capabilities),
        "no_new_privileges": security.no_new_privileges,
        "seccomp": _seccomp(security),
        "privileged": security.privileged,
        "read_only_root": security.read_only_root,
        "mounts": [_mount(mount) for mount in sorted(mounts, key=lambda mount: mount.container_path.count("/"))],
        "resources": asdict(spec.resources),
        "tty": spec.tty,
        "stdin": spec.stdin,
        "log_path": spec.log_path,
        **{key: pod[key] for key in ("host_network", "host_ipc", "host_pid", "share_pid")},
    }


def arguments(spec: ContainerSpec, image: Mapping[str, Any]) -> list[str]:
    """Kubernetes' rule: `command` replaces the entrypoint and its default arguments, `args` the arguments only.

    Source: "Define a Command and Arguments for a Container".
    """
    if spec.command is not None and spec.command:
        result = [*spec.command, *(spec.args or ())]
    else:
        defaults = image.get("Cmd") or ()
        result = [*(image.get("Entrypoint") or ()), *(spec.args if spec.args else defaults)]
    if not result:
        raise RuntimeFailure(f"container {spec.name}: no command specified, and the image {spec.image} has none")
    return result


def environment(spec: ContainerSpec, image: Mapping[str, Any], *, hostname: str) -> dict[str, str]:
    """The image's variables under the spec's, with PATH and HOSTNAME at least."""
    pairs = (text.partition("=") for text in image.get("Env") or ())
    return {"PATH": _DEFAULT_PATH, "HOSTNAME": hostname, **{name: value for name, _, value in pairs}, **spec.env}


def capabilities(security: Security, known: Sequence[str]) -> list[str]:
    """The default set with `ALL` applied first, then single names; dropping wins.

    Raises:
        RuntimeFailure: a name that does not exist.
    """
    if security.privileged:
        return list(known)
    added = [name.upper().removeprefix("CAP_") for name in security.add_capabilities]
    dropped = [name.upper().removeprefix("CAP_") for name in security.drop_capabilities]
    for name in (*added, *dropped):
        if name != "ALL" and name not in known:
            raise RuntimeFailure(f"unknown capability {name}")
    base = set(known) if "ALL" in added else set() if "ALL" in dropped else set(DEFAULT_CAPABILITIES)
    return sorted((base | set(added)) - set(dropped) - {"ALL"})


def stop_signal(image: Mapping[str, Any]) -> int:
    """The signal that asks the image's program to end: `StopSignal`, else SIGTERM."""
    name = str(image.get("StopSignal") or "SIGTERM").upper()
    if name.isdigit():
        return int(name)
    base, plus, offset = name.partition("+")
    full = base if base.startswith("SIG") else f"SIG{base}"
    number = getattr(signal, full, signal.SIGTERM)
    return int(number) + (int(offset) if plus and offset.isdigit() else 0)


def with_pod_files(mounts: Sequence[Mount], pod_files: Sequence[Mount]) -> list[Mount]:
    """The spec's mounts, and the pod's files where it mounts nothing there."""
    taken = {mount.container_path.rstrip("/") for mount in mounts}
    return [*mounts, *(mount for mount in pod_files if mount.container_path not in taken)]


def _mount(mount: Mount) -> dict[str, Any]:
    if mount.propagation not in ("private", "rslave", "rshared"):
        raise RuntimeFailure(f"mount propagation {mount.propagation!r} of {mount.container_path} is not known")
    if not mount.container_path.startswith("/"):
        raise RuntimeFailure(f"mount path {mount.container_path!r} is not absolute")
    return {
        "source": mount.host_path,
        "target": mount.container_path.rstrip("/") or "/",
        "read_only": mount.read_only,
        "propagation": mount.propagation,
    }


def _user(security: Security, image: Mapping[str, Any]) -> dict[str, Any]:
    own = str(image.get("User") or "")
    return {
        "user": own if security.user is None else str(security.user),
        "group": security.group,
        "groups": list(security.supplemental_groups),
    }


def _seccomp(security: Security) -> bool:
    if security.seccomp not in ("RuntimeDefault", "Unconfined"):
        raise RuntimeFailure(
            f"seccomp profile {security.seccomp!r} is not supported by the embedded runtime: "
            "use RuntimeDefault or Unconfined, or a Docker or CRI runtime"
        )
    return security.seccomp == "RuntimeDefault" and not security.privileged


def resolv_conf(spec: SandboxSpec, host: str) -> str:
    """The pod's /etc/resolv.conf; the host's own text where the pod brings nothing."""
    dns = spec.dns
    if not (dns.servers or dns.searches or dns.options):
        return host
    lines = [f"search {' '.join(dns.searches)}"] if dns.searches else []
    lines += [f"nameserver {server}" for server in dns.servers]
    lines += [f"options {' '.join(dns.options)}"] if dns.options else []
    return "".join(f"{line}\n" for line in lines)


def hosts(spec: SandboxSpec, host: str) -> str:
    """The pod's /etc/hosts, for containers into which the kubelet mounts none."""
    if spec.host_network:
        return host
    local = ("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback")
    return "".join(f"{line}\n" for line in local)
