"""What this machine is: read once from /proc and friends, as plain values."""

from __future__ import annotations

import ipaddress
import os
import platform
import socket
from dataclasses import dataclass
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory and disk in bytes; `disk_bytes` is the file system that holds the kubelet's root directory."""

    cpus: int
    memory_bytes: int
    disk_bytes: int
    machine_id: str
    system_uuid: str
    boot_id: str
    kernel: str
    os_image: str
    os: str
    architecture: str


def read(root_dir: Path) -> Machine:
    """Look at the machine."""
    disk = os.statvfs(root_dir)
    return Machine(
        cpus=os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        disk_bytes=disk.f_frsize * disk.f_blocks,
        machine_id=_first_line("/etc/machine-id", "/var/lib/dbus/machine-id"),
        system_uuid=_first_line("/sys/class/dmi/id/product_uuid") or _first_line("/etc/machine-id"),
        boot_id=_first_line("/proc/sys/kernel/random/boot_id"),
        kernel=platform.release(),
        os_image=_os_image(),
        os=platform.system().lower(),
        architecture=architecture(),
    )


def architecture() -> str:
    """The machine's, as Kubernetes names it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def default_ips(node_name: str) -> tuple[str, ...]:
    """The node's address: its name when that is one, else the one that the default route would use."""
    try:
        return (str(ipaddress.ip_address(node_name)),)
    except ValueError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: connecting a datagram socket only asks the routing table.
            probe.connect(("192.0.2.1", 9))
            return (str(probe.getsockname()[0]),)
        except OSError:
            return ("127.0.0.1",)


def may_mount() -> bool:
    """Whether this process may mount: it has CAP_SYS_ADMIN."""
    return has_capability(21)


def has_capability(number: int) -> bool:
    """Whether a capability is in the effective set."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    except OSError:
        pass
    return False


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _first_line(*paths: str) -> str:
    for path in paths:
        try:
            return Path(path).read_text().strip()
        except OSError:
            continue
    return ""


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return platform.system()
