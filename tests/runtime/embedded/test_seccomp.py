"""The default filter, run by a small interpreter of BPF: what it denies, what a capability opens, on both machines."""

import errno
import struct

import pytest

from hyperpy.runtime.embedded.shim import seccomp

ALLOW, KILL = "allow", "kill"
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
DEFAULT = frozenset({"SYS_CHROOT", "CHOWN", "MKNOD"})
ADMIN = frozenset({"SYS_ADMIN"})


def run(program, number, *, audit, argument=0):
    """What the filter answers to a call."""
    data = struct.pack("<IIQ6Q", number, audit, 0, argument, 0, 0, 0, 0, 0)
    at = accumulator = 0
    while True:
        code, on_true, on_false, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            kind = value & 0xFFFF0000
            return ALLOW if kind == 0x7FFF0000 else KILL if kind == 0x80000000 else errno.errorcode[value & 0xFFFF]
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += on_true if holds else on_false


@pytest.mark.parametrize(
    ("machine", "number", "argument", "expected"),
    [
        pytest.param("x86_64", 0, 0, ALLOW, id="read"),
        pytest.param("x86_64", 59, 0, ALLOW, id="execve"),
        pytest.param("x86_64", 165, 0, "EPERM", id="mount"),
        pytest.param("aarch64", 40, 0, "EPERM", id="mount on arm"),
        pytest.param("x86_64", 272, 0, "EPERM", id="unshare"),
        pytest.param("x86_64", 161, 0, ALLOW, id="chroot with its capability"),
        pytest.param("x86_64", 250, 0, "EPERM", id="keyctl"),
        pytest.param("x86_64", 425, 0, "EPERM", id="io_uring_setup"),
        pytest.param("x86_64", 435, 0, "ENOSYS", id="clone3 falls back to clone"),
        pytest.param("x86_64", 56, 0x01200011, ALLOW, id="fork"),
        pytest.param("x86_64", 56, 0x10000011, "EPERM", id="clone of a user namespace"),
        pytest.param("aarch64", 220, 0x20000011, "EPERM", id="clone of a pid namespace on arm"),
        pytest.param("x86_64", 41, 2, ALLOW, id="an internet socket"),
        pytest.param("x86_64", 41, 40, "EPERM", id="a vsock"),
        pytest.param("aarch64", 198, 38, "EPERM", id="a crypto socket on arm"),
        pytest.param("x86_64", 135, 0xFFFFFFFF, ALLOW, id="asking the personality"),
        pytest.param("x86_64", 135, 0x0040000, "EPERM", id="another personality"),
        pytest.param("x86_64", 467, 0, "EPERM", id="the newest known call"),
        pytest.param("x86_64", 468, 0, "ENOSYS", id="an unknown call"),
        pytest.param("x86_64", 0x40000000, 0, "EPERM", id="x32"),
    ],
)
def test_the_default_filter(machine, number, argument, expected):
    program = seccomp.program(machine, DEFAULT)
    assert run(program, number, audit=AUDIT[machine], argument=argument) == expected


def test_calls_of_another_machine_end_the_process():
    assert run(seccomp.program("x86_64", DEFAULT), 0, audit=0x40000003) == KILL


def test_capabilities_open_their_calls():
    program = seccomp.program("x86_64", ADMIN)
    for number in (165, 272, 308, 321, 435):
        assert run(program, number, audit=AUDIT["x86_64"]) == ALLOW
    assert run(program, 56, audit=AUDIT["x86_64"], argument=0x20000000) == ALLOW
    # Not these: nobody in a container needs them.
    for number in (246, 250, 155):
        assert run(program, number, audit=AUDIT["x86_64"]) == "EPERM"
    assert run(seccomp.program("x86_64", frozenset()), 161, audit=AUDIT["x86_64"]) == "EPERM"


def test_the_filter_fits_the_kernels_bound():
    for machine in AUDIT:
        program = seccomp.program(machine, frozenset())
        assert len(program) // 8 < 4096
