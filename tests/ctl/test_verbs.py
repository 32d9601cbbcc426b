"""Each verb against a canned API server: what it asks, what it prints, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from client.canned import Answer, Asked, Server

from hyperpy.api import kinds, printers
from hyperpy.ctl.apply import LAST_APPLIED

from .commandline import ctl

PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CREATED = "2024-01-01T00:00:00Z"


def _pod(name: str = "web", **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "default", "uid": "u1", "resourceVersion": "7", "creationTimestamp": CREATED}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**meta, **more},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running"},
    }


def _status(reason: str, code: int, message: str, **more: Any) -> Answer:
    return Answer({"kind": "Status", "reason": reason, "code": code, "message": message, **more}, code)


def _listing(kind: kinds.Kind, *items: dict[str, Any]):
    """Answers as the API server does: a Table to who asks for one."""

    def answer(asked: Asked) -> Answer:
        if "as=Table" not in asked.headers["accept"]:
            return Answer({"kind": kind.list_kind, "metadata": {"resourceVersion": "9"}, "items": list(items)})
        table = printers.table(kind, items, now=1704067200 + 60)
        return Answer({**table, "metadata": {"resourceVersion": "9"}})

    return answer


def _one(kind: kinds.Kind, obj: dict[str, Any]):
    def answer(asked: Asked) -> Answer:
        if "as=Table" not in asked.headers["accept"]:
            return Answer(obj)
        return Answer(printers.table(kind, [obj], now=1704067200 + 60))

    return answer


# --- get


def test_get_prints_the_servers_table(server: Server) -> None:
    server.on("GET", PODS, _listing(kinds.POD, _pod("web"), _pod("db")))
    done = ctl(server.url, "get", "pods")
    assert done.out == "NAME   READY   STATUS    RESTARTS   AGE\nweb    0/1     Running   0          60s\n" + (
        "db     0/1     Running   0          60s\n"
    )
    assert (done.code, done.err) == (0, "")


def test_get_of_nothing_says_so(server: Server) -> None:
    server.on("GET", PODS, _listing(kinds.POD))
    done = ctl(server.url, "get", "pods")
    assert (done.code, done.out, done.err) == (0, "", "No resources found in default namespace.\n")


def test_get_passes_selectors_on_in_every_namespace(server: Server) -> None:
    server.on("GET", "/api/v1/pods", _listing(kinds.POD, _pod()))
    done = ctl(server.url, "get", "po", "-A", "-l", "a=b", "--field-selector=status.phase=Running")
    assert done.out.startswith("NAMESPACE   NAME ")
    assert server.asked[0].query == {"labelSelector": ["a=b"], "fieldSelector": ["status.phase=Running"]}


def test_get_of_several_kinds_prefixes_names(server: Server) -> None:
    server.on("GET", PODS, _listing(kinds.POD, _pod()))
    server.on("GET", DEPLOYMENTS, _listing(kinds.DEPLOYMENT))
    server.on("GET", "/api/v1/namespaces/default/services", _listing(kinds.SERVICE, {"metadata": {"name": "s"}}))
    out = ctl(server.url, "get", "pods,deploy,svc").out
    assert "pod/web " in out and "\n\nNAME " in out and "service/s " in out


def test_get_prints_what_is_there_and_fails_for_what_is_not(server: Server) -> None:
    server.on("GET", f"{PODS}/web", _one(kinds.POD, _pod()))
    server.on("GET", f"{PODS}/no", _status("NotFound", 404, 'pods "no" not found'))
    done = ctl(server.url, "get", "pod", "web", "no")
    assert done.code == 1
    assert "web " in done.out
    assert done.err == 'Error from server (NotFound): pods "no" not found\n'
    assert ctl(server.url, "get", "pod", "no", "--ignore-not-found").code == 0


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("name", "pod/web\n"),
        ("jsonpath={.metadata.name}", "web"),
        ("jsonpath={.status.phase}{'\\n'}", "Running\n"),
    ],
)
def test_get_prints_one_object_in_other_forms(server: Server, output: str, text: str) -> None:
    server.on("GET", f"{PODS}/web", _one(kinds.POD, _pod()))
    assert ctl(server.url, "get", "pod/web", "-o", output).out == text


def test_get_prints_json_and_yaml_without_managed_fields(server: Server) -> None:
    server.on("GET", f"{PODS}/web", _one(kinds.POD, _pod(managedFields=[{}])))
    server.on("GET", PODS, _listing(kinds.POD, {"metadata": {"name": "web", "managedFields": []}}))
    shown = orjson.loads(ctl(server.url, "get", "pod", "web", "-ojson").out)
    assert shown["metadata"]["name"] == "web" and "managedFields" not in shown["metadata"]
    listed = orjson.loads(ctl(server.url, "get", "pods", "-o=json").out)
    assert listed["kind"] == "List"
    assert listed["items"] == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}]
    assert ctl(server.url, "get", "pods", "-o", "yaml").out.startswith("apiVersion: v1\nitems:\n- apiVersion: v1\n")


def test_get_watches_from_where_the_list_ended(server: Server) -> None:
    def answer(asked: Asked) -> Answer:
        if "watch" not in asked.query:
            return _listing(kinds.POD, _pod())(asked)
        table = printers.table(kinds.POD, [_pod("a-new-one")], now=1704067200 + 60)
        del table["columnDefinitions"]
        event = {"type": "ADDED", "object": table}
        return Answer(lines=[orjson.dumps({"type": "BOOKMARK", "object": {}}) + b"\n", orjson.dumps(event) + b"\n"])

    server.on("GET", PODS, answer)
    done = ctl(server.url, "get", "pods", "-w")
    assert [line.split()[0] for line in done.out.splitlines()] == ["NAME", "web", "a-new-one"]
    assert server.asked[-1].query["resourceVersion"] == ["9"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("get", "pods", "-o", "xml"), 'unable to match a printer suitable for the output format "xml"'),
        (("get", "pods", "x", "-l", "a=b"), "name cannot be provided when a selector is specified"),
        (("get", "pods", "x", "-A"), "cannot be retrieved by name across all namespaces"),
        (("get", "pods,svc", "-w"), "you may only specify a single resource type"),
        (("get", "nonsense"), 'the server doesn\'t have a resource type "nonsense"'),
    ],
)
def test_get_refuses_what_makes_no_sense(server: Server, args: tuple[str, ...], message: str) -> None:
    done = ctl(server.url, *args)
    assert done.code == 1
    assert message in done.err and done.err.startswith("error: ")


def test_a_custom_kind_is_found_by_asking_the_server(server: Server) -> None:
    group = {
        "metadata": {"name": "example.com"},
        "versions": [
            {
                "version": "v1",
                "resources": [
                    {
                        "resource": "things",
                        "responseKind": {"kind": "Thing"},
                        "scope": "Namespaced",
                        "shortNames": ["th"],
                    }
                ],
            }
        ],
    }
    server.on("GET", "/apis", {"items": [group]})
    path = "/apis/example.com/v1/namespaces/default/things"
    server.on("GET", path, _listing(kinds.Kind("example.com", "v1", "Thing", "things"), {"metadata": {"name": "x"}}))
    assert ctl(server.url, "get", "th", "-o", "name").out == "thing.example.com/x\n"


def test_a_missing_server_reads_as_kubectls() -> None:
    done = ctl("http://127.0.0.1:1", "get", "pods")
    assert done.code == 1
    assert done.err.startswith("The connection to the server 127.0.0.1:1 was refused - did you specify the right host")


# --- run, create, apply


def test_run_makes_a_pod_of_the_image_of_its_name(server: Server) -> None:
    server.on("POST", PODS, _pod("nginx"))
    assert ctl(server.url, "run", "nginx").out == "pod/nginx created\n"
    (body,) = server.bodies("POST")
    assert body["spec"] == {"containers": [{"name": "nginx", "image": "nginx"}], "restartPolicy": "Always"}
    assert body["metadata"] == {"name": "nginx", "namespace": "default", "labels": {"run": "nginx"}}


def test_run_takes_everything_it_offers(server: Server) -> None:
    done = ctl(
        server.url, "run", "x", "--image=a/b:1", "--port=80", "--env", "A=1", "--env=B=", "-l", "t=1,u=2", "-n", "ns",
        "--restart=Never", "--image-pull-policy=Never", "--dry-run=client", "-o", "json", "--command", "--",
        "sh", "-c", "x",
    )  # fmt: skip
    pod = orjson.loads(done.out)
    assert pod["spec"]["containers"] == [
        {
            "name": "x",
            "image": "a/b:1",
            "command": ["sh", "-c", "x"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
            "ports": [{"containerPort": 80}],
            "imagePullPolicy": "Never",
        }
    ]
    assert pod["metadata"] == {"name": "x", "namespace": "ns", "labels": {"t": "1", "u": "2"}}
    assert server.asked == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--restart=Sometimes",), "invalid restart policy: Sometimes"),
        (("--env", "A"), "invalid env: A"),
        (("--labels", "a"), "unexpected labels: a"),
        (("--dry-run=perhaps",), "Invalid dry-run value (perhaps)"),
        (("--command",), "--command needs the command"),
    ],
)
def test_run_refuses_what_makes_no_sense(server: Server, args: tuple[str, ...], message: str) -> None:
    done = ctl(server.url, "run", "x", *args)
    assert (done.code, server.asked) == (1, [])
    assert message in done.err


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {k: "1"}
---
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}
"""


def test_create_makes_every_document(server: Server, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MANIFEST)
    maps = "/api/v1/namespaces/default/configmaps"
    server.on("POST", maps, {"metadata": {"name": "a"}})
    server.on("POST", DEPLOYMENTS, _status("AlreadyExists", 409, 'deployments.apps "b" already exists'))
    done = ctl(server.url, "create", "-f", str(tmp_path))
    assert (done.code, done.out) == (1, "configmap/a created\n")
    source = tmp_path / "m.yaml"
    assert done.err == (
        f'Error from server (AlreadyExists): error when creating "{source}": deployments.apps "b" already exists\n'
    )
    assert server.asked[0].query == {"fieldValidation": ["Strict"], "fieldManager": ["kubectl-create"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "error parsing STDIN: error converting YAML to JSON: yaml: line 1"),
        ("kind: Pod", "apiVersion not set"),
        ("[1]", "a document must be an object"),
        ("", "no objects found"),
        ("{apiVersion: v1, kind: Nope, metadata: {name: x}}", 'no matches for kind "Nope" in version "v1"'),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: other}}",
            'the namespace from the provided object "other" does not match the namespace "mine"',
        ),
    ],
)
def test_a_bad_manifest_is_refused_in_one_line(server: Server, text: str, message: str) -> None:
    done = ctl(server.url, "apply", "-n", "mine", "-f", "-", stdin=text.encode())
    assert done.code == 1
    assert message in done.err
    assert not [asked for asked in server.asked if asked.method != "GET"]


def test_apply_creates_what_is_missing_and_remembers_the_manifest(server: Server) -> None:
    maps = "/api/v1/namespaces/default/configmaps"
    server.on("POST", maps, {"metadata": {"name": "a"}})
    text = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1"}}'
    assert ctl(server.url, "apply", "-f", "-", stdin=text).out == "configmap/a created\n"
    (body,) = server.bodies("POST")
    remembered = orjson.loads(body["metadata"]["annotations"][LAST_APPLIED])
    assert remembered == {**orjson.loads(text), "metadata": {"name": "a", "namespace": "default", "annotations": {}}}


def _applied(manifest: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """A live object that carries the manifest it was applied from."""
    before = {**manifest, "metadata": {**manifest["metadata"], "namespace": "default", "annotations": {}}}
    text = (orjson.dumps(before, option=orjson.OPT_SORT_KEYS) + b"\n").decode()
    return {**live, "metadata": {**live["metadata"], "namespace": "default", "annotations": {LAST_APPLIED: text}}}


def test_apply_changes_what_differs_and_forgets_what_left(server: Server) -> None:
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1", "gone": "x"}}
    live = {**old, "data": {**old["data"], "by-others": "y"}}
    path = "/api/v1/namespaces/default/configmaps/a"
    server.on("GET", path, _applied(old, live))
    server.on("PATCH", path, {"metadata": {"name": "a"}})
    assert ctl(server.url, "apply", "-f", "-", stdin=orjson.dumps(old)).out == "configmap/a unchanged\n"
    new = {**old, "data": {"k": "2"}}
    assert ctl(server.url, "apply", "-f", "-", stdin=orjson.dumps(new)).out == "configmap/a configured\n"
    (body,) = server.bodies("PATCH")
    assert body["data"] == {"k": "2", "gone": None}
    assert server.asked[-1].headers["content-type"] == "application/strategic-merge-patch+json"


def test_apply_tries_again_after_a_conflict(server: Server) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "2"}}
    path = "/api/v1/namespaces/default/configmaps/a"
    server.on("GET", path, {**manifest, "data": {}})
    server.on("PATCH", path, _status("Conflict", 409, "changed"), Answer({"metadata": {"name": "a"}}))
    done = ctl(server.url, "apply", "-f", "-", stdin=orjson.dumps(manifest))
    assert (done.code, done.out) == (0, "configmap/a configured\n")
    assert done.err.startswith("Warning: resource configmaps/a is missing the kubectl.kubernetes.io/last-applied")


# --- delete, scale, expose, label


def test_delete_waits_until_the_object_is_gone(server: Server) -> None:
    server.on("DELETE", f"{PODS}/web", _pod())
    server.on("GET", f"{PODS}/web", _pod())
    gone = orjson.dumps({"type": "DELETED", "object": _pod()}) + b"\n"
    server.on("GET", PODS, Answer(lines=[gone]))
    done = ctl(server.url, "delete", "pod", "web", "--grace-period=5", "--cascade=orphan")
    assert (done.code, done.out) == (0, 'pod "web" deleted\n')
    (body,) = server.bodies("DELETE")
    assert (body["gracePeriodSeconds"], body["propagationPolicy"]) == (5, "Orphan")
    assert server.asked[-1].query["fieldSelector"] == ["metadata.name=web"]


def test_delete_does_not_wait_when_told_so(server: Server) -> None:
    server.on("DELETE", f"{PODS}/web", _pod())
    assert ctl(server.url, "delete", "pod/web", "--wait=false", "--now").code == 0
    assert [asked.method for asked in server.asked] == ["DELETE"]
    assert ctl(server.url, "delete", "pod/web", "--force").out == 'pod "web" force deleted\n'
    assert [body["gracePeriodSeconds"] for body in server.bodies("DELETE")] == [1, 0]


def test_delete_by_label_deletes_what_is_found(server: Server) -> None:
    server.on("GET", PODS, _listing(kinds.POD, _pod("a"), _pod("b")))
    for name in ("a", "b"):
        server.on("DELETE", f"{PODS}/{name}", {"kind": "Status", "status": "Success", "details": {"uid": "u1"}})
    assert ctl(server.url, "delete", "pods", "-l", "x=y").out == 'pod "a" deleted\npod "b" deleted\n'
    assert server.asked[0].query == {"labelSelector": ["x=y"]}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("pods",), "no name was specified"),
        (("pods", "x", "--all"), "name cannot be provided"),
        (("pod/x", "--cascade=maybe"), "Invalid cascade value (maybe)"),
        (("pod/x", "--now", "--grace-period=3"), "cannot be specified together"),
        (("pod/none",), "Error from server (NotFound)"),
    ],
)
def test_delete_refuses_what_makes_no_sense(server: Server, args: tuple[str, ...], message: str) -> None:
    done = ctl(server.url, "delete", *args)
    assert done.code == 1
    assert message in done.err


def test_scale_patches_the_scale(server: Server) -> None:
    path = f"{DEPLOYMENTS}/web/scale"
    server.on("PATCH", path, {})
    server.on("GET", path, {"metadata": {"resourceVersion": "5"}, "spec": {"replicas": 2}})
    assert ctl(server.url, "scale", "deploy/web", "--replicas=3").out == "deployment.apps/web scaled\n"
    assert ctl(server.url, "scale", "deploy", "web", "--replicas=4", "--current-replicas=2").code == 0
    assert server.bodies("PATCH") == [
        {"spec": {"replicas": 3}},
        {"spec": {"replicas": 4}, "metadata": {"resourceVersion": "5"}},
    ]
    done = ctl(server.url, "scale", "deploy", "web", "--replicas=4", "--current-replicas=1")
    assert (done.code, done.err) == (1, "error: Expected replicas to be 1, was 2\n")
    assert "has no scale of pods" in ctl(server.url, "scale", "pod/web", "--replicas=1").err


def test_expose_makes_a_service_for_the_objects_pods(server: Server) -> None:
    deployment = {
        "metadata": {"name": "web", "labels": {"l": "1"}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "spec": {"containers": [{"ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]}]}
            },
        },
    }
    server.on("GET", f"{DEPLOYMENTS}/web", deployment)
    server.on("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "web"}})
    assert ctl(server.url, "expose", "deploy", "web", "--type=NodePort").out == "service/web exposed\n"
    (body,) = server.bodies("POST")
    assert body["metadata"] == {"name": "web", "namespace": "default", "labels": {"l": "1"}}
    assert body["spec"] == {
        "type": "NodePort",
        "selector": {"app": "web"},
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 80, "name": "port-1"},
            {"port": 53, "protocol": "UDP", "targetPort": 53, "name": "port-2"},
        ],
    }


def test_label_sets_and_removes(server: Server) -> None:
    server.on("GET", f"{PODS}/web", _pod(labels={"old": "1", "same": "s"}))
    server.on("PATCH", f"{PODS}/web", {})
    assert ctl(server.url, "label", "pod", "web", "new=2", "old-", "same=s").out == "pod/web labeled\n"
    assert ctl(server.url, "label", "pod", "web", "old-").out == "pod/web unlabeled\n"
    assert ctl(server.url, "label", "pod", "web", "same=s").out == "pod/web not labeled\n"
    assert server.bodies("PATCH") == [
        {"metadata": {"labels": {"new": "2", "old": None}}},
        {"metadata": {"labels": {"old": None}}},
    ]
    done = ctl(server.url, "label", "pod/web", "old=9")
    assert (done.code, done.err) == (1, "error: 'old' already has a value (1), and --overwrite is false\n")
    assert ctl(server.url, "label", "--overwrite", "pod/web", "old=9").code == 0


# --- logs, exec, describe


def test_logs_are_copied_as_they_come(server: Server) -> None:
    server.on("GET", f"{PODS}/web", _pod())
    server.on("GET", f"{PODS}/web/log", Answer(lines=[b"one\ntw", b"o\n\xff\n"]))
    out = subprocess_out(server, "logs", "web", "-f", "--tail=5", "--since=2m", "--timestamps", "-p")
    assert out == b"one\ntwo\n\xff\n"
    assert server.asked[-1].query == {
        "container": ["c"], "follow": ["true"], "tailLines": ["5"], "sinceSeconds": ["120"], "timestamps": ["true"],
        "previous": ["true"],
    }  # fmt: skip


def subprocess_out(server: Server, *args: str) -> bytes:
    command = [sys.executable, "-m", "hyperpy", "ctl", "-s", server.url, *args]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


def test_logs_of_a_workload_are_those_of_its_best_pod(server: Server) -> None:
    pods = [_pod("a"), _pod("b")]
    pods[1]["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    pods[1]["spec"]["containers"].append({"name": "d"})
    server.on("GET", f"{DEPLOYMENTS}/web", {"metadata": {}, "spec": {"selector": {"matchLabels": {"app": "web"}}}})
    server.on("GET", PODS, _listing(kinds.POD, *pods))
    server.on("GET", f"{PODS}/b/log", Answer(lines=[b"x\n"]))
    done = ctl(server.url, "logs", "deploy/web")
    assert done.out == "x\n"
    assert done.err == 'Found 2 pods, using pod/b\nDefaulted container "c" out of: c, d\n'
    assert "container z not found in pod b" in ctl(server.url, "logs", "deploy/web", "-c", "z").err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("exec", "web", "ls"), "Use exec [POD] -- [COMMAND] instead"),
        (("exec", "web"), "at least one command"),
        (("exec", "web", "--"), "at least one command"),
        (("exec", "none", "--", "ls"), "Error from server (NotFound)"),
    ],
)
def test_exec_refuses_what_makes_no_sense(server: Server, args: tuple[str, ...], message: str) -> None:
    done = ctl(server.url, *args)
    assert done.code == 1
    assert message in done.err


def test_exec_asks_for_the_streams_it_joins(server: Server) -> None:
    server.on("GET", f"{PODS}/web", _pod())
    server.on("GET", f"{PODS}/web/exec", _status("BadRequest", 400, "pod web does not have a host assigned"))
    done = ctl(server.url, "exec", "web", "--", "sh", "-c", "a b")
    assert (done.code, done.err) == (1, "Error from server (BadRequest): pod web does not have a host assigned\n")
    assert server.asked[-1].query == {
        "container": ["c"], "command": ["sh", "-c", "a b"], "stdin": ["false"], "stdout": ["true"], "stderr": ["true"],
        "tty": ["false"],
    }  # fmt: skip


def test_describe_shows_the_object_and_its_events(server: Server) -> None:
    event = {
        "metadata": {"name": "e"}, "type": "Normal", "reason": "Started", "message": "Started it", "count": 1,
        "source": {"component": "kubelet"}, "lastTimestamp": CREATED, "firstTimestamp": CREATED,
    }  # fmt: skip
    server.on("GET", f"{PODS}/web", _pod(labels={"a": "1"}))
    server.on("GET", "/api/v1/namespaces/default/events", _listing(kinds.EVENT, event))
    out = ctl(server.url, "describe", "pod", "web").out
    assert out.splitlines()[0].split() == ["Name:", "web"]
    assert "Started it" in out and "Labels:" in out and "a=1" in out
    selector = server.asked[-1].query["fieldSelector"][0]
    assert selector == "involvedObject.kind=Pod,involvedObject.name=web,involvedObject.uid=u1"


def test_describe_takes_the_beginning_of_a_name(server: Server) -> None:
    server.on("GET", PODS, _listing(kinds.POD, _pod("web-1"), _pod("db-1")))
    server.on("GET", "/api/v1/namespaces/default/events", _listing(kinds.EVENT))
    out = ctl(server.url, "describe", "pod", "web").out
    assert "web-1" in out and "db-1" not in out
    assert ctl(server.url, "describe", "pod", "none").code == 1


@pytest.mark.parametrize(
    "kind",
    [kind for kind in kinds.BUILT_IN if "get" in kind.verbs and kind.stored is None],
    ids=lambda kind: kind.qualified,
)
def test_describe_copes_with_a_bare_object_of_every_kind(server: Server, kind: kinds.Kind) -> None:
    meta = {"name": "x", "uid": "u", **({"namespace": "default"} if kind.namespaced else {})}
    bare = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": {"template": {}}}
    server.on("GET", kind.path(namespace="default", name="x"), bare)
    for path in ("/api/v1/events", "/api/v1/namespaces/default/events", PODS, "/api/v1/pods"):
        server.on("GET", path, {"items": []})
    server.on("GET", "/apis/apps/v1/namespaces/default/replicasets", {"items": []})
    done = ctl(server.url, "describe", kind.plural, "x")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Name: ")


def test_a_get_loads_nothing_heavy(server: Server) -> None:
    server.on("GET", PODS, _listing(kinds.POD))
    script = (
        "import sys; sys.argv = ['hyperpy', 'ctl', '-s', sys.argv[1], 'get', 'pods']\n"
        "from hyperpy.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pydantic', 'aiohttp', 'asyncio', 'ruamel', 'sqlalchemy'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script, server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip().splitlines()[-1] == "[]"
