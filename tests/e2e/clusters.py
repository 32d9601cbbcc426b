"""Clusters as a user starts them: `hyperpy all` as a process, real kubectl, real containers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hyperpy.podnet.router import Router

BIN = Path(sys.executable).parent
START_S = 30


class Cluster:
    """A running `hyperpy all` with its own data directory."""

    def __init__(self, data: Path, runtime: str) -> None:
        self.data = data
        self.runtime = runtime
        self.kubeconfig = data / "kubeconfig"
        self.log = data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *extra: str) -> None:
        """Start it and wait until its Node is Ready."""
        self.begin(*extra)
        self.wait("the node is Ready", self.node_ready, limit_s=START_S)

    def begin(self, *extra: str) -> None:
        """Start it."""
        command = [BIN / "hyperpy", "all", "--data-dir", self.data, "--secure-port", "0"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*command, "--container-runtime", self.runtime, *extra],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def node_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"hyperpy all ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}")
        if not self.kubeconfig.exists():
            return False
        path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"
        return self.kubectl("get", "nodes", "-o", path, check=False).stdout == "True"

    def stop(self, signum: int = signal.SIGINT) -> None:
        """Ask it to end and wait."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signum)
        self.process.wait(60)

    def kubectl(self, *arguments: str, check: bool = True, stdin: str | None = None, timeout: float = 60):
        return run(BIN / "kubectl", *arguments, kubeconfig=self.kubeconfig, check=check, stdin=stdin, timeout=timeout)

    def ctl(self, *arguments: str, check: bool = True, stdin: str | None = None, timeout: float = 60):
        return run(
            BIN / "hyperpy", "ctl", *arguments, kubeconfig=self.kubeconfig, check=check, stdin=stdin, timeout=timeout
        )

    def get(self, *arguments: str) -> dict:
        """An object, or a list, as kubectl reads it."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def wait(self, what: str, condition, *, limit_s: float = 60):
        """Look until `condition` gives something true, and return that."""
        end = time.monotonic() + limit_s
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"waited {limit_s} s in vain until {what}\n{self.diagnosis()}")
            time.sleep(0.1)

    def diagnosis(self) -> str:
        pods = self.kubectl("get", "pods,events", "-A", check=False).stdout if self.kubeconfig.exists() else ""
        return f"{pods[-4000:]}\n--- log\n{self.log.read_text()[-4000:]}"


def home_of(kubeconfig: Path) -> Path:
    """Where clients of a cluster keep their caches: beside its data directory, so that they go with the tests."""
    return kubeconfig.parent.with_name(f"{kubeconfig.parent.name}.home")


def run(*command, kubeconfig: Path, check: bool, stdin: str | None, timeout: float):
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home_of(kubeconfig))}
    done = subprocess.run(
        list(command), env=environment, capture_output=True, text=True, input=stdin or "", timeout=timeout, check=False
    )
    if check and done.returncode:
        shown = " ".join(map(str, command))
        raise AssertionError(f"{shown} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


@contextlib.contextmanager
def running(data: Path, runtime: str, *extra: str):
    """A cluster with the hyperpy image in its runtime; stopped at the end."""
    cluster = Cluster(data, runtime)
    try:
        if runtime != "hollow":  # which looks at no image
            build_image(data, runtime)
        cluster.start(*extra)
        yield cluster
    finally:
        cluster.stop()


def build_image(data: Path, runtime: str) -> None:
    command = [BIN / "hyperpy", "image", "build", "--data-dir", data, "--container-runtime", runtime]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def traces(data: Path, *uids: str) -> list[str]:
    """What one cluster has on the machine: processes, mounts, links, routes, namespaces, control groups, containers.

    Args:
        data: its data directory.
        uids: of pods it ran.
    """
    netns = f"hyperpy-{hashlib.sha256(str(data).encode()).hexdigest()[:10]}"
    names = [str(data), netns, Router(netns).host_link, *uids]
    seen = [f"process {command}" for command in commands()]
    seen += Path("/proc/mounts").read_text().splitlines()
    seen += [str(path) for path in Path("/sys/fs/cgroup").glob("*/*/*")]
    for command in (
        ["ip", "-o", "link"],
        ["ip", "route"],
        ["ip", "netns"],
        ["nft", "list", "ruleset"],
        ["docker", "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Labels}}"],
    ):
        seen += subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return [line for line in seen if any(name in line for name in names)]


def commands() -> Iterator[str]:
    """The command line of every process but the tests' own."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if "pytest" not in command.split("--data-dir")[0]:
                yield command
