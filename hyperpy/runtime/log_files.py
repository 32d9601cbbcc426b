"""Full log files: put aside under their time, and the oldest removed. `kubectl logs` reads the newest one.

Source: the kubelet's defaults, containerLogMaxSize (10 MiB) and containerLogMaxFiles (5).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 5


def put_aside(path: Path) -> Path:
    """Rename a full log to `NAME.TIME`; returns where it is now. The writer must open the path again."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.{stamp}")
    os.rename(path, aside)
    return aside


def prune(path: Path) -> None:
    """Remove the oldest of what was put aside, so that no more than `MAX_FILES` are left with the newest."""
    for old in older(path)[: -(MAX_FILES - 1)]:
        old.unlink(missing_ok=True)


def older(path: Path) -> list[Path]:
    """The files of a log that were put aside, the oldest first."""
    return sorted(path.parent.glob(f"{path.name}.*"))
