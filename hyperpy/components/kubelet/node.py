"""The Node object of this kubelet, as a value. Pure.

Source: the API reference of Node; "Node Status"; "Well-Known Labels".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperpy import KUBERNETES_VERSION
from hyperpy.api import meta
from hyperpy.components.kubelet.machine import Machine
from hyperpy.runtime.protocol import Image, RuntimeInfo

Obj = dict[str, Any]

#: How many images a Node tells of, the largest first. Source: kubelet, nodeStatusMaxImages.
MAX_IMAGES = 50


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a Node's status tells.

    Args:
        port: of the kubelet's server.
        not_ready: why no pod can run here now; `""`: they can.
    """

    name: str
    machine: Machine
    runtime: RuntimeInfo
    ips: Sequence[str]
    port: int
    max_pods: int
    labels: Mapping[str, str] = field(default_factory=dict)
    images: Sequence[Image] = ()
    not_ready: str = ""
    pod_cidr: str = ""


def node(state: NodeState, *, now: float) -> Obj:
    """The whole object, for registration."""
    spec = {"podCIDR": state.pod_cidr, "podCIDRs": [state.pod_cidr]} if state.pod_cidr else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": state.name, "labels": labels(state)},
        "spec": spec,
        "status": status(state, old={}, now=now),
    }


def labels(state: NodeState) -> dict[str, str]:
    """The labels every node has, and those of the command line."""
    machine = state.machine
    return {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": machine.os,
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": state.name,
        "kubernetes.io/os": machine.os,
        **state.labels,
    }


def resources(machine: Machine, *, max_pods: int) -> dict[str, str]:
    """What pods can use: all of the machine."""
    return {
        "cpu": str(machine.cpus),
        "ephemeral-storage": f"{machine.disk_bytes // 1024}Ki",
        "memory": f"{machine.memory_bytes // 1024}Ki",
        "pods": str(max_pods),
    }


def status(state: NodeState, *, old: Obj, now: float) -> Obj:
    """The status; `old` is the one in the API, from which the times of transition are kept."""
    machine = state.machine
    amounts = resources(machine, max_pods=state.max_pods)
    return {
        "capacity": amounts,
        "allocatable": dict(amounts),
        "addresses": [
            *({"type": "InternalIP", "address": ip} for ip in state.ips),
            {"type": "Hostname", "address": state.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": state.port}},
        "nodeInfo": {
            "machineID": machine.machine_id,
            "systemUUID": machine.system_uuid,
            "bootID": machine.boot_id,
            "kernelVersion": machine.kernel,
            "osImage": machine.os_image,
            "containerRuntimeVersion": f"{state.runtime.name}://{state.runtime.version}",
            "kubeletVersion": KUBERNETES_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": machine.os,
            "architecture": machine.architecture,
        },
        "images": _images(state.images),
        "conditions": _conditions(state, old.get("conditions") or (), now=now),
    }


def _images(images: Sequence[Image]) -> list[Obj]:
    largest = sorted(images, key=lambda image: image.size_bytes, reverse=True)[:MAX_IMAGES]
    return [{"names": list(image.tags), "sizeBytes": image.size_bytes} for image in largest if image.tags]


def _conditions(state: NodeState, old: Sequence[Obj], *, now: float) -> list[Obj]:
    found = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ]
    if state.runtime.conditions:
        # Our own type: what this host forbids, so that nobody takes a limit for enforced that is not.
        found.append(("RuntimeRestricted", "True", "HostForbids", " ".join(state.runtime.conditions)))
    if state.not_ready:
        found.append(("Ready", "False", "KubeletNotReady", state.not_ready))
    else:
        found.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    stamp = meta.timestamp(now)
    conditions = []
    for kind, value, reason, message in found:
        before = meta.find_condition(old, kind) or {}
        since = before.get("lastTransitionTime") if before.get("status") == value else None
        conditions.append(
            {
                "type": kind,
                "status": value,
                "lastHeartbeatTime": stamp,
                "lastTransitionTime": since or stamp,
                "reason": reason,
                "message": message,
            }
        )
    return conditions
