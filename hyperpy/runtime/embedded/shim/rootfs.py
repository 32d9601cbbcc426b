"""The file system of a container: overlay root, kernel file systems, devices, volumes, masked paths.

Runs in the forked child. Volumes are taken as detached mounts while the host's tree is still the root; everything else
happens after pivot_root, so that no symbolic link of an image or a volume can lead out of the container.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from hyperpy.linux import syscalls
from hyperpy.linux.syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SLAVE

#: As containerd's default spec has them.
MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

_NODES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
    "core": "/proc/kcore",
}
_PROPAGATION = {"private": syscalls.MS_PRIVATE, "rslave": MS_SLAVE, "rshared": 0}
_QUIET = MS_NOSUID | MS_NODEV | MS_NOEXEC


class Volume:
    """A detached mount on its way to `target`."""

    __slots__ = ("is_directory", "target", "tree")

    def __init__(self, tree: int, target: str, *, is_directory: bool) -> None:
        self.tree = tree
        self.target = target
        self.is_directory = is_directory


def take_volumes(mounts: list[dict[str, Any]]) -> list[Volume]:
    """Detach a copy of every volume, in the host's mount namespace. A host directory that is missing is made.

    Raises:
        OSError: a source cannot be used; the message names it.
    """
    volumes = []
    for mount in mounts:
        source = mount["source"]
        if not os.path.lexists(source):
            os.makedirs(source, exist_ok=True)
        tree = syscalls.open_tree(source)
        propagation = _PROPAGATION[mount["propagation"]]
        if mount["read_only"] or propagation:
            syscalls.shape_tree(tree, read_only=mount["read_only"], propagation=propagation)
        is_directory = stat.S_ISDIR(os.fstat(tree).st_mode)
        volumes.append(Volume(tree, mount["target"], is_directory=is_directory))
    return volumes


def host_devices() -> list[tuple[str, int, int]]:
    """Path below /dev, mode and number of every device of the host, for privileged containers."""
    found = []
    for directory, folders, names in os.walk("/dev"):
        folders[:] = [name for name in folders if os.path.join(directory, name) not in ("/dev/pts", "/dev/shm")]
        for name in names:
            path = os.path.join(directory, name)
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
                found.append((os.path.relpath(path, "/dev"), status.st_mode, status.st_rdev))
    return found


def enter(bundle: dict[str, Any], layers_directory: str) -> None:
    """Mount the overlay and make it the root. Needs a mount namespace of its own.

    Relative paths keep the options of many layers within the one page that mount(2) takes.
    """
    syscalls.mount("", "/", flags=MS_SLAVE | MS_REC)
    os.chdir(layers_directory)
    own = os.path.relpath(bundle["directory"], layers_directory)
    lower = ":".join(bundle["layers"]) or f"{own}/empty"
    options = f"lowerdir={lower},upperdir={own}/upper,workdir={own}/work"
    # Device nodes inside an image or a volume are of no use to a container; those of /dev come by a mount of their own.
    flags = 0 if bundle["privileged"] else MS_NODEV
    syscalls.mount("overlay", f"{own}/rootfs", kind="overlay", flags=flags, data=options)
    os.chdir(f"{own}/rootfs")
    syscalls.pivot_root()


def furnish(bundle: dict[str, Any], volumes: list[Volume], *, cgroup_mounts: dict[str, str]) -> None:
    """Fill the new root: kernel file systems, devices, volumes; then close what must not be seen or changed."""
    os.umask(0)
    privileged = bundle["privileged"]
    _mount_new("proc", "/proc", "proc", _QUIET)
    _mount_new("sysfs", "/sys", "sysfs", _QUIET | (0 if privileged else MS_RDONLY))
    _mount_cgroups(cgroup_mounts, read_only=not privileged)
    _make_dev(bundle["host_devices"])
    targets = {volume.target for volume in volumes}
    if "/dev/mqueue" not in targets:
        _mount_new("mqueue", "/dev/mqueue", "mqueue", _QUIET)
    os.umask(0o022)
    for volume in volumes:
        _attach(volume)
    if not privileged:
        for path in MASKED:
            _mask(path)
        for path in READ_ONLY:
            _freeze(path)
    if bundle["read_only_root"]:
        _ensure(bundle["cwd"], is_directory=True)
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | (0 if privileged else MS_NODEV)
        syscalls.mount("", "/", flags=flags)


def _mount_new(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _ensure(target, is_directory=True)
    syscalls.mount(source, target, kind=kind, flags=flags, data=data)


def _mount_cgroups(mounts: dict[str, str], *, read_only: bool) -> None:
    """Show a container its own groups, where programs look for their limits. `mounts`: folder name to options."""
    flags = _QUIET | (MS_RDONLY if read_only else 0)
    if not os.path.isdir("/sys/fs/cgroup") or not mounts:
        return
    if list(mounts) == [""]:
        syscalls.mount("cgroup2", "/sys/fs/cgroup", kind="cgroup2", flags=flags)
        return
    syscalls.mount("cgroup", "/sys/fs/cgroup", kind="tmpfs", flags=_QUIET, data="mode=755,size=64k")
    for name, options in mounts.items():
        os.mkdir(f"/sys/fs/cgroup/{name}")
        syscalls.mount("cgroup", f"/sys/fs/cgroup/{name}", kind="cgroup", flags=flags, data=options)
    if read_only:
        syscalls.mount("", "/sys/fs/cgroup", flags=MS_REMOUNT | MS_BIND | _QUIET | MS_RDONLY)


def _make_dev(host: list[tuple[str, int, int]]) -> None:
    _mount_new("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64m")
    for name, (major, minor) in _NODES.items():
        os.mknod(f"/dev/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
    for name, link in _LINKS.items():
        os.symlink(link, f"/dev/{name}")
    for name, mode, number in host:
        path = f"/dev/{name}"
        if not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            os.mknod(path, mode, number)
    options = "newinstance,ptmxmode=0666,mode=0620,gid=5"
    _mount_new("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)


def _attach(volume: Volume) -> None:
    try:
        _ensure(volume.target, is_directory=volume.is_directory)
        syscalls.attach_tree(volume.tree, volume.target)
    except OSError as error:
        raise OSError(error.errno, f"cannot mount a volume at {volume.target}: {error.strerror}") from error
    finally:
        os.close(volume.tree)


def _ensure(target: str, *, is_directory: bool) -> None:
    """Make a mount point where there is none, also where a link points to nothing yet."""
    target = os.path.realpath(target)
    if os.path.exists(target):
        return
    if is_directory:
        os.makedirs(target, mode=0o755, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _mask(path: str) -> None:
    """Hide a file behind /dev/null and a directory behind an empty read-only one."""
    try:
        status = os.stat(path)
    except OSError:
        return
    if stat.S_ISDIR(status.st_mode):
        syscalls.mount("tmpfs", path, kind="tmpfs", flags=MS_RDONLY | _QUIET, data="size=0k")
    else:
        syscalls.mount("/dev/null", path, flags=MS_BIND)


def _freeze(path: str) -> None:
    if os.path.lexists(path):
        syscalls.mount(path, path, flags=MS_BIND | MS_REC)
        syscalls.mount("", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | _QUIET)
