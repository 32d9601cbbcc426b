"""Servers to measure: an API server of our own with a fresh data directory, the bare server, one that is there."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_ADMIN, _USER = "admin-token", "user-token"
_TICKS_S = os.sysconf("SC_CLK_TCK")
_READY_S = 30.0


class Target:
    """A server under test.

    Args:
        token: of the user who asks.
        pid: its process, when that is on this machine and known.
    """

    def __init__(self, name: str, url: str, token: str, pid: int | None = None) -> None:
        self.name = name
        self.url = url
        self.token = token
        self.pid = pid
        self._local = threading.local()

    def ask(self, method: str, path: str, body: object = None, *, token: str = "") -> Any:
        """One request; the decoded answer. Raises SystemExit for an answer that is no success."""
        raw = body if isinstance(body, str) or body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        connection = self._connection()
        try:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            said = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.status >= 300:
            raise SystemExit(f"{self.name}: {method} {path}: {answer.status} {said[:300]!r}")
        return json.loads(said) if said.startswith(b"{") else said

    def _connection(self) -> http.client.HTTPSConnection:
        """One for each thread; it connects, again too, when it is used."""
        if not hasattr(self._local, "connection"):
            where = urlsplit(self.url)
            tls = ssl.create_default_context()
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            self._local.connection = http.client.HTTPSConnection(
                where.hostname or "", where.port, context=tls, timeout=60
            )
        found: http.client.HTTPSConnection = self._local.connection
        return found

    def cpu_s(self) -> float:
        """CPU seconds of its process up to now; 0 when that is not known."""
        if self.pid is None:
            return 0.0
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_S

    def rss_mb(self) -> float:
        """Its memory in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def own(directory: Path) -> Iterator[tuple[Target, float]]:
    """Our API server, and how many seconds it took to be ready. Its user is an administrator by RBAC, not by group."""
    directory.mkdir()
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{_ADMIN},admin,1,"system:masters"\n{_USER},bench,2,bench\n')
    port = _free_port()
    command = [
        *(sys.executable, "-m", "hyperpy", "apiserver", f"--data-dir={directory}/data"),
        *(f"--secure-port={port}", f"--token-auth-file={tokens}"),
    ]
    with _process(command, directory / "log") as process:
        target = Target("hyperpy", f"https://127.0.0.1:{port}", _USER, process.pid)
        took = _ready(target, process)
        binding = {
            "metadata": {"name": "bench"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "User", "name": "bench", "apiGroup": "rbac.authorization.k8s.io"}],
        }
        target.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding, token=_ADMIN)
        yield target, took


@contextlib.contextmanager
def bare(pki: Path) -> Iterator[Target]:
    """The bare server, with the API server's certificate."""
    port = _free_port()
    program = Path(__file__).with_name("bare_server.py")
    command = [sys.executable, str(program), str(port), str(pki / "apiserver.crt"), str(pki / "apiserver.key")]
    with _process(command, pki / "bare.log") as process:
        target = Target("bare", f"https://127.0.0.1:{port}", "", process.pid)
        _ready(target, process)
        yield target


def _ready(target: Target, process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < _READY_S:
        with contextlib.suppress(OSError, SystemExit):
            target.ask("GET", "/readyz")
            return time.monotonic() - began
        time.sleep(0.005)
    raise SystemExit(f"{target.name} does not answer")


@contextlib.contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield process
        finally:
            process.terminate()


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
