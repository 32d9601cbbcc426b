"""Records of requests: what events say at each level and stage."""

import asyncio
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import paths
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver.audit import event
from hyperpy.components.apiserver.audit.auditor import Auditor
from hyperpy.components.apiserver.audit.policy import Decision, Level, Policy, Rule
from hyperpy.components.apiserver.routing import NetworkRequest
from hyperpy.components.instruments import Instruments

ANN = UserInfo("ann", ("devs",), "7", {"scopes": ("a", "b")})
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "x", "uid": "u", "managedFields": [{"manager": "m"}]},
    "spec": {},
}


class Log:
    """A backend that writes at once."""

    def __init__(self):
        self.events = []

    def put(self, pending):
        self.events.append(orjson.loads(event.line(pending)))

    async def written(self, pending):
        self.put(pending)


@pytest.fixture
def log():
    return Log()


def begin(
    log, level, method="POST", url="/api/v1/namespaces/d/pods", body=POD, content_type="application/json", **rule
):
    auditor = Auditor(Policy((Rule(level, **rule),)), log, Instruments(), now=lambda: 1_700_000_000.25)
    path, _, text = url.partition("?")
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"user-agent": "kubectl", "content-type": content_type}
    request = NetworkRequest(method, path, {}, headers, raw, peer="10.0.0.9", raw_uri=url)
    query = {"watch": ("1",)} if "watch" in text else {}
    return auditor.begin(request, paths.parse(method, path, query), ANN, audit_id="id-1")


def answer(body, status=201):
    return Response(status, orjson.dumps(body))


@pytest.mark.parametrize(("level", "kept"), [(Level.METADATA, False), (Level.REQUEST, True)])
async def test_patches_of_webhooks_are_told_where_bodies_are(log, level, kept):
    record = begin(log, level)
    record.annotate("patch.webhook.admission.k8s.io/round_0_index_0", "{}")
    record.annotate("mutation.webhook.admission.k8s.io/round_0_index_0", "{}")
    await record.complete(answer(POD))
    keys = {key.partition(".")[0] for key in log.events[-1]["annotations"]}
    assert keys == ({"patch", "mutation"} if kept else {"mutation"})


async def test_metadata_tells_who_did_what_to_what(log):
    record = begin(log, Level.METADATA, url="/api/v1/namespaces/d/pods?x=1")
    record.annotate("k", "first")
    record.annotate("k", "second")
    await record.received()
    await record.complete(answer(POD))
    received, complete = log.events
    assert received["stage"] == "RequestReceived" and "responseStatus" not in received
    assert complete == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "id-1",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/d/pods?x=1",
        "verb": "create",
        "user": {"username": "ann", "uid": "7", "groups": ["devs"], "extra": {"scopes": ["a", "b"]}},
        "sourceIPs": ["10.0.0.9"],
        "userAgent": "kubectl",
        "objectRef": {"resource": "pods", "namespace": "d", "name": "x", "uid": "u", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 201},
        "requestReceivedTimestamp": "2023-11-14T22:13:20.250000Z",
        "stageTimestamp": "2023-11-14T22:13:20.250000Z",
        "annotations": {"k": "first"},
    }


@pytest.mark.parametrize(
    ("level", "request_object", "response_object"),
    [(Level.METADATA, False, False), (Level.REQUEST, True, False), (Level.REQUEST_RESPONSE, True, True)],
)
async def test_objects_by_level(log, level, request_object, response_object):
    await begin(log, level).complete(answer(POD))
    (found,) = log.events
    assert (found.get("requestObject") == POD) is request_object
    assert (found.get("responseObject") == POD) is response_object


async def test_managed_fields_are_left_out_where_that_is_asked(log):
    await begin(log, Level.REQUEST_RESPONSE, omit_managed_fields=True).complete(answer({"kind": "L", "items": [POD]}))
    (found,) = log.events
    assert "managedFields" not in found["requestObject"]["metadata"]
    assert "managedFields" not in found["responseObject"]["items"][0]["metadata"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/yaml", b"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"),
        ("application/apply-patch+yaml", b"metadata: {name: x}"),
        ("application/merge-patch+json", b'{"metadata": {"name": "x"}}'),
    ],
)
async def test_bodies_of_other_forms_are_told_as_json(log, content_type, body):
    await begin(log, Level.REQUEST, "PATCH", "/api/v1/namespaces/d/pods/x", body, content_type).complete(answer(POD))
    assert log.events[0]["requestObject"]["metadata"] == {"name": "x"}


async def test_a_body_that_is_none_is_left_out(log):
    await begin(log, Level.REQUEST, body=b"{").complete(answer({"kind": "Status", "message": "no"}, 400))
    assert "requestObject" not in log.events[0]


async def test_a_refusal_is_told_with_its_reason(log):
    status = {"kind": "Status", "status": "Failure", "message": "taken", "reason": "AlreadyExists", "code": 409}
    await begin(log, Level.METADATA).complete(answer(status, 409))
    assert log.events[0]["responseStatus"] == {
        "metadata": {},
        "code": 409,
        "status": "Failure",
        "message": "taken",
        "reason": "AlreadyExists",
    }


async def test_a_watch_is_told_when_it_begins_and_when_it_ends(log):
    record = begin(log, Level.REQUEST_RESPONSE, "GET", "/api/v1/pods?watch=1", b"")
    await record.started(Response(200))
    record.ended(200)
    assert [(each["stage"], each["verb"]) for each in log.events] == [
        ("ResponseStarted", "watch"),
        ("ResponseComplete", "watch"),
    ]


async def test_omitted_stages_are_not_told(log):
    record = begin(log, Level.METADATA, omit_stages=("RequestReceived",))
    await record.received()
    await record.panicked(Response(500))
    assert [each["stage"] for each in log.events] == ["Panic"]
    assert log.events[0]["responseStatus"]["reason"] == "InternalError"


async def test_an_impersonated_user_is_told_beside_the_one_who_asks(log):
    record = begin(log, Level.METADATA)
    record.impersonated(UserInfo("bob"))
    await record.complete(answer(POD))
    assert log.events[0]["user"]["username"] == "ann"
    assert log.events[0]["impersonatedUser"] == {"username": "bob"}


async def test_failed_authentication_has_no_user(log):
    auditor = Auditor(Policy((Rule(Level.METADATA),)), log, Instruments(), now=lambda: 0)
    request = Request("GET", "/api")
    record = auditor.begin(request, paths.parse("GET", "/api", {}), None, audit_id="x")
    await record.refused(Response(401), "Authentication failed, attempted: bearer")
    (found,) = log.events
    assert (found["user"], found["stage"]) == ({}, "ResponseStarted")
    assert found["responseStatus"]["message"] == "Authentication failed, attempted: bearer"


def test_level_none_begins_no_record(log):
    assert begin(log, Level.NONE) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ["9.9.9.9"]),
        ({"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, ["1.1.1.1", "2.2.2.2", "9.9.9.9"]),
        ({"x-forwarded-for": "1.1.1.1,9.9.9.9"}, ["1.1.1.1", "9.9.9.9"]),
        ({"x-real-ip": "3.3.3.3"}, ["3.3.3.3", "9.9.9.9"]),
        ({"x-forwarded-for": "3.3.3.3", "x-real-ip": "3.3.3.3"}, ["3.3.3.3", "9.9.9.9"]),
    ],
)
def test_source_addresses(headers, expected):
    assert event.source_addresses(headers, "9.9.9.9") == expected


def test_a_client_in_the_process_has_no_address_and_its_uri_is_made():
    request = Request("GET", "/api/v1/pods", {"limit": ("5",), "x": ("a b",)})
    assert request.uri() == "/api/v1/pods?limit=5&x=a+b"
    assert event.source_addresses({}, "") == []


async def test_remarks_reach_the_record_of_their_own_task_only(log):
    from hyperpy.components.apiserver.audit import remarks

    first, second = begin(log, Level.METADATA), begin(log, Level.METADATA)

    async def work(record, value):
        remarks.open_for(record)
        await asyncio.sleep(0)
        remarks.add("who", value)
        await record.complete(answer(POD))

    await asyncio.gather(work(first, "one"), work(second, "two"))
    remarks.add("who", "nobody listens")
    assert [each["annotations"] for each in log.events] == [{"who": "one"}, {"who": "two"}]


_KEYS = ["kind", "metadata", "items", "name", "managedFields", "status", "code", "a"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=10,
)
_TYPES = ["application/json", "application/yaml", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf"]


@given(
    body=st.binary(max_size=30) | _JSON,
    content_type=st.sampled_from(_TYPES),
    agent=st.text(st.characters(min_codepoint=1), max_size=5) | st.just("\udcff"),
    omit=st.booleans(),
)
def test_whatever_is_sent_makes_a_line_of_json(body, content_type, agent, omit):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode(errors="surrogatepass")
    headers = {"content-type": content_type, "user-agent": agent}
    request = Request("POST", "/api/v1/namespaces/d/pods", {}, headers, raw)
    info = paths.parse("POST", request.path, {})
    decision = Decision(Level.REQUEST_RESPONSE, omit_managed_fields=omit)
    told = event.base(request, info, audit_id="x", decision=decision, peer="")
    told["responseStatus"] = {"code": 400}
    asked, answered = event.Body(raw, content_type), event.Body(raw, "application/json")
    line = event.line(event.Pending(told, decision, asked, answered))
    assert line.endswith(b"\n") and orjson.loads(line)["auditID"] == "x"


def test_a_body_that_json_cannot_hold_is_left_out_and_that_is_told():
    deep = b"[" * 500 + b"]" * 500
    request = Request("POST", "/api/v1/namespaces/d/pods", {}, {}, deep)
    decision = Decision(Level.REQUEST)
    told = event.base(request, paths.parse("POST", request.path, {}), audit_id="x", decision=decision, peer="")
    found = orjson.loads(event.line(event.Pending(told, decision, event.Body(deep, "application/json"))))
    assert "requestObject" not in found
    assert found["annotations"] == {event.TRUNCATED: "true"}
