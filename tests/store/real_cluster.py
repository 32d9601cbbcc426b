"""Starts a cluster of Debian's etcd whose members can be killed, paused and started again, for tests to talk to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from store.certificates import Certificates
from store.real_etcd import free_port, wait_for_port


class EtcdCluster:
    """Members 0, 1, 2 of a cluster. `stop` ends those that run."""

    def __init__(self, directory: Path, certificates: Certificates | None, size: int) -> None:
        self._directory = directory
        self.certificates = certificates
        scheme = "https" if certificates else "http"
        self.addresses = [f"{scheme}://127.0.0.1:{free_port()}" for _ in range(size)]
        self._peers = [f"http://127.0.0.1:{free_port()}" for _ in range(size)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, *members: int) -> None:
        """Start members; wait until they listen."""
        for member in members:
            log = (self._directory / f"{member}.log").open("ab")
            with log:
                self._processes[member] = subprocess.Popen(self._command(member), stdout=log, stderr=log)
        for member in members:
            wait_for_port(int(self.addresses[member].rsplit(":", 1)[1]), self._processes[member])

    def kill(self, *members: int) -> None:
        """End members without a chance to say anything."""
        for member in members:
            process = self._processes.pop(member)
            process.kill()
            process.wait(10)

    def pause(self, member: int) -> None:
        """Stop a member's work; its connections stay, and new ones are accepted by the kernel."""
        self._processes[member].send_signal(signal.SIGSTOP)

    def resume(self, member: int) -> None:
        """The end of a pause."""
        self._processes[member].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End all."""
        self.kill(*self._processes)

    def leader(self) -> int:
        """The member that leads; fails when there is none."""
        told = json.loads(self.ctl("endpoint", "status", "-w", "json"))
        (leader,) = {status["Status"]["leader"] for status in told}
        led = {status["Status"]["header"]["member_id"]: status["Endpoint"] for status in told}
        return self.addresses.index(led[leader])

    def ctl(self, *arguments: str, members: Sequence[int] | None = None, user: tuple[str, str] | None = None) -> str:
        """What etcdctl says; `user` is a certificate and its key."""
        asked = [self.addresses[member] for member in (members or self._processes)]
        flags = ["--endpoints", ",".join(asked)]
        if self.certificates:
            cert, key = user or (self.certificates.client_cert, self.certificates.client_key)
            flags += ["--cacert", self.certificates.ca, "--cert", cert, "--key", key]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        done = subprocess.run(
            ["etcdctl", *flags, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def _command(self, member: int) -> list[str]:
        names = ",".join(f"m{index}={peer}" for index, peer in enumerate(self._peers))
        command = [
            *("etcd", "--name", f"m{member}", "--data-dir", str(self._directory / f"m{member}")),
            *("--listen-client-urls", self.addresses[member], "--advertise-client-urls", self.addresses[member]),
            *("--listen-peer-urls", self._peers[member], "--initial-advertise-peer-urls", self._peers[member]),
            *("--initial-cluster", names, "--logger", "zap", "--log-level", "error"),
        ]
        if self.certificates:
            command += ["--cert-file", self.certificates.server_cert, "--key-file", self.certificates.server_key]
            command += ["--client-cert-auth", "--trusted-ca-file", self.certificates.ca]
        return command


@contextmanager
def running_cluster(
    directory: Path, *, certificates: Certificates | None = None, size: int = 3
) -> Iterator[EtcdCluster]:
    """A cluster whose members have a leader.

    Args:
        certificates: members and clients show them; None: no TLS.
    """
    directory.mkdir(parents=True, exist_ok=True)
    cluster = EtcdCluster(directory, certificates, size)
    try:
        cluster.start(*range(size))
        cluster.ctl("endpoint", "health")
        yield cluster
    finally:
        cluster.stop()
