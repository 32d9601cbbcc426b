"""Each part as a process of its own, over HTTP: together they are a cluster."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from e2e.clusters import BIN, Cluster, build_image

from hyperpy.linux import netns

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

SERVICES, PODS = "10.111.0.0/16", "10.159.0.0/16"


@contextlib.contextmanager
def process(cluster, *command):
    with open(cluster.log, "ab") as log:
        started = subprocess.Popen([BIN / "hyperpy", *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


def test_the_parts_alone_make_a_cluster(tmp_path):
    data, node = tmp_path / "server", f"node-{os.urandom(3).hex()}"
    cluster = Cluster(data, "embedded")
    build_image(tmp_path / "node", "embedded")
    with contextlib.ExitStack() as stack:

        def start(*command):
            cluster.process = stack.enter_context(process(cluster, *command))

        start("apiserver", "--data-dir", data, "--bind-address", "127.0.0.1", "--secure-port", "0",
              "--service-cluster-ip-range", SERVICES)  # fmt: skip
        cluster.wait("the server answers", cluster.kubeconfig.exists)
        admin = ("--kubeconfig", cluster.kubeconfig)
        start("controllers", "--kubeconfig", data / "controllers.kubeconfig", "--cluster-cidr", PODS,
              "--service-cluster-ip-range", SERVICES)  # fmt: skip
        start("scheduler", "--kubeconfig", data / "scheduler.kubeconfig")
        start("proxy", "--kubeconfig", data / "proxy.kubeconfig", "--hostname-override", node,
              "--service-cluster-ip-range", SERVICES)  # fmt: skip
        start("kubelet", *admin, "--hostname-override", node, "--root-dir", tmp_path / "node", "--address", "127.0.0.1",
              "--node-ip", "127.0.0.1", "--port", "0", "--container-runtime", "embedded",
              "--client-ca-file", data / "pki" / "ca.crt")  # fmt: skip
        cluster.wait("the node is Ready", cluster.node_ready)
        cluster.kubectl("run", "web", "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--port=8000",
                        "--command", "--", "python3", "-m", "http.server", "8000")  # fmt: skip
        cluster.kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=60s", timeout=90)
        cluster.kubectl("expose", "pod", "web")
        ip = cluster.get("service", "web")["spec"]["clusterIP"]

        def page():
            done = subprocess.run(["curl", "-sf", "-m", "2", f"http://{ip}:8000/"], capture_output=True, check=False)
            return done.stdout

        assert b"Directory listing" in cluster.wait("the service answers", page)
        assert cluster.kubectl("exec", "web", "--", "echo", "hi").stdout == "hi\n"
        assert "GET / HTTP" in cluster.kubectl("logs", "web").stdout
        holders = {lease["metadata"]["name"] for lease in cluster.get("leases", "-A")["items"]}
        assert {"kube-scheduler", "kube-controller-manager", node} <= holders
        cluster.kubectl("delete", "pod", "web", "--grace-period=1")
        deadline = time.monotonic() + 20
        while list((tmp_path / "node" / "pods").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.1)
    # A kubelet alone leaves its runtime and network for the next one: the test takes them away.
    netns.remove(f"hyperpy-{node}")
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"shim/start.py\0{tmp_path / 'node'}" in (entry / "cmdline").read_text():
                os.kill(int(entry.name), signal.SIGTERM)
