"""Two API servers on one PostgreSQL, each asked by a real kubectl: together they are one cluster."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.clusters import BIN, Cluster, home_of
from store.real_postgres import Postgres

pytestmark = pytest.mark.timeout(120)


@contextlib.contextmanager
def api_server(data: Path, endpoint: str) -> Iterator[Cluster]:
    """A server that answers."""
    server = Cluster(data, "")
    command = [BIN / "hyperpy", "apiserver", "--data-dir", data, "--bind-address", "127.0.0.1", "--secure-port", "0"]
    with open(server.log, "ab") as log:
        server.process = subprocess.Popen(
            [*command, f"--datastore-endpoint={endpoint}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:

        def answers() -> bool:
            assert server.process.poll() is None, server.log.read_text()[-3000:]
            return server.kubeconfig.exists() and server.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok"

        server.wait("the server answers", answers)
        yield server
    finally:
        server.stop()


def test_two_api_servers_are_one_cluster(tmp_path: Path, postgresql: Postgres) -> None:
    endpoint = postgresql.create_database()
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(api_server(tmp_path / "one", endpoint))
        shutil.copytree(one.data / "pki", tmp_path / "two" / "pki")
        shutil.copy(one.data / "VERSION", tmp_path / "two")
        two = stack.enter_context(api_server(tmp_path / "two", endpoint))

        environment = {"KUBECONFIG": str(two.kubeconfig), "HOME": str(home_of(two.kubeconfig))}
        command = [BIN / "kubectl", "get", "configmaps", "--watch-only", "-o", "name", "-l", "app=web"]
        watching = stack.enter_context(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        stack.callback(watching.kill)
        for number in range(5):
            writer, reader = (one, two) if number % 2 == 0 else (two, one)
            writer.kubectl("create", "configmap", f"c{number}", "--from-literal=a=1")
            writer.kubectl("label", "configmap", f"c{number}", "app=web")
            assert len(reader.get("configmaps", "-l", "app=web")["items"]) == number + 1
            reader.kubectl("annotate", "configmap", f"c{number}", "seen=yes")
            assert writer.get("configmap", f"c{number}")["metadata"]["annotations"] == {"seen": "yes"}
            writer.kubectl("create", "service", "clusterip", f"s{number}", "--tcp=80")
        seen = {watching.stdout.readline().strip() for _ in range(5)}
        assert seen <= {f"configmap/c{number}" for number in range(5)}
        addresses = {service["spec"]["clusterIP"] for service in one.get("services")["items"]}
        assert len(addresses) == 6  # five, and `kubernetes`

        postgresql.cut_connections(endpoint)
        one.wait("it answers again", lambda: one.kubectl("get", "configmap", "c0", check=False).returncode == 0)
        one.stop(signal.SIGKILL)
        two.wait("it answers again", lambda: two.kubectl("get", "configmap", "c0", check=False).returncode == 0)
        two.kubectl("delete", "configmap", "c0")
        assert "storage_size_bytes" in two.kubectl("get", "--raw", "/metrics").stdout
        for server in (one, two):
            assert "s3cret" not in server.log.read_text()
