"""The whole path of a newcomer with real kubectl, on both runtimes: run, look, log in, scale, expose, delete."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import time
import urllib.request

import pytest
from e2e.clusters import BIN

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

ECHO = """
import socket, socketserver, threading
class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(socket.gethostname().encode() + b" " + self.rfile.readline())
class Udp(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(socket.gethostname().encode() + b" " + self.rfile.read())
socketserver.ThreadingTCPServer.allow_reuse_address = True
threading.Thread(target=socketserver.ThreadingUDPServer(("", 7000), Udp).serve_forever, daemon=True).start()
print("serving", flush=True)
socketserver.ThreadingTCPServer(("", 7000), Tcp).serve_forever()
"""


def run_pod(cluster, namespace, name, *command):
    cluster.kubectl(
        "run", name, "-n", namespace, "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--restart=Never",
        "--command", "--", *command,
    )  # fmt: skip
    cluster.kubectl("wait", "-n", namespace, f"pod/{name}", "--for=condition=Ready", "--timeout=60s", timeout=90)


def test_version_and_api_resources(cluster):
    version = json.loads(cluster.kubectl("version", "-o", "json").stdout)
    assert version["serverVersion"]["minor"] == "34"
    listed = cluster.kubectl("api-resources").stdout
    assert re.search(r"^deployments +deploy +apps/v1 +true +Deployment$", listed, re.MULTILINE)
    assert re.search(r"^pods +po +v1 +true +Pod$", listed, re.MULTILINE)


def test_a_pod_is_run_looked_at_logged_into_and_deleted(cluster, namespace):
    run_pod(
        cluster, namespace, "web", "sh", "-c", "echo out; echo err >&2; echo $HOSTNAME; while true; do sleep 1; done"
    )
    wide = cluster.kubectl("get", "pod", "web", "-n", namespace, "-o", "wide").stdout
    assert re.search(r"^web +1/1 +Running +0 +\S+ +\d+\.\d+\.\d+\.\d+ ", wide, re.MULTILINE), wide
    pod = cluster.get("pod", "web", "-n", namespace)
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["podIP"] in wide
    described = cluster.kubectl("describe", "pod", "web", "-n", namespace).stdout
    assert "Status:           Running" in described
    for reason in ("Scheduled", "Created", "Started"):
        assert reason in described
    logs = cluster.kubectl("logs", "web", "-n", namespace).stdout
    assert sorted(logs.split()) == ["err", "out", "web"]
    done = cluster.kubectl("exec", "web", "-n", namespace, "--", "sh", "-c", "echo hi; exit 7", check=False)
    assert (done.stdout, done.returncode) == ("hi\n", 7)
    fed = cluster.kubectl("exec", "-i", "web", "-n", namespace, "--", "cat", stdin="from stdin")
    assert fed.stdout == "from stdin"
    cluster.kubectl("label", "pod", "web", "-n", namespace, "tier=front")
    assert "web" in cluster.kubectl("get", "pods", "-n", namespace, "-l", "tier=front", "-o", "name").stdout
    begun = time.monotonic()
    cluster.kubectl("delete", "pod", "web", "-n", namespace, "--grace-period=1")
    assert time.monotonic() - begun < 20
    assert cluster.kubectl("get", "pods", "-n", namespace, "-o", "name").stdout == ""


def test_logs_are_followed_to_the_end(cluster, namespace):
    cluster.kubectl(
        "run", "count", "-n", namespace, "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--restart=Never",
        "--command", "--", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done",
    )  # fmt: skip
    cluster.wait(
        "the pod has a container",
        lambda: (
            cluster.get("pod", "count", "-n", namespace)["status"].get("containerStatuses", [{}])[0].get("containerID")
        ),
    )
    logs = cluster.kubectl("logs", "-f", "count", "-n", namespace).stdout
    assert logs.splitlines() == [f"line {number}" for number in range(1, 6)]
    cluster.wait("it succeeded", lambda: cluster.get("pod", "count", "-n", namespace)["status"]["phase"] == "Succeeded")


def test_an_interactive_shell_has_a_terminal(cluster, namespace):
    run_pod(cluster, namespace, "shell", "sleep", "1000")
    master, slave = pty.openpty()
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    process = subprocess.Popen(
        [BIN / "kubectl", "exec", "-it", "-n", namespace, "shell", "--", "sh"],
        stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    os.write(master, b"test -t 0 && echo a $((40+2)) terminal; exit 3\r")
    shown, end = b"", time.monotonic() + 20
    while b"a 42 terminal" not in shown and time.monotonic() < end:
        if select.select([master], [], [], 1)[0]:
            shown += os.read(master, 4096)
    assert b"a 42 terminal" in shown, shown
    assert process.wait(20) == 3
    os.close(master)


def test_a_deployment_rolls_out_scales_and_is_reached_through_its_service(cluster, namespace):
    manifest = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "echo"},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "echo"}},
                    "template": {
                        "metadata": {"labels": {"app": "echo"}},
                        "spec": {
                            "terminationGracePeriodSeconds": 1,
                            "containers": [
                                {
                                    "name": "echo",
                                    "image": "hyperpy",
                                    "imagePullPolicy": "IfNotPresent",
                                    "command": ["python3", "-c", ECHO],
                                    "readinessProbe": {"tcpSocket": {"port": 7000}, "periodSeconds": 1},
                                }
                            ],
                        },
                    },
                },
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "udp"},
                "spec": {
                    "type": "NodePort",
                    "selector": {"app": "echo"},
                    "ports": [{"name": "udp", "port": 7001, "targetPort": 7000, "protocol": "UDP"}],
                },
            },
        ],
    }
    applied = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest)).stdout
    assert applied.splitlines() == ["deployment.apps/echo created", "service/udp created"]
    again = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest)).stdout
    assert again.splitlines() == ["deployment.apps/echo unchanged", "service/udp unchanged"]
    rollout = cluster.kubectl("rollout", "status", "deployment/echo", "-n", namespace, "--timeout=90s", timeout=120)
    assert "successfully rolled out" in rollout.stdout
    exposed = cluster.kubectl(
        "expose", "deployment", "echo", "-n", namespace, "--port=7001", "--target-port=7000", "--type=NodePort"
    )
    assert exposed.stdout == "service/echo exposed\n"
    tcp = cluster.get("service", "echo", "-n", namespace)["spec"]
    udp = cluster.get("service", "udp", "-n", namespace)["spec"]
    cluster.wait("the service answers", lambda: ask_tcp(tcp["clusterIP"], 7001))
    for where in ((tcp["clusterIP"], 7001), ("127.0.0.1", tcp["ports"][0]["nodePort"])):
        answers = {ask_tcp(*where) for _ in range(10)}
        assert len(answers) == 2, f"not balanced over both pods at {where}: {answers}"
    for where in ((udp["clusterIP"], 7001), ("127.0.0.1", udp["ports"][0]["nodePort"])):
        assert cluster.wait("UDP answers", lambda where=where: ask_udp(*where)).startswith("echo-")
    run_pod(cluster, namespace, "client", "sleep", "1000")
    for kind, ip in (("SOCK_STREAM", tcp["clusterIP"]), ("SOCK_DGRAM", udp["clusterIP"])):
        script = (
            f"import socket; s = socket.socket(socket.AF_INET, socket.{kind}); s.settimeout(5); "
            f"s.connect(('{ip}', 7001)); s.send(b'hi\\n'); print(s.recv(100).decode())"
        )
        assert cluster.kubectl("exec", "client", "-n", namespace, "--", "python3", "-c", script).stdout.startswith(
            "echo-"
        )
    cluster.kubectl("scale", "deployment", "echo", "-n", namespace, "--replicas=3")
    cluster.kubectl("rollout", "status", "deployment/echo", "-n", namespace, "--timeout=90s", timeout=120)
    slices = cluster.get("endpointslices", "-n", namespace, "-l", "kubernetes.io/service-name=echo")["items"]
    assert sum(len(part["endpoints"]) for part in slices) == 3
    cluster.kubectl("delete", "deployment", "echo", "-n", namespace)
    cluster.wait(
        "its pods are gone", lambda: not cluster.get("pods", "-n", namespace, "-l", "app=echo")["items"], limit_s=30
    )


def test_a_crashing_container_backs_off_and_keeps_its_exit_code(cluster, namespace):
    cluster.kubectl(
        "run", "crash", "-n", namespace, "--image=hyperpy", "--image-pull-policy=IfNotPresent",
        "--command", "--", "sh", "-c", "echo dying; exit 3",
    )  # fmt: skip

    def backing_off():
        (status,) = cluster.get("pod", "crash", "-n", namespace)["status"].get("containerStatuses") or [{}]
        waiting = status.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
        return status if waiting and status["restartCount"] >= 1 else None

    status = cluster.wait("it backs off", backing_off)
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert cluster.kubectl("logs", "crash", "-n", namespace, "--previous").stdout == "dying\n"


def test_an_image_that_cannot_be_pulled_says_so(cluster, namespace):
    cluster.kubectl("run", "nope", "-n", namespace, "--image=registry.invalid/nothing:1")

    def reason():
        (status,) = cluster.get("pod", "nope", "-n", namespace)["status"].get("containerStatuses") or [{}]
        return status.get("state", {}).get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff")

    cluster.wait("it is told", reason)
    assert "registry.invalid/nothing:1" in cluster.kubectl("describe", "pod", "nope", "-n", namespace).stdout


def test_a_pod_reaches_the_api_server_as_its_service_account(cluster, namespace):
    script = (
        "import os, ssl, urllib.request as u; d = '/var/run/secrets/kubernetes.io/serviceaccount/'; "
        "h = os.environ['KUBERNETES_SERVICE_HOST'] + ':' + os.environ['KUBERNETES_SERVICE_PORT']; "
        "r = u.Request('https://' + h + '/apis', headers={'Authorization': 'Bearer ' + open(d + 'token').read()}); "
        "print(u.urlopen(r, context=ssl.create_default_context(cafile=d + 'ca.crt'), timeout=10).status)"
    )
    run_pod(cluster, namespace, "inside", "sleep", "1000")
    assert cluster.kubectl("exec", "inside", "-n", namespace, "--", "python3", "-c", script).stdout == "200\n"


def test_port_forward(cluster, namespace):
    run_pod(cluster, namespace, "server", "python3", "-c", ECHO)
    logs = ("logs", "server", "-n", namespace)  # kubectl gives up at the first connection that is refused
    cluster.wait("the pod serves", lambda: "serving" in cluster.kubectl(*logs).stdout)
    process = subprocess.Popen(
        [BIN / "kubectl", "port-forward", "-n", namespace, "pod/server", ":7000"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
    )  # fmt: skip
    try:
        port = int(re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline()).group(1))
        answer = cluster.wait("the forwarded port answers", lambda: ask_tcp("127.0.0.1", port), limit_s=15)
        assert answer == "server"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def ask_tcp(host, port):
    """The first word of the answer, or None when nobody answers."""
    try:
        with socket.create_connection((host, port), timeout=3) as made:
            made.sendall(b"hello\n")
            return made.recv(200).decode().split()[0]
    except (OSError, IndexError):
        return None


def ask_udp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(1)
        try:
            made.sendto(b"hello", (host, port))
            return made.recv(200).decode()
        except OSError:
            return None


def test_the_example_serves_its_page(cluster, namespace):
    cluster.kubectl("apply", "-n", namespace, "-f", "examples/01-hello/")
    cluster.kubectl("rollout", "status", "deployment/hello", "-n", namespace, "--timeout=90s", timeout=120)

    def page():
        try:
            return urllib.request.urlopen("http://127.0.0.1:30080/", timeout=3).read().decode()
        except OSError:
            return None

    assert cluster.wait("the page is served", page).startswith("Hello from pod hello-")
    cluster.kubectl("delete", "-n", namespace, "-f", "examples/01-hello/")
