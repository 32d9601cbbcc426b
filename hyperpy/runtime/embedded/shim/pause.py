"""The program that keeps a pod's namespaces alive: a static ELF file of about 130 bytes that only waits.

It is started with SIGCHLD ignored and every signal blocked, and both outlive exec: so the kernel reaps its children
(it is process 1 of a pod with a shared pid namespace), and only SIGKILL ends it.
"""

from __future__ import annotations

import os
import struct

from hyperpy.linux import syscalls

_LOAD_ADDRESS = 0x400000
_HEADERS_BYTES = 64 + 56
_MACHINES = {
    # mov eax, 34 (pause); syscall; jmp to the start
    "x86_64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    # movz x8, 73 (ppoll); x0..x3 = 0; svc 0; b to the start
    "aarch64": (183, struct.pack("<7I", 0xD2800928, *range(0xD2800000, 0xD2800004), 0xD4000001, 0x17FFFFFA)),
}


def program(machine: str) -> bytes:
    """The ELF file for `machine` (`x86_64`, `aarch64`)."""
    number, code = _MACHINES[machine]
    entry = _LOAD_ADDRESS + _HEADERS_BYTES
    size = _HEADERS_BYTES + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, number, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    readable_executable = 5
    segment = struct.pack("<IIQQQQQQ", 1, readable_executable, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size, 0x1000)
    return header + segment + code


def install(path: str) -> None:
    """Write the program for this machine to `path`, unless it is there."""
    wanted = program(syscalls.MACHINE)
    try:
        with open(path, "rb") as file:
            if file.read() == wanted:
                return
    except FileNotFoundError:
        pass
    with open(f"{path}.new", "wb") as file:
        file.write(wanted)
    os.chmod(f"{path}.new", 0o555)
    os.replace(f"{path}.new", path)
