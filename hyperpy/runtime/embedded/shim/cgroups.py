"""Control groups, version 1, 2 or both: find what the host offers, make groups, set limits, read use, end them.

A group is a path like `/hyperpy/POD/CONTAINER`; it is made in every hierarchy that holds a controller we use, and in
the version 2 hierarchy even when that holds none of them, because only there can a group be killed in one step.
"""

from __future__ import annotations

import os
import signal
from typing import Any

CONTROLLERS = ("cpu", "cpuacct", "memory", "pids", "devices")
_V2_CONTROLLERS = ("cpu", "memory", "pids")
_PERIOD_US = 100_000
_MIN_QUOTA_US = 1_000


class Hierarchies:
    """Where groups live on this host.

    Args:
        v1: mount point by version 1 controller.
        v2: mount point of the version 2 hierarchy, "" for none.
        v2_controllers: controllers that the version 2 hierarchy holds.
    """

    def __init__(self, v1: dict[str, str], v2: str, v2_controllers: frozenset[str]) -> None:
        self.v1 = v1
        self.v2 = v2
        self.v2_controllers = v2_controllers

    @property
    def mounts(self) -> list[str]:
        """Every mount point once."""
        return list(dict.fromkeys([*self.v1.values(), *([self.v2] if self.v2 else [])]))

    def controls(self, controller: str) -> bool:
        """Whether some hierarchy holds the controller."""
        return controller in self.v1 or controller in self.v2_controllers

    def file(self, controller: str, group: str, name: str) -> str:
        """The path of a version 1 control file."""
        return f"{self.v1[controller]}{group}/{name}"


def discover(mountinfo: str) -> Hierarchies:
    """Read a mountinfo table and, for version 2, which controllers its root offers."""
    v1: dict[str, str] = {}
    v2, v2_controllers = "", frozenset[str]()
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")
        kind, _, options = after.split()[:3]
        if kind == "cgroup":
            v1.update({name: point for name in options.split(",") if name in CONTROLLERS})
        elif kind == "cgroup2" and not v2:
            v2 = point
            v2_controllers = frozenset(_read(f"{point}/cgroup.controllers").split())
    return Hierarchies(v1, v2, v2_controllers - set(v1))


def usable(hierarchies: Hierarchies, base: str) -> tuple[Hierarchies, list[str]]:
    """Drop hierarchies in which no group can be made; the second value says in sentences what is lost."""
    refused = {}
    for mount in hierarchies.mounts:
        try:
            os.makedirs(f"{mount}{base}", exist_ok=True)
        except OSError as error:
            refused[mount] = error.strerror or str(error)
    v1 = {name: mount for name, mount in hierarchies.v1.items() if mount not in refused}
    v2 = "" if hierarchies.v2 in refused else hierarchies.v2
    held = frozenset(hierarchies.v2_controllers) if v2 else frozenset[str]()
    left = Hierarchies(v1, v2, held)
    if v2 and held:
        left = Hierarchies(v1, v2, frozenset(name for name in held if _enable(v2, name)))
    return left, _losses(left, refused)


def _losses(left: Hierarchies, refused: dict[str, str]) -> list[str]:
    why = f" ({'; '.join(f'{mount}: {text}' for mount, text in refused.items())})" if refused else ""
    effects = {
        "memory": "memory limits are not enforced and out-of-memory kills are not told apart",
        "cpu": "CPU limits and shares are not enforced",
        "pids": "limits of the number of processes are not enforced",
    }
    return [
        f"The host offers no {name} cgroup controller, so {effect}{why}."
        for name, effect in effects.items()
        if not left.controls(name)
    ]


def _enable(v2: str, controller: str) -> bool:
    """Hand a controller to the children of the version 2 root."""
    control = f"{v2}/cgroup.subtree_control"
    if controller in _read(control).split():
        return True
    try:
        _write(control, f"+{controller}")
    except OSError:
        # Inside a container the visible root may hold processes, which forbids it: move them to a leaf first.
        try:
            leaf = f"{v2}/init"
            os.makedirs(leaf, exist_ok=True)
            for pid in _read(f"{v2}/cgroup.procs").split():
                _try_write(f"{leaf}/cgroup.procs", pid)
            _write(control, f"+{controller}")
        except OSError:
            return False
    return True


def make(hierarchies: Hierarchies, group: str) -> None:
    """Make the group and its parents in every hierarchy.

    Raises:
        OSError: the host refuses.
    """
    for mount in hierarchies.mounts:
        os.makedirs(f"{mount}{group}", exist_ok=True)
    wanted = " ".join(f"+{name}" for name in _V2_CONTROLLERS if name in hierarchies.v2_controllers)
    if wanted:
        parts = group.strip("/").split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            _write(f"{hierarchies.v2}/{'/'.join(parts[:depth])}/cgroup.subtree_control", wanted)


def limit(hierarchies: Hierarchies, group: str, resources: dict[str, Any]) -> list[str]:
    """Set the limits; a limit that the host refuses is left out and told in the returned sentences."""
    refused = []
    for path, value in _settings(hierarchies, group, resources):
        try:
            _write(path, value)
        except OSError as error:
            # Swap accounting may be off, and then there is nothing to limit.
            if "memsw" not in path and "swap" not in path and "oom.group" not in path:
                refused.append(f"cannot set {os.path.basename(path)} to {value}: {error.strerror}")
    return refused


def _settings(hierarchies: Hierarchies, group: str, resources: dict[str, Any]) -> list[tuple[str, str]]:
    """Which control file gets which value. The weight formula is KEP-2254's."""
    shares, millis = resources.get("cpu_shares", 0), resources.get("cpu_limit_millis", 0)
    memory, pids = resources.get("memory_limit_bytes", 0), resources.get("pids_limit", 0)
    quota = max(_MIN_QUOTA_US, millis * _PERIOD_US // 1000)
    v1 = [
        ("memory", "memory.limit_in_bytes", memory, str(memory)),
        ("memory", "memory.memsw.limit_in_bytes", memory, str(memory)),
        ("cpu", "cpu.shares", shares, str(shares)),
        ("cpu", "cpu.cfs_period_us", millis, str(_PERIOD_US)),
        ("cpu", "cpu.cfs_quota_us", millis, str(quota)),
        ("pids", "pids.max", pids, str(pids)),
    ]
    v2 = [
        ("memory", "memory.max", memory, str(memory)),
        ("memory", "memory.swap.max", memory, "0"),
        ("memory", "memory.oom.group", memory, "1"),
        ("cpu", "cpu.weight", shares, str(1 + (max(2, min(262144, shares)) - 2) * 9999 // 262142)),
        ("cpu", "cpu.max", millis, f"{quota} {_PERIOD_US}"),
        ("pids", "pids.max", pids, str(pids)),
    ]
    settings = [
        (hierarchies.file(name, group, file), value) for name, file, on, value in v1 if on and name in hierarchies.v1
    ]
    return settings + [
        (f"{hierarchies.v2}{group}/{file}", value)
        for name, file, on, value in v2
        if on and name in hierarchies.v2_controllers
    ]


def view(hierarchies: Hierarchies) -> dict[str, str]:
    """What to mount below /sys/fs/cgroup in a container: folder to mount options; {"": ""} is a version 2 root."""
    if not hierarchies.v1:
        return {"": ""} if hierarchies.v2_controllers else {}
    together: dict[str, list[str]] = {}
    for name, mount in hierarchies.v1.items():
        together.setdefault(mount, []).append(name)
    return {",".join(names): ",".join(names) for names in together.values()}


def join(hierarchies: Hierarchies, group: str) -> None:
    """Move this process into the group."""
    for mount in hierarchies.mounts:
        _write(f"{mount}{group}/cgroup.procs", "0")


def kill(hierarchies: Hierarchies, group: str) -> None:
    """SIGKILL every process of the group."""
    if not group.strip("/"):
        raise ValueError("the root group is everybody's")
    if hierarchies.v2 and _try_write(f"{hierarchies.v2}{group}/cgroup.kill", "1"):
        return
    for pid in members(hierarchies, group):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def members(hierarchies: Hierarchies, group: str) -> list[int]:
    """The process ids in the group, as one hierarchy sees them."""
    if not hierarchies.mounts:
        return []
    return [int(pid) for pid in _read(f"{hierarchies.mounts[0]}{group}/cgroup.procs").split()]


def remove(hierarchies: Hierarchies, group: str) -> bool:
    """Remove the group everywhere; False when something still lives in it (try again soon)."""
    gone = True
    for mount in hierarchies.mounts:
        try:
            os.rmdir(f"{mount}{group}")
        except FileNotFoundError:
            pass
        except OSError:
            gone = False
    return gone


def oom_kills(hierarchies: Hierarchies, group: str) -> int:
    """How many processes of the group the kernel killed for want of memory."""
    if "memory" in hierarchies.v1:
        return _field(_read(hierarchies.file("memory", group, "memory.oom_control")), "oom_kill")
    return _field(_read(f"{hierarchies.v2}{group}/memory.events"), "oom_kill") if hierarchies.v2 else 0


def usage(hierarchies: Hierarchies, group: str) -> tuple[int, int] | None:
    """CPU nanoseconds and working set bytes (without the inactive file cache, as cAdvisor counts); None if unknown."""
    if "cpuacct" in hierarchies.v1 and "memory" in hierarchies.v1:
        cpu = _read(hierarchies.file("cpuacct", group, "cpuacct.usage"))
        used = _read(hierarchies.file("memory", group, "memory.usage_in_bytes"))
        idle = _field(_read(hierarchies.file("memory", group, "memory.stat")), "total_inactive_file")
        return (int(cpu), max(0, int(used) - idle)) if cpu and used else None
    if "memory" in hierarchies.v2_controllers:
        path = f"{hierarchies.v2}{group}"
        used = _read(f"{path}/memory.current")
        cpu_ns = _field(_read(f"{path}/cpu.stat"), "usage_usec") * 1000
        idle = _field(_read(f"{path}/memory.stat"), "inactive_file")
        return (cpu_ns, max(0, int(used) - idle)) if used else None
    return None


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _write(path: str, value: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, value.encode())
    finally:
        os.close(handle)


def _try_write(path: str, value: str) -> bool:
    try:
        _write(path, value)
    except OSError:
        return False
    return True
