"""The figures of the README: how long a cluster takes to start, to answer and to run a pod, and what it costs idle.

usage: benchmarks/cluster.py [--runtimes embedded,docker] [--rounds 5] [--idle 60]
Every cluster has a data directory of its own under a temporary one and is stopped at the end. Each figure stands
beside its goal; pod starts with Docker also beside the bare engine calls, measured in the same run.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hyperpy.client import kubeconfig

BIN = Path(sys.executable).parent
POD = "/api/v1/namespaces/default/pods"


class Server:
    """A running `hyperpy all` and a connection to it."""

    def __init__(self, data: Path, runtime: str) -> None:
        command = [BIN / "hyperpy", "all", "--data-dir", data, "--secure-port", "0", "--container-runtime", runtime]
        self.data = data
        self.kubeconfig = data / "kubeconfig"
        self.kubeconfig.unlink(missing_ok=True)
        self.started = time.monotonic()
        self.log = open(data.parent / f"{data.name}.log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def until(self, condition: Callable[[], bool], *, limit_s: float = 60) -> float:
        """Seconds since the start when `condition` became true, looked at every 5 ms."""
        while not condition():
            if self.process.poll() is not None:
                raise SystemExit(f"hyperpy all ended with {self.process.returncode}; see {self.log.name}")
            if time.monotonic() - self.started > limit_s:
                raise SystemExit(f"waited {limit_s} s in vain; see {self.log.name}")
            time.sleep(0.005)
        return time.monotonic() - self.started

    def connect(self) -> http.client.HTTPConnection:
        access = kubeconfig.load(self.kubeconfig)
        where = urllib.parse.urlsplit(access.server)
        context = ssl.create_default_context(cadata=access.ca_pem.decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(access.cert_pem + b"\n" + access.key_pem)
            pem.flush()
            context.load_cert_chain(pem.name)
        return http.client.HTTPSConnection(where.hostname or "", where.port, context=context, timeout=30)

    def get(self, path: str) -> Any:
        """The decoded answer, or None while there is none."""
        try:
            connection = self.connect()
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
        except (OSError, ValueError, kubeconfig.KubeconfigError):
            return None
        if answer.status != 200:
            return None
        return json.loads(body) if body.startswith(b"{") else body

    def node_ready(self) -> bool:
        nodes = (self.get("/api/v1/nodes") or {}).get("items", [])
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for node in nodes
            for condition in node.get("status", {}).get("conditions", ())
        )

    def run(self, *command: str) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            [BIN / command[0], *command[1:]], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr.strip()}")
        return done.stdout

    def stop(self) -> float:
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()
        return time.monotonic() - begun


@contextlib.contextmanager
def cluster(data: Path, runtime: str) -> Iterator[Server]:
    server = Server(data, runtime)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def row(what: str, value: float, unit: str, goal: float | None = None, beside: str = "") -> None:
    """One line: the figure, its goal and whether it is met."""
    target = "" if goal is None else f"goal {goal:g} {unit}: {'met' if value <= goal else 'MISSED'}"
    print(f"{what:58} {value:9.3f} {unit:4} {target:22} {beside}", flush=True)


def starts(directory: Path, runtime: str, rounds: int) -> None:
    ready, node, stop, again = [], [], [], []
    for number in range(rounds):
        data = directory / f"start-{runtime}-{number}"
        for figures in (ready, again):
            with cluster(data, runtime) as server:
                figures.append(server.until(lambda: server.get("/readyz") == b"ok"))
                if figures is ready:
                    node.append(server.until(server.node_ready))
                stop.append(server.stop())
    row(f"{runtime}: exec to /readyz, first start", statistics.median(ready), "s", 1.0)
    row(f"{runtime}: exec to /readyz, later start", statistics.median(again), "s", 1.0)
    row(f"{runtime}: exec to node Ready, first start", statistics.median(node), "s", 1.5)
    row(f"{runtime}: SIGTERM to the end", statistics.median(stop), "s")


def pods(server: Server, runtime: str, rounds: int) -> None:
    times = []
    for number in range(rounds):
        name = f"bench-{number}"
        begun = time.monotonic()
        process = subprocess.Popen(
            [BIN / "kubectl", "--kubeconfig", server.kubeconfig, "run", name, "--image=hyperpy",
             "--image-pull-policy=Never", "--restart=Never", "--command", "--", "sleep", "1000"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        times.append(running(server, name) - begun)
        process.wait()
        server.run("kubectl", "delete", "pod", name, "--force", "--grace-period=0")
    goal = {"docker": 1.0, "embedded": 0.2}.get(runtime)
    beside = ""
    if runtime == "docker":
        bare = statistics.median(bare_docker() for _ in range(rounds))
        beside = f"{statistics.median(times) / bare:.2f} x bare engine calls ({bare:.3f} s)"
    row(f"{runtime}: kubectl run to Running, with kubectl's own start", statistics.median(times), "s", goal, beside)


def running(server: Server, name: str) -> float:
    """When a watch told that the pod runs."""
    connection = server.connect()
    connection.request("GET", f"{POD}?watch=true&fieldSelector=metadata.name%3D{name}")
    answer = connection.getresponse()
    while True:
        event = json.loads(answer.readline())
        if event["object"].get("status", {}).get("phase") == "Running":
            connection.close()
            return time.monotonic()


def bare_docker() -> float:
    """Two containers by the engine's own client, the second in the first one's network, as a pod needs them."""
    begun = time.monotonic()
    first = docker("run", "-d", "--network=none", "hyperpy", "sleep", "1000")
    second = docker("run", "-d", f"--network=container:{first}", "hyperpy", "sleep", "1000")
    taken = time.monotonic() - begun
    docker("rm", "-f", first, second)
    return taken


def docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    if arguments[0] == "run":
        command = ["docker", "run", "--entrypoint=", *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def idle(server: Server, runtime: str, period_s: float) -> None:
    before = cpu_seconds(server.process.pid)
    time.sleep(period_s)
    used = cpu_seconds(server.process.pid) - before
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
    row(f"{runtime}: idle memory (RSS)", resident, "MB", 120)
    row(f"{runtime}: idle CPU over {period_s:g} s", 100 * used / period_s, "%", 1.0)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_time(server: Server, rounds: int) -> None:
    for command in (("hyperpy", "ctl", "get", "pods"), ("kubectl", "get", "pods")):
        times = []
        for _ in range(2 * rounds):
            begun = time.monotonic()
            server.run(*command)
            times.append(time.monotonic() - begun)
        row(" ".join(command), statistics.median(times), "s", 0.25 if command[0] == "hyperpy" else None)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runtimes", default="embedded,docker")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--idle", type=float, default=60)
    chosen = arguments.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory(prefix="hyperpy-bench-") as name:
        directory = Path(name)
        for runtime in chosen.runtimes.split(","):
            starts(directory, runtime, chosen.rounds)
            data = directory / f"pods-{runtime}"
            with cluster(data, runtime) as server:
                server.until(server.node_ready)
                idle(server, runtime, chosen.idle)
                command_time(server, chosen.rounds)
                server.run("hyperpy", "image", "build", "--data-dir", str(data), "--container-runtime", runtime)
                pods(server, runtime, chosen.rounds)


if __name__ == "__main__":
    main()
