"""The chain: what happens in which order, and how errors leave it."""

import asyncio
import logging

import orjson
import pytest

from hyperpy.api import errors
from hyperpy.api.wire import Request, Response, UserInfo
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.authz.authorization import Decision
from hyperpy.components.apiserver.chain import Chain
from hyperpy.components.apiserver.deadlines import Deadlines
from hyperpy.components.apiserver.limits import InFlight
from hyperpy.components.apiserver.metrics.access import AccessMetrics
from hyperpy.components.apiserver.metrics.requests import RequestMetrics
from hyperpy.components.apiserver.observing import Observer
from hyperpy.components.instruments import Instruments

ANN, ROOT = UserInfo("ann"), UserInfo("root", ("system:masters",))


class Everything:
    """Authenticator, authorizer and router in one; notes the order in which it is asked."""

    def __init__(self):
        self.steps = []
        self.asking = ANN
        self.allowed = True
        self.fails = None

    async def user(self, request, certificate_user):
        self.steps.append("authentication")
        if self.asking is None:
            raise errors.Unauthorized("Unauthorized")
        return self.asking

    def decide(self, user, asked):
        self.steps.append(f"authorization {asked.verb} {asked.combined or asked.path}")
        return Decision(self.allowed)

    async def resource(self, request, info):
        self.steps.append(f"resource for {request.user.name}")
        if self.fails:
            raise self.fails
        return Response(200, b"{}")

    async def path(self, request):
        self.steps.append("path")
        return Response(200, b"{}")


@pytest.fixture
def parts():
    return Everything()


@pytest.fixture
def instruments():
    return Instruments()


@pytest.fixture
def chain(parts, instruments):
    requests = RequestMetrics(instruments, lambda info: True, lambda info: False)
    return Chain(
        authenticator=parts,
        authorizer=parts,
        in_flight=InFlight(reading=1, mutating=1),
        router=parts,
        deadlines=Deadlines(60),
        observer=Observer(requests, AccessMetrics(instruments)),
    )


async def ask(chain, path="/api/v1/namespaces/d/pods", method="GET", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, path, headers=headers)
    return await chain.from_network(request, certificate_user=None, headers=headers.items())


def status(response):
    found = orjson.loads(response.body)
    assert found["code"] == response.status
    return found["code"], found["reason"], found["message"]


async def test_a_request_goes_the_whole_way(chain, parts):
    assert (await ask(chain)).status == 200
    assert parts.steps == ["authentication", "authorization list pods", "resource for ann"]


async def test_a_path_that_is_no_resource_goes_another(chain, parts):
    await ask(chain, "/metrics")
    assert parts.steps == ["authentication", "authorization get /metrics", "path"]


async def test_public_paths_need_no_rights(chain, parts):
    await ask(chain, "/readyz")
    assert parts.steps == ["authentication", "path"]


async def test_masters_are_not_asked_about(chain, parts):
    parts.asking = ROOT
    await ask(chain)
    assert parts.steps == ["authentication", "resource for root"]


async def test_nobody_is_unauthorized(chain, parts):
    parts.asking = None
    assert status(await ask(chain)) == (401, "Unauthorized", "Unauthorized")
    assert parts.steps == ["authentication"]


async def test_who_may_not_is_forbidden(chain, parts):
    parts.allowed = False
    code, reason, message = status(await ask(chain))
    assert (code, reason) == (403, "Forbidden")
    assert message.startswith('pods is forbidden: User "ann" cannot list resource "pods"')
    assert parts.steps[-1].startswith("authorization")


async def test_an_impersonated_user_is_who_asks_from_there_on(chain, parts):
    await ask(chain, impersonate_user="bob")
    assert parts.steps == [
        "authentication",
        "authorization impersonate users",
        "authorization list pods",
        "resource for bob",
    ]


async def test_beyond_the_limit_one_is_asked_to_come_back(chain, parts):
    answers = []

    async def nested(request, info):
        answers.append(await ask(chain))
        answers.append(await ask(chain, "/api/v1/namespaces/d/pods/web/log"))
        parts.resource = Everything.resource.__get__(parts)
        parts.asking = ROOT
        answers.append(await ask(chain))
        return Response(200)

    async def long(request, info):
        return Response(200, b"long")

    original = parts.resource
    calls = iter((nested, long))

    async def resource(request, info):
        step = next(calls, original)
        return await step(request, info)

    parts.resource = resource
    await ask(chain)
    refused, streamed, master = answers
    assert status(refused)[:2] == (429, "TooManyRequests")
    assert refused.headers["Retry-After"] == "1"
    assert streamed.body == b"long"
    assert master.status == 200


async def test_an_unexpected_error_is_logged_and_not_told(chain, parts, caplog):
    parts.fails = RuntimeError("a secret")
    with caplog.at_level(logging.ERROR):
        response = await ask(chain)
    assert status(response)[:2] == (500, "InternalError")
    assert b"secret" not in response.body
    assert "RuntimeError: a secret" in caplog.text


async def test_a_path_that_cannot_be_taken_apart_is_a_bad_request(chain):
    assert status(await ask(chain, "/api/v1/watch/"))[0] in (400, 404)


async def test_a_client_in_the_process_comes_in_at_authorization(chain, parts):
    await chain.handle(Request("GET", "/api/v1/nodes", user=ANN))
    assert parts.steps == ["authorization list nodes", "resource for ann"]
    parts.allowed = False
    with pytest.raises(errors.Forbidden):
        await chain.handle(Request("GET", "/api/v1/nodes", user=ANN))


def counted(instruments, name, label):
    (snapshot,) = instruments.snapshot([name]) or [None]
    at = snapshot.labels.index(label)
    return {values[at]: sample for values, sample in snapshot.samples}


async def test_every_answer_carries_its_audit_id(chain, parts):
    first, second = await ask(chain), await ask(chain)
    assert len(first.headers["Audit-Id"]) == 36
    assert first.headers["Audit-Id"] != second.headers["Audit-Id"]
    assert (await ask(chain, audit_id="from-afar")).headers["Audit-Id"] == "from-afar"
    assert (await ask(chain, audit_id="\udcff")).headers["Audit-Id"].isascii()
    parts.asking = None
    assert "Audit-Id" in (await ask(chain)).headers


async def test_requests_are_counted_whatever_comes_of_them(chain, parts, instruments):
    await ask(chain)
    parts.allowed = False
    await ask(chain)
    parts.asking = None
    await ask(chain)
    with pytest.raises(errors.Forbidden):
        await chain.handle(Request("GET", "/api/v1/namespaces/d/pods", user=ANN))
    assert counted(instruments, "apiserver_request_total", "code") == {"200": 1, "403": 2, "401": 1}
    assert counted(instruments, "authentication_attempts", "result") == {"success": 2, "failure": 1}
    assert counted(instruments, "authorization_attempts_total", "result") == {"allowed": 1, "no-opinion": 2}


async def test_a_request_that_takes_too_long_is_told_so(chain, parts, instruments):
    async def never(request, info):
        await asyncio.Event().wait()

    parts.resource = never
    request = Request("GET", "/api/v1/namespaces/d/pods", {"timeout": ("20ms",)})
    answer = await chain.from_network(request, certificate_user=None, headers=())
    assert status(answer) == (504, "Timeout", "Timeout: request did not complete within the allotted timeout")
    assert counted(instruments, "apiserver_request_terminations_total", "code") == {"504": 1}


async def test_a_watch_has_no_time_limit(chain, parts):
    async def slow(request, info):
        await asyncio.sleep(0.05)
        return Response(200)

    parts.resource = slow
    request = Request("GET", "/api/v1/pods", {"timeout": ("1ms",), "watch": ("1",)})
    assert (await chain.from_network(request, certificate_user=None, headers=())).status == 200


async def test_a_client_that_goes_is_counted_and_leaves_no_place_taken(chain, parts, instruments):
    entered = asyncio.Event()

    async def never(request, info):
        entered.set()
        await asyncio.Event().wait()

    parts.resource = never
    asking = asyncio.create_task(ask(chain))
    await entered.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    parts.resource = Everything.resource.__get__(parts)
    assert (await ask(chain)).status == 200
    assert counted(instruments, "apiserver_request_total", "code") == {"499": 1, "200": 1}


async def test_a_stream_is_counted_when_it_ends(chain, parts, instruments):
    async def lines():
        yield b"x"

    async def stream(request, info):
        return Response(200, lines())

    parts.resource = stream
    answer = await ask(chain, "/api/v1/namespaces/d/pods/x/log")
    assert counted(instruments, "apiserver_longrunning_requests", "subresource") == {"log": 1}
    assert instruments.snapshot(["apiserver_request_total"]) == []
    answer.ended()
    assert counted(instruments, "apiserver_longrunning_requests", "subresource") == {"log": 0}
    assert counted(instruments, "apiserver_request_total", "code") == {"200": 1}


async def test_what_cannot_be_taken_apart_has_its_id_too(chain, parts):
    answer = await ask(chain, "/api/v1/watch")
    assert (answer.status, len(answer.headers["Audit-Id"])) == (400, 36)


async def test_remarks_belong_to_the_request_at_hand_even_when_it_asks_the_server_itself(chain, parts):
    seen = []

    async def inner(request, info):
        seen.append(remarks.audit_id())
        return Response(200)

    async def outer(request, info):
        parts.resource = inner
        seen.append(remarks.audit_id())
        await chain.handle(Request("GET", "/api/v1/namespaces/d/pods", user=ANN))
        seen.append(remarks.audit_id())
        return Response(200)

    parts.resource = outer
    answer = await ask(chain)
    first, nested, after = seen
    assert first == after == answer.headers["Audit-Id"] != nested
    assert remarks.audit_id() == ""


async def test_a_defect_reaches_a_client_in_the_process_and_is_counted(chain, parts, instruments):
    async def broken(request, info):
        raise RuntimeError("defect")

    parts.resource = broken
    with pytest.raises(RuntimeError, match="defect"):
        await chain.handle(Request("GET", "/api/v1/namespaces/d/pods", user=ANN))
    assert counted(instruments, "apiserver_request_total", "code") == {"500": 1}
