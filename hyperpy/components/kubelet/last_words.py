"""The termination message of a container: what it wrote to its file, or the end of its log where that is asked for.

Source: "Determine the Reason for Pod Failure".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hyperpy.components.kubelet.container_mounts import last_words_file
from hyperpy.runtime import cri_log
from hyperpy.runtime.protocol import Container

Obj = dict[str, Any]

MAX_BYTES = 4096
MAX_LOG_BYTES, MAX_LOG_LINES = 2048, 80


def last_words(container: Obj, ended: Container, pod_dir: Path) -> str:
    """The message of a container that ended; `""` when there is none."""
    text = _tail(last_words_file(pod_dir, ended.name, ended.attempt), MAX_BYTES)
    if text or ended.exit_code == 0 or container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return text.decode(errors="replace")
    lines = _tail(Path(ended.log_path), 4 * MAX_LOG_BYTES).splitlines(keepends=True) if ended.log_path else []
    entries = [entry for entry in map(cri_log.parse, lines) if entry is not None]
    said = b"".join(entry.text for entry in entries[-MAX_LOG_LINES:])
    return said[-MAX_LOG_BYTES:].decode(errors="replace")


def _tail(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - size))
            return file.read(size)
    except OSError:
        return b""
