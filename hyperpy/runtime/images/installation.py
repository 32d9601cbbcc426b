"""Which files make up the running hyperpy: the interpreter, its standard library, the libraries it requires, itself."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hyperpy
from hyperpy.runtime.protocol import RuntimeFailure

#: Parts of the standard library that no server needs, with the large static library of the build.
_LEFT_OUT = {
    "__pycache__",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}
_LEFT_OUT_STARTS = ("config-", "_tkinter.", "_test", "_ctypes_test.", "xxlimited", "_xxtestfuzz")
_LEFT_OUT_ENDS = (".a", ".c", ".h", ".pxd", ".pyi", ".pyx")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Source:
    """A file on this machine, and its path relative to where its kind of file goes."""

    path: Path
    relative: str


def interpreter() -> Path:
    """The program itself, not a virtual environment's link to it."""
    return Path(os.path.realpath(sys.executable))


def standard_library() -> tuple[str, list[Source]]:
    """Its folder relative to the prefix (`lib/python3.11`), and its files relative to that folder."""
    root = Path(sysconfig.get_path("stdlib"))
    where = os.path.relpath(root, sys.base_prefix)
    return where, list(_walk(root))


def required_libraries() -> list[Source]:
    """The files of every distribution that hyperpy requires here, relative to `site-packages`.

    Raises:
        RuntimeFailure: hyperpy was not installed by a package installer, so that nobody knows what it requires.
    """
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [("hyperpy", frozenset[str]())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if (key, extras) in seen:
            continue
        seen.add((key, extras))
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            if key == "hyperpy":
                raise RuntimeFailure(
                    "hyperpy is not installed as a package here; install it with `pip install -e .`"
                ) from error
            # Required on other platforms only.
            continue
        found[key] = distribution
        waiting += list(_requirements(distribution, extras))
    found.pop("hyperpy")
    return [source for key in sorted(found) for source in _files(found[key])]


def own_files() -> list[Source]:
    """hyperpy's package, wherever it was imported from, and its metadata, relative to `site-packages`."""
    package = Path(hyperpy.__file__).parent
    own = [Source(source.path, f"hyperpy/{source.relative}") for source in _walk(package, everything=True)]
    metadata = importlib.metadata.distribution("hyperpy")
    wanted = [file for file in metadata.files or () if file.name in ("METADATA", "entry_points.txt")]
    return own + [Source(Path(str(file.locate())), str(file)) for file in wanted if ".dist-info" in str(file)]


def bytecode(source: Path) -> Path | None:
    """The compiled file beside a module, where it is there and fits."""
    path = Path(importlib.util.cache_from_source(str(source)))
    return path if path.exists() else None


def _requirements(
    distribution: importlib.metadata.Distribution, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for line in distribution.requires or ():
        requirement, _, marker = line.partition(";")
        only_for = _EXTRA.findall(marker)
        match = _REQUIREMENT.match(requirement)
        if match and (not only_for or extras.intersection(only_for)):
            yield match[1], frozenset(part.strip() for part in (match[2] or "").split(",") if part.strip())


def _files(distribution: importlib.metadata.Distribution) -> Iterator[Source]:
    for file in sorted(distribution.files or (), key=str):
        path, parts = Path(str(file.locate())), file.parts
        if parts[0] == ".." or not path.is_file() or _is_left_out(parts, tests_only=True):
            continue
        yield Source(path, str(file))


def _walk(root: Path, *, everything: bool = False) -> Iterator[Source]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name != "__pycache__" and (everything or not _is_left_out((name,)))
        )
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not name.endswith(".pyc") and (everything or not _is_left_out((name,))):
                yield Source(path, str(path.relative_to(root)))


def _is_left_out(parts: tuple[str, ...], *, tests_only: bool = False) -> bool:
    if "__pycache__" in parts or parts[-1].endswith(_LEFT_OUT_ENDS):
        return True
    if tests_only:
        return "tests" in parts
    return any(part in _LEFT_OUT or part.startswith(_LEFT_OUT_STARTS) for part in parts)
