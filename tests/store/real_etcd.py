"""Starts Debian's etcd on free ports, for tests to talk to."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path


def free_port() -> int:
    """A port nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_etcd(
    directory: Path, *, port: int | None = None, extra: Sequence[str] = (), scheme: str = "http", peer: str = ""
) -> Iterator[str]:
    """An etcd with one member; yields its client address. `peer`: its own URL, where the directory knows it already."""
    client = f"{scheme}://127.0.0.1:{port or free_port()}"
    peer = peer or f"http://127.0.0.1:{free_port()}"
    command = [
        *("etcd", "--name", "one", "--data-dir", str(directory)),
        *("--listen-client-urls", client, "--advertise-client-urls", client),
        *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}"),
        *("--logger", "zap", "--log-level", "error", *extra),
    ]
    log = (directory.parent / f"{directory.name}.log").open("ab")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_for_port(int(client.rsplit(":", 1)[1]), process)
            yield client
        finally:
            process.terminate()
            process.wait(10)


def wait_for_port(port: int, process: subprocess.Popen[bytes], *, deadline_s: float = 15) -> None:
    """Wait until a process listens."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {deadline_s} s")
