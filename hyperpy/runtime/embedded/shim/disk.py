"""What the shim keeps on disk so that another shim can take over, and how it knows a process again."""

from __future__ import annotations

import json
import os
from typing import Any


def write(path: str, value: dict[str, Any]) -> None:
    """Replace a JSON file in one step."""
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(temporary, path)


def read(path: str) -> dict[str, Any] | None:
    """A JSON file; None when it is not there or broken."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def start_time(pid: int) -> int:
    """When the process started, in the kernel's ticks since boot; 0 when there is none. A pid with it is unique."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    # Field 22 of proc(5); a zombie has ended.
    return 0 if fields[0] == b"Z" else int(fields[19])


def boot_id() -> str:
    """Changes with every start of the kernel, after which no process id means anything."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def open_process(pid: int, started: int) -> int:
    """A pidfd of exactly that process, -1 when it has ended."""
    if pid <= 0:
        return -1
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return -1
    if start_time(pid) == started:
        return handle
    os.close(handle)
    return -1
