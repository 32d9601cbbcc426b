"""Makes image layers: plain tar files with the same bytes for the same entries, and the configuration over them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """This machine's, in Go's words as images use them."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as a plain tar file on disk."""

    path: Path
    diff_id: str
    size_bytes: int


class LayerWriter:
    """Writes a layer: the same entries give the same bytes. Use as a context manager, then read `layer`.

    Args:
        path: the tar file to write.
        mtime: seconds for entries that bring none.
    """

    def __init__(self, path: Path, *, mtime: int = 0) -> None:
        self._path = path
        self._mtime = mtime
        self._known: set[str] = set()
        self._file = _HashingFile(path)
        file = cast(Any, self._file)
        self._archive = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self.layer = Layer(path, "", 0)

    def __enter__(self) -> LayerWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()
        self.layer = Layer(self._path, f"sha256:{self._file.digest.hexdigest()}", self._file.size)

    def directory(self, name: str, *, mode: int = 0o755) -> None:
        """A folder with its parents; adding it again does nothing."""
        name = name.strip("/")
        if not name or name in self._known:
            return
        self.directory(os.path.dirname(name))
        self._add(self._entry(name, tarfile.DIRTYPE, mode))

    def file(self, name: str, content: bytes | Path, *, mode: int = 0o644, mtime: int | None = None) -> None:
        """A regular file, from bytes or from the disk."""
        if isinstance(content, bytes):
            self._regular(name, io.BytesIO(content), len(content), mode=mode, mtime=mtime)
            return
        with open(content, "rb") as source:
            self._regular(name, source, os.fstat(source.fileno()).st_size, mode=mode, mtime=mtime)

    def link(self, name: str, target: str) -> None:
        """A symbolic link."""
        self.directory(os.path.dirname(name))
        entry = self._entry(name.strip("/"), tarfile.SYMTYPE, 0o777)
        entry.linkname = target
        self._add(entry)

    def _regular(self, name: str, source: IO[bytes], size: int, *, mode: int, mtime: int | None) -> None:
        self.directory(os.path.dirname(name))
        entry = self._entry(name.strip("/"), tarfile.REGTYPE, mode)
        entry.size = size
        entry.mtime = self._mtime if mtime is None else mtime
        self._add(entry, source)

    def _entry(self, name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.mtime = kind, mode, self._mtime
        return entry

    def _add(self, entry: tarfile.TarInfo, source: IO[bytes] | None = None) -> None:
        if entry.name not in self._known:
            self._known.add(entry.name)
            self._archive.addfile(entry, source)


class _HashingFile:
    """A file to write to that takes the digest of what passes."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


def configuration(layers: Sequence[Layer], settings: dict[str, Any], *, created: str) -> bytes:
    """An image's configuration document.

    Args:
        settings: its `config`: Entrypoint, Cmd, Env, User, WorkingDir, Labels, ...
        created: a time in RFC 3339.
    """
    document = {
        "architecture": architecture(),
        "config": settings,
        "created": created,
        "history": [{"created": created, "created_by": "hyperpy"} for _ in layers],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
