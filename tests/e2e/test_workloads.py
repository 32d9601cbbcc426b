"""Every kind of workload with real kubectl: made, watched, changed, taken back, told about and deleted.

One cluster of three hollow nodes for all of them. The node of `hyperpy all` is cordoned, so that Jobs come to the two
whose containers of the image `busybox` end by themselves.
"""

import json
import os
import re
import signal
import subprocess

import pytest
from e2e.clusters import BIN, Cluster

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

PROFILE = """
rules:
- {image: busybox, startSeconds: 0.05, runSeconds: 0.1}
- {image: broken, startSeconds: 0.05, runSeconds: 0.1, exitCode: 3}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    home = tmp_path_factory.mktemp("workloads")
    made = Cluster(home / "data", "hollow")
    profile = home / "profile.yaml"
    profile.write_text(PROFILE)
    nodes = None
    try:
        made.start()
        made.kubectl("cordon", made.get("nodes")["items"][0]["metadata"]["name"])
        flags = ["--container-runtime", "hollow", "--nodes", "2", "--hollow-profile", profile]
        with open(home / "nodes.log", "wb") as log:
            nodes = subprocess.Popen(
                [BIN / "hyperpy", "kubelet", *flags, "--kubeconfig", made.kubeconfig], stdout=log, stderr=log
            )
        made.kubectl("wait", "--for=create", "node/hollow-1", "--timeout=30s")
        made.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=30s")
        yield made
    finally:
        if nodes is not None:
            nodes.send_signal(signal.SIGINT)
            nodes.wait(30)
        made.stop()


@pytest.fixture
def kubectl(cluster):
    """kubectl in a namespace of the test's own; gives what it said."""
    name = f"t-{os.urandom(4).hex()}"
    cluster.kubectl("create", "namespace", name)

    def ask(*arguments, **options):
        done = cluster.kubectl("-n", name, *arguments, **options)
        return done.stdout + done.stderr

    yield ask
    cluster.kubectl("delete", "namespace", name, "--wait=false", check=False)


def pods(kubectl, app):
    listed = json.loads(kubectl("get", "pods", "-l", f"app={app}", "-o", "json"))["items"]
    return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]


def images(kubectl, app):
    return [pod["spec"]["containers"][0]["image"] for pod in pods(kubectl, app)]


def workload(kind, name, **spec):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    body = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return json.dumps({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body})


def test_a_deployment_is_rolled_out_back_paused_and_restarted(kubectl):
    kubectl("create", "deployment", "web", "--image=nginx:1", "--replicas=2")
    status = ("rollout", "status", "deployment/web", "--timeout=30s")
    assert kubectl(*status).endswith('deployment "web" successfully rolled out\n')
    kubectl("annotate", "deployment/web", "kubernetes.io/change-cause=the first")
    kubectl("set", "image", "deployment/web", "nginx=nginx:2")
    kubectl("annotate", "deployment/web", "--overwrite", "kubernetes.io/change-cause=the second")
    assert "successfully rolled out" in kubectl(*status)
    assert images(kubectl, "web") == ["nginx:2"] * 2
    history = kubectl("rollout", "history", "deployment/web")
    assert re.findall(r"^(\d) +(.*)$", history, re.MULTILINE)[0][0] == "1"
    assert re.search(r"^2 +the second$", history, re.MULTILINE), history
    assert "Image:\tnginx:1\n" in kubectl("rollout", "history", "deployment/web", "--revision=1")
    assert kubectl("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    kubectl(*status)
    assert images(kubectl, "web") == ["nginx:1"] * 2
    assert re.findall(r"^(\d) ", kubectl("rollout", "history", "deployment/web"), re.MULTILINE) == ["2", "3"]
    kubectl("rollout", "pause", "deployment/web")
    kubectl("set", "image", "deployment/web", "nginx=nginx:3")
    generation = json.loads(kubectl("get", "deployment", "web", "-o", "json"))["metadata"]["generation"]
    seen = f"jsonpath={{.status.observedGeneration}}={generation}"
    kubectl("wait", f"--for={seen}", "deployment/web", "--timeout=10s")
    assert images(kubectl, "web") == ["nginx:1"] * 2
    assert "Progressing    Unknown  DeploymentPaused" in kubectl("describe", "deployment", "web")
    kubectl("rollout", "resume", "deployment/web")
    kubectl(*status)
    assert images(kubectl, "web") == ["nginx:3"] * 2
    before = {pod["metadata"]["name"] for pod in pods(kubectl, "web")}
    assert kubectl("rollout", "restart", "deployment/web") == "deployment.apps/web restarted\n"
    kubectl(*status)
    assert before.isdisjoint(pod["metadata"]["name"] for pod in pods(kubectl, "web"))
    told = kubectl("describe", "deployment", "web")
    assert "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in told
    assert re.search(
        r"Normal +ScalingReplicaSet .* deployment-controller +Scaled up replica set web-\S+ from 0 to", told
    )
    assert re.search(r"NewReplicaSet: +web-\S+ \(2/2 replicas created\)", told)


def test_a_daemonset_is_on_every_node_and_rolls_there_and_back(kubectl):
    kubectl("apply", "-f", "-", stdin=workload("DaemonSet", "agent"))
    status = ("rollout", "status", "daemonset/agent", "--timeout=30s")
    assert kubectl(*status).endswith('daemon set "agent" successfully rolled out\n')
    assert len({pod["spec"]["nodeName"] for pod in pods(kubectl, "agent")}) == 3
    columns = kubectl("get", "daemonset", "agent").splitlines()
    assert columns[0].split()[:6] == ["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE"]
    assert columns[1].split()[:6] == ["agent", "3", "3", "3", "3", "3"]
    kubectl("set", "image", "daemonset/agent", "main=nginx:2")
    kubectl(*status)
    assert images(kubectl, "agent") == ["nginx:2"] * 3
    assert re.findall(r"^(\d) ", kubectl("rollout", "history", "daemonset/agent"), re.MULTILINE) == ["1", "2"]
    assert "daemonset.apps/agent rolled back" in kubectl("rollout", "undo", "daemonset/agent")
    kubectl(*status)
    assert images(kubectl, "agent") == ["nginx"] * 3
    kubectl("rollout", "restart", "daemonset/agent")
    kubectl(*status)
    told = kubectl("describe", "daemonset", "agent")
    assert "Desired Number of Nodes Scheduled: 3" in told
    assert "Pods Status:  3 Running / 0 Waiting / 0 Succeeded / 0 Failed" in told
    assert re.search(r"Normal +SuccessfulDelete .* daemonset-controller +Deleted pod: agent-", told)
    kubectl("delete", "daemonset", "agent", "--cascade=foreground")
    assert not pods(kubectl, "agent")


def test_a_statefulset_has_ordered_pods_behind_its_headless_service(kubectl):
    kubectl("create", "service", "clusterip", "db", "--clusterip=None", "--tcp=80")
    kubectl("apply", "-f", "-", stdin=workload("StatefulSet", "db", replicas=3, serviceName="db"))
    status = ("rollout", "status", "statefulset/db", "--timeout=40s")
    assert "partitioned roll out complete: 3 new pods have been updated..." in kubectl(*status)
    made = sorted(pods(kubectl, "db"), key=lambda pod: pod["metadata"]["name"])
    assert [pod["metadata"]["name"] for pod in made] == ["db-0", "db-1", "db-2"]
    stamps = [pod["metadata"]["creationTimestamp"] for pod in made]
    assert stamps == sorted(stamps)
    assert all(pod["spec"]["hostname"] == pod["metadata"]["name"] for pod in made)
    slices = json.loads(kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=db", "-o", "json"))["items"]
    assert sorted(each["hostname"] for part in slices for each in part["endpoints"]) == ["db-0", "db-1", "db-2"]
    kubectl("set", "image", "statefulset/db", "main=nginx:2")
    kubectl(*status)
    assert images(kubectl, "db") == ["nginx:2"] * 3
    kubectl("rollout", "undo", "statefulset/db")
    kubectl(*status)
    assert images(kubectl, "db") == ["nginx"] * 3
    kubectl("rollout", "restart", "statefulset/db")
    kubectl(*status)
    assert kubectl("scale", "statefulset", "db", "--replicas=1") == "statefulset.apps/db scaled\n"
    kubectl("wait", "--for=delete", "pod/db-1", "--timeout=20s")
    assert re.search(r"^db +1/1 ", kubectl("get", "statefulset", "db"), re.MULTILINE)
    told = kubectl("describe", "statefulset", "db")
    assert "Pods Status:    1 Running / 0 Waiting / 0 Succeeded / 0 Failed" in told
    assert "create Pod db-0 in StatefulSet db successful" in told
    assert "delete Pod db-2 in StatefulSet db successful" in told
    assert "pausing is not supported" in kubectl("rollout", "pause", "statefulset/db", check=False)


def test_jobs_complete_or_fail_and_can_be_waited_for(kubectl):
    kubectl("create", "job", "good", "--image=busybox", "--", "true")
    assert kubectl("wait", "--for=condition=complete", "job/good", "--timeout=30s") == "job.batch/good condition met\n"
    assert re.search(r"^good +Complete +1/1 +\d+s ", kubectl("get", "job", "good"), re.MULTILINE)
    told = kubectl("describe", "job", "good")
    assert "Pods Statuses:    0 Active (0 Ready) / 1 Succeeded / 0 Failed" in told
    assert re.search(r"Normal +SuccessfulCreate .* job-controller +Created pod: good-", told)
    assert re.search(r"Normal +Completed .* job-controller +Job completed", told)
    bad = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "bad"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "broken"}]}},
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(bad))
    kubectl("wait", "--for=condition=failed", "job/bad", "--timeout=30s")
    assert re.search(r"^bad +Failed +0/1 ", kubectl("get", "job", "bad"), re.MULTILINE)
    told = kubectl("describe", "job", "bad")
    assert re.search(r"Warning +BackoffLimitExceeded .* Job has reached the specified backoff limit", told)
    kubectl("delete", "job", "good", "bad")
    kubectl("wait", "--for=delete", "pod", "-l", "job-name", "--timeout=20s")


def test_a_job_made_by_hand_from_a_cronjob_is_not_one_of_its_runs(kubectl):
    kubectl("create", "cronjob", "tick", "--image=busybox", "--schedule=0 0 1 1 *", "--", "date")
    kubectl("create", "job", "by-hand", "--from=cronjob/tick")
    kubectl("wait", "--for=condition=complete", "job/by-hand", "--timeout=30s")
    columns = kubectl("get", "cronjob", "tick").splitlines()
    assert columns[0].split()[:5] == ["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE"]
    assert re.match(r"tick +0 0 1 1 \* +<none> +False +0 +<none> ", columns[1])
    told = kubectl("describe", "cronjob", "tick")
    assert re.search(r"Warning +UnexpectedJob .*Saw a job that the controller did not create or forgot: by-hand", told)
    assert "SawCompletedJob" not in told
    kubectl("delete", "cronjob", "tick")
    kubectl("wait", "--for=delete", "job/by-hand", "--timeout=20s")


def test_pods_outlive_a_deployment_that_is_deleted_as_an_orphan_and_are_adopted_again(kubectl):
    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    before = {pod["metadata"]["name"] for pod in pods(kubectl, "web")}
    kubectl("delete", "deployment", "web", "--cascade=orphan")
    (left,) = json.loads(kubectl("get", "replicasets", "-o", "json"))["items"]
    assert "ownerReferences" not in left["metadata"]
    kubectl("create", "deployment", "web", "--image=nginx", "--replicas=2")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert {pod["metadata"]["name"] for pod in pods(kubectl, "web")} == before
    listed = kubectl("get", "all")
    for line in (
        r"^pod/web-\S+ +1/1 +Running ",
        r"^deployment.apps/web +2/2 +2 +2 ",
        r"^replicaset.apps/web-\S+ +2 +2 +2 ",
    ):
        assert re.search(line, listed, re.MULTILINE), listed
    kubectl("delete", "deployment", "web", "--cascade=foreground")
    assert json.loads(kubectl("get", "pods,replicasets", "-o", "json"))["items"] == []
