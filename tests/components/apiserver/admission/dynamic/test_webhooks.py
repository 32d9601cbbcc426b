"""Webhooks over real HTTPS: who is asked, what is sent, what becomes of the answers."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from aiohttp import web

from hyperpy.api import errors
from hyperpy.api.wire import Request, UserInfo
from hyperpy.components.apiserver import chain
from hyperpy.components.apiserver.admission.dynamic import service
from hyperpy.components.apiserver.admission.dynamic.service import Endpoint
from hyperpy.components.apiserver.streams.connecting import Connecting

Obj = dict[str, Any]

MAPS = "/api/v1/namespaces/default/configmaps"
NAMESPACES = "/api/v1/namespaces"


def deny(**status: Any) -> Any:
    return lambda request: {"allowed": False, "status": status}


def asked(webhook_server: Any) -> list[str]:
    return [path for path, _ in webhook_server.calls]


async def create(cluster: Any, make_config_map: Any, name: str = "x", *, query: str = "", **extra: Any) -> Obj:
    return await cluster.json("POST", f"{MAPS}{query}", make_config_map(name, **extra))


async def test_refusal_carries_the_webhooks_words(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("validating", make_hook())
    webhook_server.answers["/a"] = deny(message="not today", code=403, reason="Forbidden")
    with pytest.raises(errors.StatusError) as caught:
        await create(cluster, make_config_map)
    assert caught.value.message == 'admission webhook "a.example.com" denied the request: not today'
    assert (caught.value.code, caught.value.status()["reason"]) == (403, "Forbidden")
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", f"{MAPS}/x")


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        ({}, 400, " without explanation"),
        ({"reason": "Because"}, 400, ": Because"),
        ({"code": 200, "message": "m"}, 400, ": m"),
        ({"code": 429, "message": "later"}, 429, ": later"),
    ],
    ids=["nothing", "a reason", "a wrong code", "a code"],
)
async def test_refusal_with_little_to_say(
    cluster: Any,
    configure: Any,
    make_hook: Any,
    make_config_map: Any,
    webhook_server: Any,
    status: Obj,
    code: int,
    text: str,
):
    await configure("mutating", make_hook())
    webhook_server.answers["/a"] = deny(**status)
    with pytest.raises(errors.StatusError) as caught:
        await create(cluster, make_config_map)
    assert caught.value.message == f'admission webhook "a.example.com" denied the request{text}'
    assert caught.value.code == code


async def test_question_tells_everything(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("validating", make_hook(timeoutSeconds=7))
    await create(cluster, make_config_map)
    changed = {**make_config_map("x"), "data": {"a": "2"}}
    await cluster.json("PUT", f"{MAPS}/x?dryRun=All", changed)
    await cluster.json("DELETE", f"{MAPS}/x")
    created, updated, deleted = (request for _, request in webhook_server.calls)
    assert webhook_server.queries == ["timeout=7s"] * 3
    assert created["kind"] == created["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert created["resource"] == created["requestResource"]
    assert created["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (created["operation"], created["name"], created["namespace"]) == ("CREATE", "x", "default")
    assert created["userInfo"] == {"username": "tester", "groups": ["system:masters"]}
    assert (created["dryRun"], created["oldObject"]) == (False, None)
    assert created["object"]["data"] == {"a": "1"}
    assert created["object"]["kind"] == "ConfigMap"
    assert (updated["operation"], updated["dryRun"], updated["options"]["dryRun"]) == ("UPDATE", True, ["All"])
    assert (updated["object"]["data"], updated["oldObject"]["data"]) == ({"a": "2"}, {"a": "1"})
    assert (deleted["operation"], deleted["object"]) == ("DELETE", None)
    assert deleted["oldObject"]["metadata"]["name"] == "x"
    assert len({request["uid"] for request in (created, updated, deleted)}) == 3


async def test_made_up_name_is_seen_when_the_object_is_complete(
    cluster: Any, configure: Any, make_hook: Any, webhook_server: Any, make_patch: Any
):
    await configure("mutating", make_hook("a"))
    await configure("validating", make_hook("b"))
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "add", "path": "/data", "value": {"a": "1"}})
    stored = await cluster.json("POST", MAPS, {"metadata": {"generateName": "x-"}})
    before, after = (request for _, request in webhook_server.calls)
    assert ("name" in before, "name" in after) == (False, False)
    assert "name" not in before["object"]["metadata"]
    assert after["object"]["metadata"]["name"] == stored["metadata"]["name"]
    assert stored["data"] == {"a": "1"}


async def test_mutating_webhooks_change_the_object_in_order(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, make_patch: Any
):
    await configure("mutating", make_hook("z"), make_hook("b"), name="one")
    await configure("mutating", make_hook("c"), name="another")

    def add(letter: str) -> Any:
        def answer(request: Obj) -> Obj:
            before = request["object"]["data"]["a"]
            return make_patch({"op": "replace", "path": "/data/a", "value": before + letter})

        return answer

    for letter in "zbc":
        webhook_server.answers[f"/{letter}"] = add(letter)
    stored = await create(cluster, make_config_map)
    assert stored["data"] == {"a": "1czb"}
    assert asked(webhook_server) == ["/c", "/z", "/b"]


async def test_what_a_webhook_adds_is_defaulted_and_validated(
    cluster: Any, configure: Any, make_hook: Any, make_pod: Any, webhook_server: Any, make_patch: Any
):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    await configure("mutating", make_hook(rules=[rule]))
    sidecar = {"name": "side", "image": "busybox", "unknown": 1}
    webhook_server.answers["/a"] = lambda request: make_patch(
        {"op": "add", "path": "/spec/containers/-", "value": sidecar},
        {"op": "add", "path": "/metadata/uid", "value": "mine"},
    )
    stored = await cluster.json("POST", "/api/v1/namespaces/default/pods", make_pod("web"))
    added = stored["spec"]["containers"][1]
    assert added["terminationMessagePath"] == "/dev/termination-log"
    assert "unknown" not in added
    assert added["volumeMounts"], "the plugins before the webhooks have another turn"
    assert stored["metadata"]["uid"] != "mine"
    sidecar["name"] = "main"
    with pytest.raises(errors.Invalid, match=r"spec.containers\[1\].name: Duplicate value"):
        await cluster.json("POST", "/api/v1/namespaces/default/pods", make_pod("other"))


async def test_reinvocation_asks_those_again_that_wish_so(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, make_patch: Any
):
    hooks = [
        make_hook("never"),
        make_hook("needed", reinvocationPolicy="IfNeeded"),
        make_hook("changing"),
        make_hook("last", reinvocationPolicy="IfNeeded"),
    ]
    await configure("mutating", *hooks)
    webhook_server.answers["/changing"] = lambda request: make_patch({"op": "add", "path": "/data/b", "value": "2"})
    await create(cluster, make_config_map)
    assert asked(webhook_server) == ["/never", "/needed", "/changing", "/last", "/needed"]
    webhook_server.calls.clear()
    del webhook_server.answers["/changing"]
    await create(cluster, make_config_map, "y")
    assert asked(webhook_server) == ["/never", "/needed", "/changing", "/last"]


async def test_configuration_is_in_force_at_once_and_no_longer_than_it_is_there(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await create(cluster, make_config_map, "before")
    await configure("validating", make_hook())
    await create(cluster, make_config_map, "under")
    where = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/test"
    patch = [{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": f"{webhook_server.config()['url']}new"}]
    await cluster.json("PATCH", where, patch, content_type="application/json-patch+json")
    await create(cluster, make_config_map, "changed")
    await cluster.json("DELETE", where)
    await create(cluster, make_config_map, "after")
    assert asked(webhook_server) == ["/a", "/new"]


async def test_configurations_of_admission_are_no_concern_of_webhooks(
    cluster: Any, configure: Any, make_hook: Any, webhook_server: Any
):
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
    webhook_server.answers["/a"] = deny(message="no")
    await configure("validating", make_hook(rules=[rule]))
    await configure("mutating", make_hook(rules=[rule]), name="closed")
    base = "/apis/admissionregistration.k8s.io/v1"
    await cluster.json("DELETE", f"{base}/mutatingwebhookconfigurations/closed")
    await cluster.json("DELETE", f"{base}/validatingwebhookconfigurations/test")
    assert webhook_server.calls == []


RULES: dict[str, tuple[Obj, list[str]]] = {
    "creations": ({"operations": ["CREATE"]}, ["CREATE"]),
    "updates and deletions": ({"operations": ["UPDATE", "DELETE"]}, ["UPDATE", "DELETE"]),
    "another group": ({"apiGroups": ["apps"]}, []),
    "another version": ({"apiVersions": ["v2"]}, []),
    "everything": ({"resources": ["*"]}, ["CREATE", "UPDATE", "DELETE"]),
    "everything with subresources": ({"resources": ["*/*"]}, ["CREATE", "UPDATE", "DELETE"]),
    "only subresources": ({"resources": ["*/status"]}, []),
    "things in namespaces": ({"scope": "Namespaced"}, ["CREATE", "UPDATE", "DELETE"]),
    "things of the cluster": ({"scope": "Cluster"}, []),
}


@pytest.mark.parametrize(("changes", "operations"), RULES.values(), ids=RULES.keys())
async def test_rules_tell_who_is_asked(
    cluster: Any,
    configure: Any,
    make_hook: Any,
    make_config_map: Any,
    webhook_server: Any,
    changes: Obj,
    operations: list[str],
):
    hook = make_hook()
    await configure("validating", make_hook(rules=[{**hook["rules"][0], **changes}]))
    await create(cluster, make_config_map)
    await cluster.json("PUT", f"{MAPS}/x", {**make_config_map("x"), "data": {"a": "2"}})
    await cluster.json("DELETE", f"{MAPS}/x")
    assert [request["operation"] for _, request in webhook_server.calls] == operations


async def test_status_is_a_subresource_of_its_own(
    cluster: Any, configure: Any, make_hook: Any, make_pod: Any, webhook_server: Any
):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/status"], "operations": ["*"]}
    await configure("validating", make_hook(rules=[rule]))
    pods = "/api/v1/namespaces/default/pods"
    stored = await cluster.json("POST", pods, make_pod("web"))
    await cluster.json("PUT", f"{pods}/web/status", {**stored, "status": {"phase": "Running"}})
    [(_, request)] = webhook_server.calls
    assert (request["subResource"], request["requestSubResource"]) == ("status", "status")
    assert request["object"]["status"]["phase"] == "Running"


async def test_equivalent_versions_are_asked_about_in_their_own_form(
    cluster: Any, configure: Any, make_hook: Any, webhook_server: Any, make_patch: Any
):
    rule = {
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v2"],
        "resources": ["horizontalpodautoscalers"],
        "operations": ["CREATE"],
    }
    await configure(
        "validating", make_hook("exact", rules=[rule], matchPolicy="Exact"), make_hook("like", rules=[rule])
    )
    await configure("mutating", make_hook("change", rules=[rule]))
    webhook_server.answers["/change"] = lambda request: make_patch(
        {"op": "replace", "path": "/spec/metrics/0/resource/target/averageUtilization", "value": 33}
    )
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    where = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    stored = await cluster.json("POST", where, {"metadata": {"name": "h"}, "spec": spec})
    assert stored["spec"]["targetCPUUtilizationPercentage"] == 33
    assert stored["apiVersion"] == "autoscaling/v1"
    assert asked(webhook_server) == ["/change", "/like"]
    request = webhook_server.calls[1][1]
    assert (request["kind"]["version"], request["requestKind"]["version"]) == ("v2", "v1")
    assert (request["resource"]["version"], request["requestResource"]["version"]) == ("v2", "v1")
    assert request["object"]["apiVersion"] == "autoscaling/v2"


async def test_selectors_tell_who_is_asked(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await cluster.json("POST", NAMESPACES, {"metadata": {"name": "blue", "labels": {"color": "blue"}}})
    await configure(
        "validating",
        make_hook("space", namespaceSelector={"matchLabels": {"color": "blue"}}),
        make_hook("object", objectSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
    )
    await create(cluster, make_config_map, "none")
    await create(cluster, make_config_map, "labelled", labels={"app": "web"})
    await cluster.json("POST", f"{NAMESPACES}/blue/configmaps", {"metadata": {"name": "x"}})
    assert [(path, request["name"]) for path, request in webhook_server.calls] == [
        ("/object", "labelled"),
        ("/space", "x"),
    ]
    webhook_server.calls.clear()
    await cluster.json("PUT", f"{MAPS}/labelled", make_config_map("labelled"))
    assert asked(webhook_server) == ["/object"], "the old object's labels count too"


async def test_namespaces_are_selected_by_their_own_labels(
    cluster: Any, configure: Any, make_hook: Any, webhook_server: Any
):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces", "nodes"], "operations": ["CREATE"]}
    selector = {"matchLabels": {"color": "blue"}}
    await configure("validating", make_hook(rules=[rule], namespaceSelector=selector))
    await cluster.json("POST", NAMESPACES, {"metadata": {"name": "red", "labels": {"color": "red"}}})
    await cluster.json("POST", NAMESPACES, {"metadata": {"name": "blue", "labels": {"color": "blue"}}})
    await cluster.json("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    assert [(request["name"], request.get("namespace")) for _, request in webhook_server.calls] == [
        ("blue", "blue"),
        ("n1", None),
    ]


async def test_match_conditions_tell_who_is_asked(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    conditions = [
        {"name": "not-tmp", "expression": "!object.metadata.name.startsWith('tmp')"},
        {"name": "user", "expression": "request.userInfo.username == 'tester' && oldObject == null"},
        {"name": "may", "expression": "authorizer.requestResource.check('create').allowed()"},
    ]
    await configure("validating", make_hook(matchConditions=conditions))
    await create(cluster, make_config_map, "tmp-1")
    await create(cluster, make_config_map, "kept")
    assert [request["name"] for _, request in webhook_server.calls] == ["kept"]


async def test_match_condition_that_fails_is_up_to_the_failure_policy(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    broken = {"name": "broken", "expression": "object.data.missing == 'x'"}
    await configure("validating", make_hook(matchConditions=[broken], failurePolicy="Ignore"))
    await create(cluster, make_config_map)
    assert webhook_server.calls == []
    await configure("validating", make_hook(matchConditions=[broken]), name="strict")
    with pytest.raises(errors.Forbidden) as caught:
        await create(cluster, make_config_map, "y")
    assert caught.value.message == (
        "configmaps \"y\" is forbidden: expression 'object.data.missing == 'x'' resulted in error: no such key: missing"
    )
    false = {"name": "false", "expression": "false"}
    await configure("validating", make_hook(matchConditions=[broken, false]), name="decided")
    where = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    await cluster.json("DELETE", f"{where}/strict")
    await create(cluster, make_config_map, "y")


async def test_dry_run_is_not_shown_to_webhooks_with_side_effects(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, make_patch: Any
):
    await configure("mutating", make_hook(sideEffects="NoneOnDryRun"))
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "add", "path": "/data/b", "value": "2"})
    answer = await create(cluster, make_config_map, query="?dryRun=All")
    assert answer["data"] == {"a": "1", "b": "2"}
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", f"{MAPS}/x")


async def test_warnings_reach_the_client_and_annotations_the_audit(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, noted: Any
):
    await configure("validating", make_hook())
    webhook_server.answers["/a"] = lambda request: {
        "allowed": True,
        "warnings": ["old field", 'with "quotes"'],
        "auditAnnotations": {"seen": "yes"},
    }
    response = await cluster.send("POST", MAPS, make_config_map("x"))
    assert response.headers["Warning"] == '299 - "old field", 299 - "with \\"quotes\\""'
    assert noted == {"a.example.com/seen": "yes"}
    assert noted.waited_s > 0
    (asked,) = cluster.handler.core.instruments.snapshot(["apiserver_admission_webhook_admission_duration_seconds"])
    ((labels, duration),) = asked.samples
    assert (labels, sum(duration.counts)) == (("a.example.com", "CREATE", "false", "validating"), 1)


async def test_validating_webhooks_are_asked_together(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    both = asyncio.Barrier(2)

    async def meet(request: Obj) -> Obj:
        await both.wait()
        return {"allowed": False, "status": {"message": request["uid"]}}

    webhook_server.answers["/a"] = webhook_server.answers["/b"] = meet
    await configure("validating", make_hook("a"), make_hook("b"))
    with pytest.raises(errors.StatusError, match='"a.example.com" denied'):
        await create(cluster, make_config_map)


def raw(body: bytes, status: int = 200) -> Any:
    return lambda request: web.Response(body=body, status=status, content_type="application/json")


def review(**response: Any) -> Any:
    def answer(request: Obj) -> web.Response:
        told = {"uid": request["uid"], "allowed": True, **response}
        kind = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        return web.json_response({**kind, "response": told})

    return answer


BAD_ANSWERS: dict[str, tuple[str, Any, str]] = {
    "no JSON": ("validating", raw(b"hello"), "failed to call webhook: couldn't get version/kind; json parse error: "),
    "no response": (
        "validating",
        raw(b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'),
        "received invalid webhook response: webhook response was absent",
    ),
    "another uid": (
        "validating",
        review(uid="1"),
        'received invalid webhook response: expected response.uid="',
    ),
    "another version": (
        "validating",
        lambda request: web.json_response(
            {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "response": {"uid": request["uid"]}}
        ),
        "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, "
        "got admission.k8s.io/v1beta1, Kind=AdmissionReview",
    ),
    "a patch where none is taken": (
        "validating",
        review(patch="W10=", patchType="JSONPatch"),
        "received invalid webhook response: validating webhook may not return response.patch",
    ),
    "a patch without a type": (
        "mutating",
        review(patch="W10="),
        "received invalid webhook response: webhook returned response.patch but not response.patchType",
    ),
    "a type without a patch": (
        "mutating",
        review(patchType="JSONPatch"),
        "received invalid webhook response: webhook returned response.patchType but not response.patch",
    ),
    "a patch of another type": (
        "mutating",
        review(patch="W10=", patchType="Merge"),
        'received invalid webhook response: unsupported patch type "Merge"',
    ),
    "not found": (
        "validating",
        raw(b"", 404),
        "failed to call webhook: the server could not find the requested resource",
    ),
    "a crash": (
        "mutating",
        raw(b"boom", 500),
        'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
    ),
}


@pytest.mark.parametrize(("sort", "answer", "why"), BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_bad_answer_is_up_to_the_failure_policy(
    cluster: Any,
    configure: Any,
    make_hook: Any,
    make_config_map: Any,
    webhook_server: Any,
    sort: str,
    answer: Any,
    why: str,
):
    webhook_server.answers["/a"] = answer
    await configure(sort, make_hook(failurePolicy="Ignore"), name="lax")
    await create(cluster, make_config_map)
    await configure(sort, make_hook(), name="strict")
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map, "y")
    text = f'failed calling webhook "a.example.com": {why}'
    assert caught.value.message.startswith(f"Internal error occurred: {text}")
    assert caught.value.details["causes"][0]["message"].startswith(text)


async def test_patch_that_does_not_apply_is_an_internal_error(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, make_patch: Any
):
    await configure("mutating", make_hook(failurePolicy="Ignore"))
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "remove", "path": "/data/zz"})
    with pytest.raises(errors.InternalError, match="Internal error occurred: "):
        await create(cluster, make_config_map)
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "replace", "path": "/data", "value": 3})
    with pytest.raises(errors.InternalError, match="unable to decode the patched object: data"):
        await create(cluster, make_config_map)


async def test_deletion_cannot_be_patched(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, make_patch: Any
):
    await create(cluster, make_config_map)
    await configure("mutating", make_hook())
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "remove", "path": "/data"})
    with pytest.raises(errors.InternalError, match="attempted to modify the object, which is not supported"):
        await cluster.json("DELETE", f"{MAPS}/x")


async def test_webhook_that_takes_too_long_is_given_up(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    never = asyncio.Event()

    async def wait(request: Obj) -> Obj:
        await never.wait()
        return {"allowed": True}

    webhook_server.answers["/a"] = wait
    await configure("validating", make_hook(timeoutSeconds=1))
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map)
    never.set()
    url = f"https://127.0.0.1:{webhook_server.port}/a?timeout=1s"
    assert caught.value.message == (
        'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: '
        f'Post "{url}": context deadline exceeded'
    )


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_unreachable_webhook_is_told_as_go_tells_it(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    port = free_port()
    closed = {"url": f"https://127.0.0.1:{port}/a"}
    await configure("validating", make_hook(clientConfig=closed))
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map)
    assert caught.value.message.endswith(
        f'Post "https://127.0.0.1:{port}/a?timeout=10s": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


async def test_certificate_must_be_signed_by_whom_the_configuration_trusts(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("validating", make_hook(clientConfig={"url": webhook_server.config("/a")["url"]}))
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map)
    why = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    assert caught.value.message.endswith(why)


async def test_certificate_must_be_for_the_services_name(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    outside = {"metadata": {"name": "other"}, "spec": {"type": "ExternalName", "externalName": "localhost"}}
    await cluster.json("POST", "/api/v1/namespaces/default/services", outside)
    reference = {"name": "other", "namespace": "default", "port": webhook_server.port}
    config = {"service": reference, "caBundle": webhook_server.authority.trusted}
    await configure("validating", make_hook(clientConfig=config))
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map)
    why = "tls: failed to verify certificate: x509: certificate is not valid for other.default.svc"
    assert caught.value.message.endswith(why)


async def test_trust_in_nonsense_is_told(cluster: Any, configure: Any, make_hook: Any, make_config_map: Any):
    await configure("validating", make_hook(clientConfig={"url": "https://127.0.0.1:1/a", "caBundle": "eHh4"}))
    with pytest.raises(errors.InternalError, match="unable to load root certificates"):
        await create(cluster, make_config_map)


SERVICE_HOST = "hook.default.svc"
SERVICE = {"metadata": {"name": "hook", "namespace": "default"}}


async def test_service_is_called_under_its_name(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    outside = {**SERVICE, "spec": {"type": "ExternalName", "externalName": "localhost"}}
    await cluster.json("POST", "/api/v1/namespaces/default/services", outside)
    reference = {"name": "hook", "namespace": "default", "path": "/in/depth", "port": webhook_server.port}
    config = {"service": reference, "caBundle": webhook_server.authority.trusted}
    await configure("validating", make_hook(clientConfig=config))
    await create(cluster, make_config_map)
    assert asked(webhook_server) == ["/in/depth"]
    assert webhook_server.hosts == [f"hook.default.svc:{webhook_server.port}"]


async def test_service_without_endpoints_cannot_be_called(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    config = {"service": {"name": "hook", "namespace": "default", "path": "/p"}}
    await configure("validating", make_hook(clientConfig=config))
    start = (
        'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: '
        'Post "https://hook.default.svc:443/p?timeout=10s": '
    )
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map)
    assert caught.value.message == f'{start}service "hook" not found'
    spec = {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 8443}]}
    await cluster.json("POST", "/api/v1/namespaces/default/services", {**SERVICE, "spec": spec})
    with pytest.raises(errors.InternalError) as caught:
        await create(cluster, make_config_map)
    assert caught.value.message == f'{start}no endpoints available for service "hook"'


async def test_connection_that_was_closed_while_it_waited_is_no_failure(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, authority: Any, tmp_path: Any
):
    seen: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the first request of a connection, and hangs up on the next one."""
        for number in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            review = json.loads(await reader.readexactly(length))
            seen.append(number)
            if number:
                break
            response = {"uid": review["request"]["uid"], "allowed": True}
            body = json.dumps({**{k: review[k] for k in ("apiVersion", "kind")}, "response": response}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.context(tmp_path, "127.0.0.1"))
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/a"
    await configure("validating", make_hook(clientConfig={"url": url, "caBundle": authority.trusted}))
    await create(cluster, make_config_map)
    await create(cluster, make_config_map, "y")
    server.close()
    assert seen == [0, 1, 0]


async def test_connections_to_pods_can_be_refused(
    cluster: Any, configure: Any, make_hook: Any, kind_of: Any, webhook_server: Any
):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec"], "operations": ["CONNECT"]}
    await configure("validating", make_hook(rules=[rule]))
    webhook_server.answers["/a"] = deny(message="no shells")
    request = Request("POST", "/", {"command": ("sh",), "stdin": ("true",)}, user=UserInfo("tester"))

    async def connected(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("it was let through")

    connecting = Connecting(kind_of("pods"), "exec", connected, cluster.handler.core.admission)
    with pytest.raises(errors.StatusError, match="denied the request: no shells"):
        await connecting(request, namespace="default", name="web")
    [(_, asked_about)] = webhook_server.calls
    assert (asked_about["operation"], asked_about["subResource"]) == ("CONNECT", "exec")
    assert asked_about["kind"]["kind"] == "PodExecOptions"
    assert asked_about["object"]["command"] == ["sh"]


async def test_service_is_reached_at_one_of_its_ready_endpoints(cluster: Any):
    spec = {"selector": {"app": "hook"}, "ports": [{"name": "web", "port": 443, "targetPort": 8443}]}
    await cluster.json("POST", "/api/v1/namespaces/default/services", {**SERVICE, "spec": spec})
    piece = {
        "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": 8443}],
        "endpoints": [
            {"addresses": ["10.1.0.4"], "conditions": {"ready": False}},
            {"addresses": ["10.1.0.5"], "conditions": {"ready": True}},
        ],
    }
    await cluster.json("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", piece)
    config = {"service": {"name": "hook", "namespace": "default", "path": "/p"}}
    url = f"{service.shown_url(config)}?timeout=3s"
    core = cluster.handler.core
    found = await service.endpoint(config, url, b"pem", objects=core.objects, rng=core.rng)
    assert found == Endpoint("https://hook.default.svc:443/p?timeout=3s", SERVICE_HOST, 8443, "10.1.0.5", b"pem")


async def test_older_reviews_are_spoken_too(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    webhook_server.answers["/a"] = lambda request: web.json_response(
        {"response": {"allowed": True, "patch": json_patch([{"op": "add", "path": "/data/b", "value": "2"}])}}
    )
    await configure("mutating", make_hook(admissionReviewVersions=["v9", "v1beta1", "v1"]))
    assert (await create(cluster, make_config_map))["data"] == {"a": "1", "b": "2"}


def json_patch(operations: list[Obj]) -> str:
    import base64

    return base64.b64encode(json.dumps(operations).encode()).decode()


PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    ("subresource", "body", "kind"),
    [
        ("binding", {"target": {"kind": "Node", "name": "n1"}}, {"group": "", "version": "v1", "kind": "Binding"}),
        ("eviction", {"metadata": {"name": "web"}}, {"group": "policy", "version": "v1", "kind": "Eviction"}),
    ],
)
async def test_what_a_subresource_takes_is_shown_as_it_is(
    cluster: Any,
    configure: Any,
    make_hook: Any,
    make_pod: Any,
    webhook_server: Any,
    subresource: str,
    body: Obj,
    kind: Obj,
):
    await cluster.json("POST", PODS, make_pod("web"))
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", f"pods/{subresource}"], "operations": ["*"]}
    await configure("validating", make_hook(rules=[rule]))
    webhook_server.answers["/a"] = deny(message="no")
    with pytest.raises(errors.StatusError, match="denied the request: no"):
        await cluster.json("POST", f"{PODS}/web/{subresource}", body)
    webhook_server.answers.clear()
    await cluster.json("POST", f"{PODS}/web/{subresource}", body)
    first, second = (request for _, request in webhook_server.calls)
    assert (first["operation"], first["subResource"], first["kind"]) == ("CREATE", subresource, kind)
    assert (first["name"], first["oldObject"], first["object"]["kind"]) == ("web", None, kind["kind"])
    assert second["resource"]["resource"] == "pods"


async def test_options_of_a_write_are_shown(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("validating", make_hook())
    await create(cluster, make_config_map, query="?fieldManager=me")
    options = {"propagationPolicy": "Orphan", "gracePeriodSeconds": 3}
    await cluster.json("DELETE", f"{MAPS}/x", {"kind": "DeleteOptions", "apiVersion": "v1", **options})
    created, deleted = (request["options"] for _, request in webhook_server.calls)
    assert created == {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions", "fieldManager": "me"}
    assert deleted == {"apiVersion": "meta.k8s.io/v1", "kind": "DeleteOptions", **options}


async def test_options_that_nobody_set_are_not_shown(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("validating", make_hook())
    await create(cluster, make_config_map)
    (_, request), *_ = webhook_server.calls
    assert request["options"] == {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"}


async def test_options_of_an_apply_are_those_of_what_comes_of_it(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("validating", make_hook())
    for data in ({"a": "1"}, {"a": "2"}):
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}
        query = "fieldManager=me&force=true&fieldValidation=Strict"
        await cluster.send("PATCH", f"{MAPS}/x?{query}", config, content_type="application/apply-patch+yaml")
    created, updated = (request["options"] for _, request in webhook_server.calls)
    asked = {"apiVersion": "meta.k8s.io/v1", "fieldManager": "me", "fieldValidation": "Strict"}
    assert created == {**asked, "kind": "CreateOptions"}
    assert updated == {**asked, "kind": "UpdateOptions"}


async def test_warnings_are_told_with_a_refusal(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("mutating", make_hook("a"))
    await configure("validating", make_hook("b"))
    webhook_server.answers["/a"] = lambda request: {"allowed": True, "warnings": ["take care"]}
    webhook_server.answers["/b"] = deny(message="no")
    with pytest.raises(errors.StatusError) as caught:
        await create(cluster, make_config_map)
    assert chain.failure(caught.value).headers["Warning"] == '299 - "take care"'


async def test_calls_are_counted(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any
):
    await configure("mutating", make_hook("a", failurePolicy="Ignore"))
    await configure("validating", make_hook("b"))
    webhook_server.answers["/a"] = raw(b"", 500)
    webhook_server.answers["/b"] = deny(message="no", code=403)
    with pytest.raises(errors.StatusError):
        await create(cluster, make_config_map)
    told = {
        f"{family.name.removeprefix('apiserver_admission_webhook_')} {' '.join(labels)}": value
        for family in cluster.handler.core.instruments.snapshot()
        if family.name.startswith("apiserver_admission_webhook_") and family.kind == "counter"
        for labels, value in family.samples
    }
    assert told == {
        "request_total 500 a.example.com CREATE false admit": 1,
        "request_total 403 b.example.com CREATE true validating": 1,
        "rejection_count no_error b.example.com CREATE 403 validating": 1,
        "fail_open_count a.example.com admit": 1,
    }


async def test_scale_is_shown_as_a_scale_and_can_be_changed(
    cluster: Any, configure: Any, make_hook: Any, webhook_server: Any, make_patch: Any
):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    where = "/apis/apps/v1/namespaces/default/deployments"
    await cluster.json("POST", where, {"metadata": {"name": "web"}, "spec": spec})
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["*/scale"], "operations": ["UPDATE"]}
    await configure("mutating", make_hook("a", rules=[rule]))
    await configure("validating", make_hook("b", rules=[rule]))
    webhook_server.answers["/a"] = lambda request: make_patch({"op": "replace", "path": "/spec/replicas", "value": 3})
    patch = {"spec": {"replicas": 9}}
    media_type = "application/merge-patch+json"
    scale = await cluster.json("PATCH", f"{where}/web/scale", patch, content_type=media_type)
    assert scale["spec"]["replicas"] == 3
    assert (await cluster.json("GET", f"{where}/web"))["spec"]["replicas"] == 3
    first, second = (request for _, request in webhook_server.calls)
    assert first["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert (first["object"]["spec"], first["oldObject"]["spec"]) == ({"replicas": 9}, {"replicas": 1})
    assert second["object"]["spec"] == {"replicas": 3}


async def test_audit_tells_who_changed_what_and_who_was_missed(
    cluster: Any, configure: Any, make_hook: Any, make_config_map: Any, webhook_server: Any, make_patch: Any, noted: Any
):
    again = make_hook("a", reinvocationPolicy="IfNeeded")
    await configure("mutating", again, make_hook("b"), make_hook("c", failurePolicy="Ignore"))
    await configure("validating", make_hook("d", failurePolicy="Ignore"))
    webhook_server.answers["/b"] = lambda request: make_patch({"op": "add", "path": "/data/b", "value": "2"})
    webhook_server.answers["/c"] = webhook_server.answers["/d"] = raw(b"", 500)
    await create(cluster, make_config_map)
    told = {key: json.loads(value) if value.startswith("{") else value for key, value in noted.items()}
    b = {"configuration": "test", "webhook": "b.example.com"}
    patch = [{"op": "add", "path": "/data/b", "value": "2"}]
    assert told.pop("patch.webhook.admission.k8s.io/round_0_index_1") == {**b, "patch": patch, "patchType": "JSONPatch"}
    assert told.pop("mutation.webhook.admission.k8s.io/round_0_index_1") == {**b, "mutated": True}
    assert {
        key: value if isinstance(value, str) else (value["webhook"], value["mutated"]) for key, value in told.items()
    } == {
        "mutation.webhook.admission.k8s.io/round_0_index_0": ("a.example.com", False),
        "mutation.webhook.admission.k8s.io/round_0_index_2": ("c.example.com", False),
        "mutation.webhook.admission.k8s.io/round_1_index_0": ("a.example.com", False),
        "failed-open.mutation.webhook.admission.k8s.io/round_0_index_2": "c.example.com",
        "failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "d.example.com",
    }
