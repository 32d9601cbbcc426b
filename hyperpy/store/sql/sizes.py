"""How large a store's SQLite file and its write-ahead log are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on disk."""

    file_bytes: int
    wal_bytes: int


def of(path: Path) -> Sizes:
    """Look at the files; one that is not there has no bytes. Opens nothing: closing would drop SQLite's own locks."""
    return Sizes(_size(path), _size(path.with_name(path.name + "-wal")))


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
