"""Moves the shim out of the service that started it, so that stopping the service does not kill every pod.

An init system such as systemd ends a service by killing everything in its control group (version 2, or the named
hierarchy `name=systemd` of version 1). Where the group is the root already, there is nothing to leave.
"""

from __future__ import annotations

import os


class Home:
    """Where the shim came from, and the way back.

    Args:
        group: the shim's own group, like `/hyperpy/shim-1`.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._left: list[tuple[str, str]] = []

    def leave(self, mountinfo: str, own_groups: str) -> None:
        """Move to the shim's own group. What the host forbids is left as it is.

        Args:
            mountinfo, own_groups: texts of /proc/self/mountinfo and /proc/self/cgroup.
        """
        for mount, old in services(mountinfo, own_groups):
            try:
                os.makedirs(f"{mount}{self._group}", exist_ok=True)
                _move(f"{mount}{self._group}")
            except OSError:
                continue
            self._left.append((mount, old))

    def return_home(self) -> None:
        """Move back and remove the shim's own groups."""
        for mount, old in self._left:
            try:
                _move(f"{mount}{old}")
            except OSError:
                # The service is gone meanwhile.
                _move(mount)
            os.rmdir(f"{mount}{self._group}")
            try:
                os.rmdir(f"{mount}{os.path.dirname(self._group)}")
            except OSError:
                # Another shim is in there too.
                pass


def services(mountinfo: str, own_groups: str) -> list[tuple[str, str]]:
    """The mount point and this process's group of every hierarchy that an init system kills by."""
    groups = {}
    for line in own_groups.splitlines():
        _, names, path = line.split(":", 2)
        groups[names] = path
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split()[:3]
        name = "" if kind == "cgroup2" else "name=systemd"
        if kind in ("cgroup", "cgroup2") and (not name or name in options.split(",")) and groups.get(name, "/") != "/":
            found.append((before.split()[4], groups[name]))
    return found


def _move(directory: str) -> None:
    with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as file:
        file.write("0")
