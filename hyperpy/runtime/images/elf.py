"""Reads ELF files: which shared libraries a program needs and where the loader finds them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRING_TABLE, _SONAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29
#: Where loaders look without any configuration: glibc on several distributions, musl.
_DEFAULT_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")


class NotElf(Exception):
    """Not a 64-bit little-endian ELF file."""


@dataclass(frozen=True, slots=True)
class Elf:
    """What the loader reads of a file. `interpreter` is "" for libraries and static programs."""

    machine: int
    interpreter: str
    needed: Sequence[str]
    search: Sequence[str]
    soname: str = ""


@cache
def read(path: str) -> Elf:
    """Read a file's dynamic section.

    Raises:
        NotElf: it is something else.
    """
    with open(path, "rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            raise NotElf(path)
        (machine,) = struct.unpack_from("<H", header, 18)
        (table,) = struct.unpack_from("<Q", header, 32)
        entry_bytes, count = struct.unpack_from("<HH", header, 54)
        file.seek(table)
        raw = file.read(entry_bytes * count)
        segments = [struct.unpack_from("<IIQQQQQQ", raw, number * entry_bytes) for number in range(count)]

        def content(segment: tuple[int, ...]) -> bytes:
            file.seek(segment[2])
            return file.read(segment[5])

        interpreter = b"".join(content(item) for item in segments if item[0] == _INTERPRETER).rstrip(b"\0").decode()
        dynamic = b"".join(content(item) for item in segments if item[0] == _DYNAMIC)
        entries = [struct.unpack_from("<qQ", dynamic, at) for at in range(0, len(dynamic) - 15, 16)]
        strings = next((value for tag, value in entries if tag == _STRING_TABLE), None)
        if strings is None:
            return Elf(machine, interpreter, (), ())
        file.seek(_file_offset(segments, strings))
        text = file.read(1 << 20)

    def string(at: int) -> str:
        return text[at : text.index(b"\0", at)].decode()

    def strings_of(*tags: int) -> list[str]:
        return [string(value) for tag, value in entries if tag in tags]

    origin = os.path.dirname(os.path.abspath(path))
    search = ":".join(strings_of(_RPATH, _RUNPATH)).replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
    folders = [os.path.normpath(folder) for folder in search.split(":") if folder]
    return Elf(machine, interpreter, strings_of(_NEEDED), folders, "".join(strings_of(_SONAME)))


def _file_offset(segments: Iterable[tuple[int, ...]], address: int) -> int:
    for kind, _, offset, virtual, _, file_bytes, _, _ in segments:
        if kind == _LOAD and virtual <= address < virtual + file_bytes:
            return offset + address - virtual
    raise NotElf("a string table outside of every segment")


def is_elf(path: Path) -> bool:
    """Whether the loader could take it."""
    try:
        read(str(path))
    except (NotElf, OSError, struct.error):
        return False
    return True


def libraries(files: Iterable[Path]) -> dict[str, Path]:
    """Every shared library that the files need, directly or not: where it lies, by the name it is asked for.

    A name that the loader would not find here either is left out: optional parts often need what is not installed.
    """
    found: dict[str, Path] = {}
    waiting = [(path, read(str(path))) for path in files]
    while waiting:
        _, current = waiting.pop()
        for name in current.needed:
            if name in found:
                continue
            path = _find(name, current)
            if path is not None:
                found[name] = path
                waiting.append((path, read(str(path))))
    return found


def _find(name: str, wanted_by: Elf) -> Path | None:
    for folder in (*wanted_by.search, *_folders()):
        path = Path(folder, name)
        if path.is_file() and is_elf(path) and read(str(path)).machine == wanted_by.machine:
            return path
    return None


@lru_cache(maxsize=1)
def _folders() -> tuple[str, ...]:
    variable = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    return (*variable, *_configured(Path("/etc/ld.so.conf")), *_DEFAULT_FOLDERS)


def _configured(file: Path) -> list[str]:
    """The folders of the loader's configuration, with what it includes."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        text = line.partition("#")[0].strip()
        if text.startswith("include "):
            for included in sorted(Path("/").glob(text.removeprefix("include ").strip().lstrip("/"))):
                folders += _configured(included)
        elif text:
            folders.append(text)
    return folders
