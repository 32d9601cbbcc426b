"""System calls by ctypes: mounts, namespaces, capabilities, seccomp, bpf. Standard library only, safe after fork.

Every function raises OSError with what was tried in the message. The numbers are those of x86_64 and aarch64.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct

MACHINE = os.uname().machine

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOVE_MOUNT_T_SYMLINKS = 0x10
_MOUNT_ATTR_RDONLY = 1
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_SECCOMP_SET_MODE_FILTER = 1
_CLOSE_RANGE_CLOEXEC = 4
_CAPABILITY_VERSION_3 = 0x20080522

# Old calls have a number of their own on each machine; newer ones the same on all.
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "seccomp": 317, "bpf": 321},
    "aarch64": {"pivot_root": 41, "capset": 91, "seccomp": 277, "bpf": 280},
}
_PIDFD_GET_INFO, _PIDFD_INFO_EXIT = 0xC040FF0B, 8
_OPEN_TREE, _MOVE_MOUNT, _CLOSE_RANGE, _OPENAT2, _MOUNT_SETATTR = 428, 429, 436, 437, 442

_libc = ctypes.CDLL(None, use_errno=True)


def supported() -> bool:
    """Whether this machine's call numbers are known."""
    return MACHINE in _NUMBERS


def mount(source: str, target: str, *, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2). `target` is followed through symbolic links: mount inside a container only after pivot_root."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        os.fsencode(data) if data else None,
    )
    _check(result, f"mount {kind or 'bind'} on {target}")


def unmount(target: str, *, flags: int = MNT_DETACH) -> None:
    """umount2(2), lazily unless told."""
    _check(_libc.umount2(os.fsencode(target), flags), f"unmount {target}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones; a new pid namespace begins with the next child."""
    _check(_libc.unshare(flags), "make namespaces")


def setns(handle: int, flags: int) -> None:
    """Enter a namespace (its own file) or several of a process (a pidfd and CLONE flags, Linux 5.8)."""
    _check(_libc.setns(handle, flags), "enter namespaces")


def pivot_root() -> None:
    """Make the working directory, which is a mount, the root, and let go of the old root."""
    _syscall(_numbers()["pivot_root"], "change the root", b".", b".")
    unmount(".")
    os.chdir("/")


def open_tree(path: str) -> int:
    """A detached copy of the mounts at and below `path` (Linux 5.2); the caller closes the descriptor."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    return _syscall(_OPEN_TREE, f"take the mounts of {path}", _AT_FDCWD, os.fsencode(path), flags)


def shape_tree(tree: int, *, read_only: bool, propagation: int) -> None:
    """Set propagation (an MS_ constant, 0: as it is) and read-only on every mount of a detached tree (Linux 5.12)."""
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY if read_only else 0, 0, propagation, 0)
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    _syscall(_MOUNT_SETATTR, "set mount attributes", tree, b"", flags, attributes, len(attributes))


def attach_tree(tree: int, target: str) -> None:
    """Attach a detached tree at `target`, whose symbolic links are followed."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_SYMLINKS
    _syscall(_MOVE_MOUNT, f"attach mounts at {target}", tree, b"", _AT_FDCWD, os.fsencode(target), flags)


def open_in_root(root: int, path: str, flags: int, mode: int = 0) -> int:
    """Open `path` as if the directory `root` were /: no link in it leads out (Linux 5.6)."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    return _syscall(_OPENAT2, f"open {path}", root, os.fsencode(path), how, len(how))


def close_on_exec(lowest: int) -> None:
    """Let no descriptor from this one on pass an exec (Linux 5.11; before, Python's own care has to do)."""
    try:
        _syscall(_CLOSE_RANGE, "mark descriptors", lowest, 0xFFFFFFFF, _CLOSE_RANGE_CLOEXEC)
    except OSError:
        pass


def prctl(option: int, value: int = 0, extra: int = 0) -> None:
    """prctl(2)."""
    result = _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(extra), ctypes.c_ulong(0), ctypes.c_ulong(0))
    _check(result, f"prctl {option}")


def capset(capabilities: int) -> None:
    """Make permitted and effective exactly this bit set, inheritable empty."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    low, high = capabilities & 0xFFFFFFFF, capabilities >> 32
    _syscall(_numbers()["capset"], "set capabilities", header, struct.pack("=6I", low, low, 0, high, high, 0))


def load_seccomp(program: bytes) -> None:
    """Install a BPF filter (an array of struct sock_filter) on this thread."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    _syscall(_numbers()["seccomp"], "load the seccomp filter", _SECCOMP_SET_MODE_FILTER, 0, header)


def bpf(command: int, attributes: bytes, *, what: str) -> int:
    """bpf(2) with a packed `union bpf_attr`."""
    return _syscall(_numbers()["bpf"], what, command, attributes, len(attributes))


def exit_status(pidfd: int) -> int | None:
    """The wait status of an ended process that is nobody's child here (Linux 6.15); None where it is not told."""
    answer = bytearray(struct.pack("=Q", _PIDFD_INFO_EXIT).ljust(64, b"\0"))
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, answer)
    except OSError:
        return None
    mask, status = struct.unpack_from("=Q", answer)[0], struct.unpack_from("=i", answer, 60)[0]
    return int(status) if mask & _PIDFD_INFO_EXIT else None


def _numbers() -> dict[str, int]:
    return _NUMBERS[MACHINE]


def _syscall(number: int, what: str, *arguments: int | bytes) -> int:
    wide = [ctypes.c_long(item) if isinstance(item, int) else ctypes.c_char_p(item) for item in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *wide), what)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
    return result
