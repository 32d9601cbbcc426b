"""The image whose one process keeps a pod's namespaces: a static ELF file of some 200 bytes, made here.

The program blocks every signal and waits for one: SIGCHLD makes it reap (it is process 1 of a pod with a shared pid
namespace), SIGTERM and SIGINT end it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import tarfile

REFERENCE = "hyperpy/pause:1"

_LOAD_ADDRESS = 0x400000
_HEADERS_BYTES = 64 + 56
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

# rt_sigprocmask(SIG_BLOCK, all); L: rt_sigtimedwait(all); SIGCHLD: wait4(-1, WNOHANG) until none; TERM, INT: exit_group
_X86_64 = bytes.fromhex(
    "6aff 4889e6 31ff 31d2 6a08415a 6a0e58 0f05"  # push -1: the set of all signals; block it
    "4889e7 31f6 31d2 6a08415a b880000000 0f05"  # wait for one of them
    "83f811 7413 83f80f 7405 83f802 75df"  # CHLD: reap; TERM: exit; not INT: wait again
    "31ff b8e7000000 0f05"  # exit
    "6aff5f 31f6 6a015a 4531d2 6a3d58 0f05 85c0 7fec ebc0"  # reap while there is somebody, then wait again
)


def _movz(register: int, value: int) -> int:
    return 0xD2800000 | value << 5 | register


def _compare(value: int) -> int:
    return 0x7100001F | value << 10


def _branch(condition: int, words: int) -> int:
    return 0x54000000 | (words & 0x7FFFF) << 5 | condition


_EQ, _NE, _GT, _SVC = 0, 1, 12, 0xD4000001
_AARCH64 = struct.pack(
    "<33I",
    *(0x92800000, 0xF81F0FE0),  # the set of all signals on the stack
    *(_movz(0, 0), 0x910003E1, _movz(2, 0), _movz(3, 8), _movz(8, 135), _SVC),  # block them
    *(0x910003E0, _movz(1, 0), _movz(2, 0), _movz(3, 8), _movz(8, 137), _SVC),  # 8: wait for one
    *(_compare(17), _branch(_EQ, 9), _compare(15), _branch(_EQ, 4), _compare(2), _branch(_NE, -11), 0xD503201F),
    *(_movz(0, 0), _movz(8, 94), _SVC),  # 21: exit
    *(0x92800000, _movz(1, 0), _movz(2, 1), _movz(3, 0), _movz(8, 260), _SVC),  # 24: reap
    *(_compare(0), _branch(_GT, -7), 0x14000000 | (-24 & 0x3FFFFFF)),
)
_CODE = {"x86_64": (62, _X86_64), "aarch64": (183, _AARCH64)}


def program(machine: str) -> bytes:
    """The ELF file for a machine (`x86_64`, `aarch64`)."""
    number, code = _CODE[machine]
    size = _HEADERS_BYTES + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    entry = _LOAD_ADDRESS + _HEADERS_BYTES
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, number, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    readable_executable = 5
    segment = struct.pack("<IIQQQQQQ", 1, readable_executable, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size, 0x1000)
    return header + segment + code


def archive(machine: str | None = None) -> bytes:
    """The image as `docker save` writes one, tagged `REFERENCE`.

    Args:
        machine: of the program; None: this one's.
    Raises:
        KeyError: there is no program for that machine.
    """
    machine = machine or os.uname().machine
    layer = _tar({"pause": (program(machine), 0o755)})
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES[machine],
            "os": "linux",
            "config": {"Entrypoint": ["/pause"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created_by": "hyperpy"}],
        },
        sort_keys=True,
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [REFERENCE], "Layers": ["layer.tar"]}]).encode()
    return _tar({"manifest.json": (manifest, 0o644), name: (config, 0o644), "layer.tar": (layer, 0o644)})


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, (data, mode) in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()
