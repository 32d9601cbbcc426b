"""The default seccomp filter (RuntimeDefault): which system calls a container may not make, as a BPF program.

The table names what the profile of Docker and containerd (moby/profiles, seccomp/default) does not allow, so what is
not named is allowed up to the newest call that was looked at; newer ones answer ENOSYS, as if the kernel were older.
"""

from __future__ import annotations

import errno
import struct

from hyperpy.linux import syscalls

_NEVER = ""
#: name: (number on x86_64, on aarch64 (-1: has none), the capability that opens it).
_DENIED: dict[str, tuple[int, int, str]] = {
    "_sysctl": (156, -1, _NEVER),
    "acct": (163, 89, "SYS_PACCT"),
    "add_key": (248, 217, _NEVER),
    "afs_syscall": (183, -1, _NEVER),
    "bpf": (321, 280, "BPF"),
    "chroot": (161, 51, "SYS_CHROOT"),
    "clock_settime": (227, 112, "SYS_TIME"),
    "create_module": (174, -1, _NEVER),
    "delete_module": (176, 106, "SYS_MODULE"),
    "fanotify_init": (300, 262, "SYS_ADMIN"),
    "finit_module": (313, 273, "SYS_MODULE"),
    "fsconfig": (431, 431, "SYS_ADMIN"),
    "fsmount": (432, 432, "SYS_ADMIN"),
    "fsopen": (430, 430, "SYS_ADMIN"),
    "fspick": (433, 433, "SYS_ADMIN"),
    "get_kernel_syms": (177, -1, _NEVER),
    "get_mempolicy": (239, 236, "SYS_NICE"),
    "getpmsg": (181, -1, _NEVER),
    "init_module": (175, 105, "SYS_MODULE"),
    "io_uring_enter": (426, 426, _NEVER),
    "io_uring_register": (427, 427, _NEVER),
    "io_uring_setup": (425, 425, _NEVER),
    "ioperm": (173, -1, "SYS_RAWIO"),
    "iopl": (172, -1, "SYS_RAWIO"),
    "kcmp": (312, 272, "SYS_PTRACE"),
    "kexec_file_load": (320, 294, _NEVER),
    "kexec_load": (246, 104, _NEVER),
    "keyctl": (250, 219, _NEVER),
    "lookup_dcookie": (212, 18, "SYS_ADMIN"),
    "lsm_get_self_attr": (459, 459, "SYS_ADMIN"),
    "lsm_list_modules": (461, 461, "SYS_ADMIN"),
    "lsm_set_self_attr": (460, 460, "SYS_ADMIN"),
    "mbind": (237, 235, "SYS_NICE"),
    "migrate_pages": (256, 238, _NEVER),
    "mount": (165, 40, "SYS_ADMIN"),
    "mount_setattr": (442, 442, "SYS_ADMIN"),
    "move_mount": (429, 429, "SYS_ADMIN"),
    "move_pages": (279, 239, _NEVER),
    "nfsservctl": (180, 42, _NEVER),
    "open_by_handle_at": (304, 265, "DAC_READ_SEARCH"),
    "open_tree": (428, 428, "SYS_ADMIN"),
    "open_tree_attr": (467, 467, "SYS_ADMIN"),
    "perf_event_open": (298, 241, "PERFMON"),
    "pidfd_getfd": (438, 438, "SYS_PTRACE"),
    "pivot_root": (155, 41, _NEVER),
    "process_madvise": (440, 440, "SYS_PTRACE"),
    "putpmsg": (182, -1, _NEVER),
    "query_module": (178, -1, _NEVER),
    "quotactl": (179, 60, "SYS_ADMIN"),
    "quotactl_fd": (443, 443, "SYS_ADMIN"),
    "reboot": (169, 142, "SYS_BOOT"),
    "request_key": (249, 218, _NEVER),
    "security": (185, -1, _NEVER),
    "set_mempolicy": (238, 237, "SYS_NICE"),
    "set_mempolicy_home_node": (450, 450, "SYS_NICE"),
    "setdomainname": (171, 162, "SYS_ADMIN"),
    "sethostname": (170, 161, "SYS_ADMIN"),
    "setns": (308, 268, "SYS_ADMIN"),
    "settimeofday": (164, 170, "SYS_TIME"),
    "swapoff": (168, 225, _NEVER),
    "swapon": (167, 224, _NEVER),
    "sysfs": (139, -1, _NEVER),
    "syslog": (103, 116, "SYSLOG"),
    "tuxcall": (184, -1, _NEVER),
    "umount2": (166, 39, "SYS_ADMIN"),
    "unshare": (272, 97, "SYS_ADMIN"),
    "uselib": (134, -1, _NEVER),
    "userfaultfd": (323, 282, _NEVER),
    "ustat": (136, -1, _NEVER),
    "vhangup": (153, 58, "SYS_TTY_CONFIG"),
    "vserver": (236, -1, _NEVER),
}
#: SYS_ADMIN opens these too.
_ALSO_BY_SYS_ADMIN = ("bpf", "perf_event_open", "syslog")
_NEWEST = 467
_CLONE3 = 435
_CLONE = {"x86_64": 56, "aarch64": 220}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_PERSONALITY = {"x86_64": 135, "aarch64": 92}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
#: Namespaces that clone(2) must not make: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_CLONE_NAMESPACES = 0x7E020000
_X32_BIT = 0x40000000
#: AF_ALG, AF_VSOCK: kernel cryptography, and a way to the hypervisor that network namespaces do not bound.
_SOCKET_FAMILIES = (38, 40)
_PERSONALITIES = (0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _GREATER_OR_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16


def program(machine: str, capabilities: frozenset[str]) -> bytes:
    """The filter for a container that may hold these capabilities (names without CAP_)."""
    code = _load(_AT_ARCHITECTURE) + _unless(_EQUAL, _ARCHITECTURE[machine], _KILL_PROCESS) + _load(_AT_NUMBER)
    if machine == "x86_64":
        code += _when(_GREATER_OR_EQUAL, _X32_BIT, _ERRNO | errno.EPERM)
    code += _when(_GREATER_OR_EQUAL, _NEWEST + 1, _ERRNO | errno.ENOSYS)
    for number in denied(machine, capabilities):
        code += _when(_EQUAL, number, _ERRNO | errno.EPERM)
    if "SYS_ADMIN" not in capabilities:
        code += _when(_EQUAL, _CLONE3, _ERRNO | errno.ENOSYS)
        code += _on_argument(_CLONE[machine], _when(_ANY_BIT, _CLONE_NAMESPACES, _ERRNO | errno.EPERM))
    families = b"".join(_when(_EQUAL, family, _ERRNO | errno.EPERM) for family in _SOCKET_FAMILIES)
    code += _on_argument(_SOCKET[machine], families)
    kinds = b"".join(_when(_EQUAL, kind, _ALLOW) for kind in _PERSONALITIES)
    code += _on_argument(_PERSONALITY[machine], kinds + _return(_ERRNO | errno.EPERM))
    return code + _return(_ALLOW)


def denied(machine: str, capabilities: frozenset[str]) -> list[int]:
    """The numbers that always answer EPERM."""
    numbers = []
    for name, (x86_64, aarch64, capability) in _DENIED.items():
        opened = capability in capabilities or (name in _ALSO_BY_SYS_ADMIN and "SYS_ADMIN" in capabilities)
        number = {"x86_64": x86_64, "aarch64": aarch64}[machine]
        if not opened and number >= 0:
            numbers.append(number)
    return sorted(numbers)


def load(capabilities: frozenset[str]) -> None:
    """Install the filter on this process. Needs no_new_privs or CAP_SYS_ADMIN."""
    syscalls.load_seccomp(program(syscalls.MACHINE, capabilities))


def _instruction(code: int, value: int, *, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, on_true, on_false, value)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _return(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _when(test: int, value: int, action: int) -> bytes:
    return _instruction(test, value, on_false=1) + _return(action)


def _unless(test: int, value: int, action: int) -> bytes:
    return _instruction(test, value, on_true=1) + _return(action)


def _on_argument(number: int, tests: bytes) -> bytes:
    """For one call: test its first argument, and allow it when no test ended the matter."""
    body = _load(_AT_FIRST_ARGUMENT) + tests + _return(_ALLOW)
    return _instruction(_EQUAL, number, on_false=len(body) // 8) + body
