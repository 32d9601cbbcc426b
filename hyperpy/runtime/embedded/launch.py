"""Starts the shim process and waits until it serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hyperpy.runtime.protocol import RuntimeUnavailable

_SCRIPT = Path(__file__).parent / "shim" / "start.py"
_KEPT = ("LD_LIBRARY_PATH", "PATH")


def launch(root: Path) -> None:
    """Start a shim for `root`. Blocks for some 50 ms.

    Raises:
        RuntimeUnavailable: with the shim's own reason.
    """
    read_end, write_end = os.pipe()
    try:
        with open(root / "shim.log", "ab") as log:
            subprocess.run(
                [sys.executable, "-I", "-S", str(_SCRIPT), str(root), str(write_end)],
                pass_fds=(write_end,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                check=False,
            )
        os.close(write_end)
        write_end = -1
        answer = os.read(read_end, 4096).decode(errors="replace")
    finally:
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)
    if answer != "ok":
        reason = answer or f"it ended at once; see {root / 'shim.log'}"
        raise RuntimeUnavailable(f"cannot start the shim of the embedded runtime: {reason}")
