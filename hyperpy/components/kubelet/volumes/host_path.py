"""hostPath volumes: the path must be what its type says, or is made where the type allows.

Source: "Volumes", hostPath types.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hyperpy.components.kubelet.volumes.payload import VolumeProblem

_CHECKS = {
    "Directory": (stat.S_ISDIR, "is not a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "is not a directory"),
    "File": (stat.S_ISREG, "is not a file"),
    "FileOrCreate": (stat.S_ISREG, "is not a file"),
    "Socket": (stat.S_ISSOCK, "is not a socket file"),
    "CharDevice": (stat.S_ISCHR, "is not a character device"),
    "BlockDevice": (stat.S_ISBLK, "is not a block device"),
}


def prepare(volume: str, path: str, kind: str, *, host_root: Path) -> None:
    """Check the path, or make it.

    Args:
        kind: the volume's type; `""` checks nothing (and makes a directory, as container engines do).
        host_root: where the host's root is seen: `/`, or `/rootfs` for a kubelet in a container.
    Raises:
        VolumeProblem: it is not what the type says.
    """
    seen = host_root / path.lstrip("/")
    if kind == "DirectoryOrCreate" or (kind == "" and not os.path.lexists(seen)):
        seen.mkdir(mode=0o755, parents=True, exist_ok=True)
    elif kind == "FileOrCreate" and not seen.exists():
        seen.touch(mode=0o644)
    if kind == "":
        return
    if kind not in _CHECKS:
        raise VolumeProblem(volume, f"hostPath type {kind} is unknown")
    matches, complaint = _CHECKS[kind]
    try:
        mode = seen.stat().st_mode
    except OSError:
        raise VolumeProblem(volume, f"hostPath type check failed: {path} {complaint}") from None
    if not matches(mode):
        raise VolumeProblem(volume, f"hostPath type check failed: {path} {complaint}")
