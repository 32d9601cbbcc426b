"""Who a process in a container is and what it may: user, groups, capabilities, no_new_privs, seccomp.

Runs in the forked child, inside the container's root, as the last steps before exec. The order matters: the bounding
set is dropped while the process is still root, and the filter is loaded while that still needs no no_new_privs.
"""

from __future__ import annotations

import os
from typing import Any

from hyperpy.linux import syscalls
from hyperpy.runtime.embedded.shim import seccomp

#: In the kernel's order: the position is the bit.
_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
CAPABILITIES = tuple(_NAMES.split())


class NoSuchUser(Exception):
    """The image does not know the user or group that was asked for."""


class Identity:
    """Resolved ids. `home` is "" when the user has no entry."""

    __slots__ = ("gid", "groups", "home", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home


def find_identity(wanted: dict[str, Any], passwd: str, group: str) -> Identity:
    """Resolve a user as container runtimes do.

    Args:
        wanted: `user` ("name", "uid", "name:group", ...; "" is root), `group` (a gid or None), `groups` (extra gids).
        passwd: the text of the image's /etc/passwd.
        group: the text of its /etc/group.
    Raises:
        NoSuchUser: a name that the image does not have.
    """
    user, _, group_name = str(wanted.get("user") or "0").partition(":")
    entry = _find_entry(passwd, user)
    if entry is None and not user.isdigit():
        raise NoSuchUser(f"unable to find user {user}: no matching entries in passwd file")
    uid = int(entry[2]) if entry else int(user)
    name = entry[0] if entry else ""
    gid = int(entry[3]) if entry else 0
    if group_name:
        found = _find_entry(group, group_name)
        if found is None and not group_name.isdigit():
            raise NoSuchUser(f"unable to find group {group_name}: no matching entries in group file")
        gid = int(found[2]) if found else int(group_name)
    if wanted.get("group") is not None:
        gid = int(wanted["group"])
    groups = list(wanted.get("groups", ()))
    if not group_name and name:
        groups += _memberships(group, name)
    return Identity(uid, gid, sorted({gid, *groups}), entry[5] if entry else "")


def _find_entry(table: str, wanted: str) -> list[str] | None:
    """By name, else by number. Lines that are too short are passed over."""
    lines = [line.split(":") for line in table.splitlines()]
    for fields in lines:
        if fields[0] == wanted and len(fields) >= 3:
            return (fields + [""] * 7)[:7] if fields[2].isdigit() else None
    for fields in lines:
        if len(fields) >= 3 and fields[2] == wanted:
            padded = (fields + [""] * 7)[:7]
            padded[3] = padded[3] if padded[3].isdigit() else "0"
            return padded
    return None


def _memberships(table: str, name: str) -> list[int]:
    rows = [line.split(":") for line in table.splitlines()]
    return [int(row[2]) for row in rows if len(row) >= 4 and row[2].isdigit() and name in row[3].split(",")]


def drop(identity: Identity, capabilities: frozenset[str], *, no_new_privileges: bool, filtered: bool) -> None:
    """Become that user with at most these capabilities.

    Raises:
        OSError: the kernel refuses a step.
    """
    bits = 0
    for number, name in enumerate(CAPABILITIES):
        if name in capabilities:
            bits |= 1 << number
        else:
            _drop_from_bounding_set(number)
    if filtered:
        seccomp.load(capabilities)
    os.setgroups(identity.groups)
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
    if identity.uid == 0:
        syscalls.capset(bits & _held())
    if no_new_privileges:
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def _drop_from_bounding_set(number: int) -> None:
    try:
        syscalls.prctl(syscalls.PR_CAPBSET_DROP, number)
    except OSError:
        # A kernel older than this capability does not know it, so there is nothing to drop.
        if number < CAPABILITIES.index("PERFMON"):
            raise


def _held() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("CapPrm:"):
                return int(line.split()[1], 16)
    return 0
