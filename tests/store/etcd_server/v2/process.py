"""`hyperpy etcd` as a process, for clients that are programs of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.real_etcd import free_port, wait_for_port


@contextmanager
def running_hyperpy(directory: Path, *, port: int | None = None) -> Iterator[str]:
    """Yields its client address."""
    address = f"127.0.0.1:{port or free_port()}"
    command = [sys.executable, "-m", "hyperpy", "etcd", f"--addr={address}", f"--data-dir={directory}"]
    log = (directory.parent / f"{directory.name}.log").open("ab")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_for_port(int(address.rsplit(":", 1)[1]), process)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(10)
