"""ctl why: against a scheduler in another process, and what it makes of what it finds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hyperpy.components.scheduler.remedies import Help, Remedy
from hyperpy.components.scheduler.trace import Part, Refusal, Trace
from hyperpy.ctl.why_text import Story, text

HYPERPY = [sys.executable, "-m", "hyperpy"]
Ctl = Callable[..., subprocess.CompletedProcess[str]]

BEARS = [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]


@pytest.fixture(scope="module")
def ctl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ctl]:
    """Runs ctl against an API server process beside which a scheduler process runs."""
    data = tmp_path_factory.mktemp("why") / "data"
    environment = {**os.environ, "KUBECONFIG": str(data / "kubeconfig")}
    processes = []

    def start(*command: str) -> None:
        with open(data.parent / "log", "ab") as log:
            processes.append(subprocess.Popen([*HYPERPY, *command], stdout=log, stderr=log, env=environment))

    def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HYPERPY, "ctl", *args],
            input=stdin, env=environment, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def until(holds: Callable[[], Any]) -> None:
        end = time.monotonic() + 30
        while not holds():
            alive = all(process.poll() is None for process in processes)
            assert alive and time.monotonic() < end, (data.parent / "log").read_text()
            time.sleep(0.1)

    run.until = until  # type: ignore[attr-defined]
    try:
        start("apiserver", "--data-dir", str(data), "--secure-port", "0", "--bind-address", "127.0.0.1")
        until(lambda: (data / "kubeconfig").exists() and not run("get", "ns", "default").returncode)
        start("scheduler", "--leader-elect=false")
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        assert not run("create", "-f", "-", stdin=json.dumps(account)).returncode
        for name, cpu in (("small", "1"), ("large", "4")):
            allocatable = {"cpu": cpu, "memory": "4Gi", "pods": "10"}
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
                    "status": {"allocatable": allocatable, "capacity": allocatable}}  # fmt: skip
            assert not run("create", "-f", "-", stdin=json.dumps(node)).returncode
        yield run
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGINT)
            process.wait(20)


def make(ctl: Ctl, name: str, cpu: str = "100m", **spec: Any) -> None:
    container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
           "spec": {"containers": [container], "automountServiceAccountToken": False, **spec}}  # fmt: skip
    done = ctl("create", "-f", "-", stdin=json.dumps(pod))
    assert not done.returncode, done.stderr


def why(ctl: Ctl, name: str, until: str) -> str:
    """The answer, when it says what the scheduler will have told soon."""
    ctl.until(lambda: until in ctl("why", name).stdout)  # type: ignore[attr-defined]
    return ctl("why", name).stdout


def test_a_pod_that_fits_nowhere_is_explained_with_what_would_help(ctl: Ctl) -> None:
    make(ctl, "huge", cpu="8", tolerations=BEARS)
    told = why(ctl, "huge", "says default-scheduler")
    assert "none of 2 nodes will do" in told
    assert "NodeResourcesFit   2       Insufficient cpu" in told
    assert "What would help, the smallest change first:\n  ask for at most 4 cpu (node large)\n" in told


def test_json_has_the_whole_trace(ctl: Ctl) -> None:
    make(ctl, "picky", nodeSelector={"disk": "ssd"}, tolerations=BEARS)
    why(ctl, "picky", "says default-scheduler")
    found = json.loads(ctl("why", "picky", "-o", "json").stdout)
    assert found["trace"]["refusals"][0]["plugin"] == "NodeAffinity"
    assert found["help"]["remedies"][0]["steps"] == ["label it disk=ssd"]
    assert sorted(found["help"]["remedies"][0]["nodes"]) == ["large", "small"]


def test_a_pod_that_has_a_node_is_told_its_scores(ctl: Ctl) -> None:
    make(ctl, "fine", cpu="900m", tolerations=BEARS)
    told = why(ctl, "fine", "is on node")
    told = why(ctl, "fine", "the best of 2 possible nodes")
    assert "fine is on node large, by default-scheduler" in told and "the next best, small, had" in told
    assert "NodeResourcesFit" in told


def test_pods_that_no_scheduler_looks_at_are_told_apart(ctl: Ctl) -> None:
    make(ctl, "gated", schedulingGates=[{"name": "example.com/quota"}])
    make(ctl, "foreign", schedulerName="nobody")
    assert "it has scheduling gates: example.com/quota" in ctl("why", "gated").stdout
    assert "Does one named nobody run?" in ctl("why", "foreign").stdout
    missing = ctl("why", "nothing")
    assert missing.returncode == 1 and 'pods "nothing" not found' in missing.stderr
    assert "why asks about pods; node/small is none" in ctl("why", "node/small").stderr
    assert "use json" in ctl("why", "gated", "-o", "yaml").stderr


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "namespace": "default"}, "spec": {"containers": [], **spec}}


def test_a_decision_that_is_forgotten_is_said_to_be() -> None:
    told = text(Story(pod(nodeName="n"), None, ""))
    assert told.startswith("web is on node n. Why is not known any more")


def test_the_message_of_another_scheduler_stands_in_for_a_trace() -> None:
    assert "web has no node: 0/3 nodes are available" in text(Story(pod(), None, "0/3 nodes are available: …"))


def test_many_nodes_and_changes_are_cut_short_and_counted() -> None:
    trace = Trace(300, 3, refusals=[Refusal("P", ["no"], 300, [f"n{number}" for number in range(20)])])
    remedies = [Remedy((f"delete the pod default/p{number} from it",), 5, ("n0",)) for number in range(8)]
    remedies.append(Remedy(("uncordon it", "tolerate that"), 7, tuple(f"n{number}" for number in range(9))))
    told = text(Story(pod(), trace, "", age_s=75, help=Help((), tuple(remedies)), unasked=("Quiet",)))
    assert "(75s ago), try 3: none of 300 nodes will do" in told
    assert "n0, n1, n2, n3, n4 and 295 more" in told
    assert told.count("delete the pod") == 3 and "… and 5 more" in told
    assert "uncordon it and tolerate that (one of n0, n1, n2, n3, n4 and 4 more)" in told
    assert "Not asked, because they cannot be here: Quiet." in told


def test_the_only_possible_node_and_an_empty_cluster_are_told() -> None:
    assert "the only one of 5 nodes that was possible" in text(Story(pod(nodeName="n"), Trace(5, 1, "n"), ""))
    assert "there are no nodes" in text(Story(pod(), Trace(0, 1), ""))
    assert "no change that could be tried here" in text(Story(pod(), Trace(1, 1), "", help=Help((), ())))
    assert "was not tried: forbidden" in text(Story(pod(), Trace(1, 1), "", no_help="not tried: forbidden"))


def test_scores_are_listed_by_what_they_count() -> None:
    parts = [Part("Small", 90, 1), Part("Big", 50, 3)]
    told = text(Story(pod(nodeName="n"), Trace(9, 1, "n", 4, (), parts, "m", 200), ""))
    assert "the best of 4 possible nodes, of 9, with 240; the next best, m, had 200" in told
    assert told.index("Big") < told.index("Small")
