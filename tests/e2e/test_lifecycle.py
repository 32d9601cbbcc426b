"""Starting, killing, stopping: what was acknowledged stays, what runs is adopted, nothing is left behind."""

import os
import signal
import subprocess

import pytest
from e2e.clusters import BIN, Cluster, build_image, running, traces

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

RUNTIMES = [pytest.param("embedded"), pytest.param("docker", marks=pytest.mark.docker)]


def sleeper(cluster, name):
    cluster.kubectl(
        "run", name, "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--restart=Always", "--command", "--",
        "sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done",
    )  # fmt: skip
    cluster.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=60s", timeout=90)
    return cluster.get("pod", name)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_kill_9_loses_no_write_and_running_containers_are_adopted(tmp_path, runtime):
    with running(tmp_path / "data", runtime) as cluster:
        pod = sleeper(cluster, "steady")
        first, uid = pod["status"], pod["metadata"]["uid"]
        assert traces(cluster.data, uid)
        for number in range(20):
            cluster.kubectl("create", "configmap", f"written-{number}", "--from-literal=a=b")
        cluster.process.kill()
        cluster.process.wait()
        cluster.start()
        written = cluster.kubectl("get", "configmaps", "-o", "name").stdout
        assert all(f"configmap/written-{number}\n" in written for number in range(20))
        cluster.kubectl("wait", "pod/steady", "--for=condition=Ready", "--timeout=30s")
        again = cluster.get("pod", "steady")["status"]
        for field in ("containerID", "restartCount", "state"):
            assert again["containerStatuses"][0][field] == first["containerStatuses"][0][field]
        assert again["podIP"] == first["podIP"]
        assert cluster.kubectl("exec", "steady", "--", "echo", "still here").stdout == "still here\n"
    assert traces(cluster.data, uid) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_ctrl_c_stops_the_pods_too_and_a_second_start_brings_them_back(tmp_path, runtime):
    with running(tmp_path / "data", runtime) as cluster:
        pod = sleeper(cluster, "steady")
        first, uid = pod["status"], pod["metadata"]["uid"]
        assert traces(cluster.data, uid)
        cluster.stop(signal.SIGINT)
        assert cluster.process.returncode == 0, cluster.log.read_text()[-3000:]
        assert traces(cluster.data, uid) == []
        cluster.start()

        def back():
            (status,) = cluster.get("pod", "steady")["status"]["containerStatuses"]
            fresh = status.get("containerID") != first["containerStatuses"][0]["containerID"]
            return fresh and status["ready"]

        cluster.wait("the pod runs again", back)
    assert traces(cluster.data, uid) == []


def test_two_clusters_start_at_once_and_live_side_by_side(tmp_path):
    one, two = Cluster(tmp_path / "one", "embedded"), Cluster(tmp_path / "two", "embedded")
    for cluster in (one, two):
        build_image(cluster.data, "embedded")
    try:
        for cluster in (one, two):
            cluster.begin()
        addresses = set()
        for cluster in (one, two):
            cluster.wait("the node is Ready", cluster.node_ready)
            addresses.add(sleeper(cluster, "same-name")["status"]["podIP"])
            cluster.kubectl("expose", "pod", "same-name", "--port=80")
            addresses.add(cluster.get("service", "same-name")["spec"]["clusterIP"])
        assert len(addresses) == 4
        two.kubectl("delete", "pod", "same-name", "--grace-period=1")
        assert one.get("pod", "same-name")["status"]["phase"] == "Running"
    finally:
        one.stop()
        two.stop()
    assert traces(one.data) + traces(two.data) == []


class TestBadInput:
    """Each gives one clear line that says what, where and what to do, and the right exit code."""

    def fails(self, tmp_path, *arguments, code=1):
        environment = {**os.environ, "HYPERPY_DATA_DIR": str(tmp_path / "default")}
        done = subprocess.run(
            [BIN / "hyperpy", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def start(self, tmp_path, *arguments, **how):
        return self.fails(
            tmp_path, "all", "--data-dir", str(tmp_path / "data"), "--container-runtime", "embedded", *arguments, **how
        )

    def test_a_taken_port(self, tmp_path):
        import socket

        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            told = self.start(tmp_path, "--secure-port", str(port))
        assert f"127.0.0.1:{port}" in told
        assert "--secure-port" in told

    def test_a_data_directory_of_another_version_and_one_that_is_not_ours(self, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "VERSION").write_text("99\n")
        assert "has layout 99" in self.start(tmp_path, "--secure-port", "0")
        (tmp_path / "data" / "VERSION").unlink()
        (tmp_path / "data" / "precious").write_text("x")
        assert "not a hyperpy data directory" in self.start(tmp_path, "--secure-port", "0")

    def test_a_data_directory_in_use(self, tmp_path):
        with running(tmp_path / "data", "embedded") as cluster:
            assert f"in use by process {cluster.process.pid}" in self.start(tmp_path, "--secure-port", "0")
            assert cluster.node_ready()

    def test_a_missing_runtime(self, tmp_path):
        told = self.start(
            tmp_path,
            "--secure-port",
            "0",
            "--container-runtime",
            "docker",
            "--container-runtime-endpoint",
            "unix:///nowhere.sock",
        )
        assert "/nowhere.sock" in told
        assert "nosuch" in self.start(tmp_path, "--secure-port", "0", "--container-runtime", "nosuch", code=1)

    def test_an_unknown_flag_is_a_usage_error(self, tmp_path):
        assert "No such option: --frobnicate" in self.start(tmp_path, "--frobnicate", code=2)

    def test_a_manifest_to_apply_that_does_not_exist(self, tmp_path):
        assert "nowhere.yaml" in self.start(tmp_path, "--secure-port", "0", "--apply", "nowhere.yaml")


@pytest.mark.parametrize("client", ["kubectl", "ctl"])
def test_bad_manifests_are_refused_with_their_place_and_lose_nothing(embedded, client):
    ask = getattr(embedded, client)

    def refused(text, *arguments):
        done = ask(*(arguments or ("apply", "-f", "-")), stdin=text, check=False)
        assert done.returncode == 1, done.stdout
        return done.stderr

    assert refused("a: [1\n")
    assert "Nonsense" in refused("apiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n")
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {containers: [{name: c, image: i%s}]%s}\n"
    assert 'unknown field "spec.containers[0].imagee"' in refused(pod % (", imagee: x", ""))
    assert "spec.restartPolicy" in refused(pod % ("", ", restartPolicy: Sometimes"))
    assert 'metadata.name: Invalid value: "Bad_Name"' in refused(pod.replace("bad", "Bad_Name") % ("", ""))
    assert "not found" in refused("", "get", "pod", "bad")


def test_the_kubeconfig_goes_where_it_is_asked_to(tmp_path):
    cluster = Cluster(tmp_path / "data", "hollow")
    cluster.kubeconfig = tmp_path / "elsewhere" / "config"
    try:
        cluster.start("--kubeconfig-out", str(cluster.kubeconfig))
        assert oct(cluster.kubeconfig.stat().st_mode)[-3:] == "600"
    finally:
        cluster.stop()
