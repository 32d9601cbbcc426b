"""Names the fields of a Pod that this kubelet would have to ignore: it refuses them instead. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Obj = dict[str, Any]

VOLUME_TYPES = ("emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "projected")
PROJECTED_TYPES = ("configMap", "secret", "downwardAPI", "serviceAccountToken")


#: Sysctls that stay inside a pod's own namespaces. Source: "Using sysctls in a Kubernetes Cluster", the safe set.
SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    )
)


def unsupported(pod: Obj) -> list[str]:
    """Every field that is set and cannot be kept, as `path: why`. Empty: the Pod can run."""
    return [*_pod_fields(pod["spec"]), *_volumes(pod["spec"]), *_containers(pod)]


def _pod_fields(spec: Obj) -> Iterator[str]:
    if spec.get("hostUsers") is False:
        yield "spec.hostUsers: user namespaces are not supported"
    if spec.get("runtimeClassName"):
        yield f'spec.runtimeClassName: RuntimeClass "{spec["runtimeClassName"]}" has no handler on this node'
    for name in ("resourceClaims", "resources", "hostnameOverride"):
        if spec.get(name):
            yield f"spec.{name} is not supported"
    if (spec.get("os") or {}).get("name", "linux") != "linux":
        yield f"spec.os.name: this is a linux node, not {spec['os']['name']}"
    context = spec.get("securityContext") or {}
    for sysctl in context.get("sysctls") or ():
        if sysctl["name"].replace("/", ".") not in SAFE_SYSCTLS:
            yield f'spec.securityContext.sysctls: forbidden sysctl: "{sysctl["name"]}" not allowlisted'
    yield from _security("spec.securityContext", context)


def _security(where: str, context: Obj) -> Iterator[str]:
    for name in ("seLinuxOptions", "windowsOptions"):
        if context.get(name):
            yield f"{where}.{name} is not supported"
    for name in ("seccompProfile", "appArmorProfile"):
        if (context.get(name) or {}).get("type") == "Localhost":
            yield f"{where}.{name}: type Localhost is not supported"
    if context.get("procMount") not in (None, "Default"):
        yield f"{where}.procMount: only Default is supported"


def _volumes(spec: Obj) -> Iterator[str]:
    for index, volume in enumerate(spec.get("volumes") or ()):
        kinds = [key for key in volume if key != "name"]
        if any(kind not in VOLUME_TYPES for kind in kinds):
            names = ", ".join(kind for kind in kinds if kind not in VOLUME_TYPES)
            yield f'spec.volumes[{index}].{names} (volume "{volume["name"]}"): this volume type is not supported'
        for at, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            for kind in source:
                if kind not in PROJECTED_TYPES:
                    yield f"spec.volumes[{index}].projected.sources[{at}].{kind} is not supported"


def ephemeral(container: Obj) -> list[str]:
    """The same of an ephemeral container, which cannot hold up the Pod that it joins."""
    return [f"ephemeral container {container['name']}: {problem}" for problem in _container(container)]


def _containers(pod: Obj) -> Iterator[str]:
    spec = pod["spec"]
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        where = f"container {container['name']}: "
        for problem in _container(container):
            yield where + problem
    for container in spec.get("containers") or ():
        if container.get("restartPolicy"):
            yield f"container {container['name']}: restartPolicy of a single container is not supported"


def _container(container: Obj) -> Iterator[str]:
    for name in ("volumeDevices", "restartPolicyRules"):
        if container.get(name):
            yield f"{name} is not supported"
    resources = container.get("resources") or {}
    if resources.get("claims"):
        yield "resources.claims is not supported"
    for name in resources.get("limits") or {}:
        if name not in ("cpu", "memory", "ephemeral-storage"):
            yield f"resources.limits[{name}]: this node has no such resource"
    for variable in container.get("env") or ():
        if "fileKeyRef" in (variable.get("valueFrom") or {}):
            yield f"env {variable['name']}: valueFrom.fileKeyRef is not supported"
    for mount in container.get("volumeMounts") or ():
        if mount.get("recursiveReadOnly") not in (None, "Disabled", "IfPossible"):
            yield f"volumeMounts {mount['mountPath']}: recursiveReadOnly {mount['recursiveReadOnly']} is not supported"
    if (container.get("lifecycle") or {}).get("stopSignal"):
        yield "lifecycle.stopSignal is not supported; the image's own stop signal is used"
    yield from _security("securityContext", container.get("securityContext") or {})
