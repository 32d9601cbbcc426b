"""Which device nodes a container may use: the devices controller of cgroup v1, or a BPF program on a v2 group.

A container may make any node (as with runc), but may read and write only the harmless ones.
"""

from __future__ import annotations

import ctypes
import os
import struct

from hyperpy.linux import syscalls
from hyperpy.runtime.embedded.shim import cgroups

#: Character devices by major and minor (-1: all): null, zero, full, random, urandom; tty, console, ptmx; pts/*.
ALLOWED = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, -1))

_PROG_LOAD, _PROG_ATTACH = 5, 8
_TYPE_CGROUP_DEVICE, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI = 15, 6, 2
_CHARACTER, _MKNOD = 2, 1


def restrict(hierarchies: cgroups.Hierarchies, group: str, program: int) -> bool:
    """Hold the group to the allowed devices. `program` is what `load` gave; False when the host has no means."""
    if "devices" in hierarchies.v1:
        return _restrict_v1(hierarchies, group)
    if not hierarchies.v2 or program < 0:
        return False
    target = os.open(f"{hierarchies.v2}{group}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        attributes = struct.pack("=IIII", target, program, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI)
        syscalls.bpf(_PROG_ATTACH, attributes, what="attach the device filter")
    except OSError:
        return False
    finally:
        os.close(target)
    return True


def _restrict_v1(hierarchies: cgroups.Hierarchies, group: str) -> bool:
    rules = [("devices.deny", "a"), ("devices.allow", "c *:* m"), ("devices.allow", "b *:* m")]
    for major, minor in ALLOWED:
        rules.append(("devices.allow", f"c {major}:{'*' if minor < 0 else minor} rwm"))
    try:
        for name, value in rules:
            with open(hierarchies.file("devices", group, name), "w", encoding="ascii") as file:
                file.write(value)
    except OSError:
        return False
    return True


def load() -> int:
    """Load the version 2 program; its descriptor, or -1 when the kernel refuses."""
    code = assemble()
    instructions = ctypes.create_string_buffer(code, len(code))
    license_text = ctypes.create_string_buffer(b"Apache-2.0")
    pointers = (ctypes.addressof(instructions), ctypes.addressof(license_text))
    attributes = struct.pack("=IIQQ", _TYPE_CGROUP_DEVICE, len(code) // 8, *pointers).ljust(64, b"\0")
    try:
        return syscalls.bpf(_PROG_LOAD, attributes, what="load the device filter")
    except OSError:
        return -1


def assemble() -> bytes:
    """The program: 1 for making a node and for the allowed character devices, 0 for all else."""

    def op(code: int, *, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
        return struct.pack("=BBhi", code, source << 4 | to, offset, value)

    load_word, copy, set_to, and_32, shift_32, not_equal, leave = 0x61, 0xBF, 0xB7, 0x54, 0x74, 0x55, 0x95
    allow = op(set_to, value=1) + op(leave)
    code = op(load_word, to=2, source=1)
    code += op(copy, to=3, source=2) + op(and_32, to=3, value=0xFFFF)
    code += op(shift_32, to=2, value=16)
    code += op(load_word, to=4, source=1, offset=4) + op(load_word, to=5, source=1, offset=8)
    code += op(not_equal, to=2, offset=2, value=_MKNOD) + allow
    for major, minor in ALLOWED:
        tests = [(3, _CHARACTER), (4, major)] + ([(5, minor)] if minor >= 0 else [])
        for number, (register, value) in enumerate(tests):
            code += op(not_equal, to=register, offset=len(tests) - number + 1, value=value)
        code += allow
    return code + op(set_to, value=0) + op(leave)
