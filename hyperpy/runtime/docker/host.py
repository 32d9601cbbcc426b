"""What the Docker runtime must know of the host itself: cgroups, and what it forbids."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperpy.runtime.embedded.shim import cgroups
from hyperpy.runtime.protocol import ContainerStats

_CAP_SYS_RESOURCE = 24
_LIMITS = {
    "MemoryLimit": "Memory limits are not enforced.",
    "CpuCfsQuota": "CPU limits are not enforced.",
    "CPUShares": "CPU requests have no weight.",
    "PidsLimit": "Process limits are not enforced.",
}


def restrictions(info: Mapping[str, Any]) -> Sequence[str]:
    """What the engine says its host cannot do, one sentence each."""
    return tuple(text for key, text in _LIMITS.items() if info.get(key) is False)


def lowest_oom_score_adj() -> int:
    """The lowest oom_score_adj that may be set: below 0 only with CAP_SYS_RESOURCE, which some hosts withhold."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:") and int(line.split()[1], 16) >> _CAP_SYS_RESOURCE & 1:
                return -999
    except OSError:
        pass
    return 0


def stats(pids: Mapping[str, int]) -> list[ContainerStats]:
    """CPU and memory of containers, from the cgroup files of their first processes."""
    hierarchies = _hierarchies()
    found = []
    for container_id, pid in pids.items():
        usage = cgroups.usage(hierarchies, _group(pid))
        if usage is not None:
            found.append(ContainerStats(container_id, cpu_ns=usage[0], memory_bytes=usage[1]))
    return found


def _group(pid: int) -> str:
    """The cgroup of a process: in the memory hierarchy, or the one of version 2."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return "/"
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    return paths.get("memory") or paths.get("") or "/"


def remove_cgroup(parent: str) -> None:
    """Remove a pod's own group, which the engine leaves behind (systemd slices go by themselves)."""
    if parent.startswith("/"):
        cgroups.remove(_hierarchies(), parent)


def remove_empty_cgroups() -> None:
    """Remove the groups above the pods' where nothing is left in them."""
    hierarchies = _hierarchies()
    for group in ("/kubepods/besteffort", "/kubepods/burstable", "/kubepods/guaranteed", "/kubepods"):
        cgroups.remove(hierarchies, group)


def _hierarchies() -> cgroups.Hierarchies:
    """Every hierarchy of version 1 as well as version 2: the engine makes its groups in all of them."""
    mountinfo = Path("/proc/self/mountinfo").read_text()
    found = cgroups.discover(mountinfo)
    others = {
        f"#{line.split()[4]}": line.split()[4]
        for line in mountinfo.splitlines()
        if " - cgroup " in line and os.path.isdir(line.split()[4])
    }
    return cgroups.Hierarchies({**found.v1, **others}, found.v2, found.v2_controllers)
