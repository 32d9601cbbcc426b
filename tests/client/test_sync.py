"""The synchronous client: paths, bodies, errors, streams, a connection that the server has closed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from hyperpy.api import errors, kinds
from hyperpy.client.kubeconfig import ClusterAccess
from hyperpy.client.protocol import STRATEGIC_PATCH, DeleteOptions
from hyperpy.client.sync import SyncClient, Unreachable

from .canned import Answer, Server, serving

POD = {"metadata": {"name": "web", "namespace": "d"}}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[SyncClient]:
    client = SyncClient(ClusterAccess(server.url, token="secret"))
    yield client
    client.close()


def test_an_object_is_read_with_the_token(server: Server, client: SyncClient) -> None:
    server.on("GET", "/api/v1/namespaces/d/pods/web", POD)
    assert client.get(kinds.POD, "web", namespace="d") == POD
    assert server.asked[0].headers["authorization"] == "Bearer secret"


def test_a_list_is_selected_and_each_object_carries_its_kind(server: Server, client: SyncClient) -> None:
    server.on("GET", "/api/v1/pods", {"items": [POD]})
    assert client.list(kinds.POD, label_selector="a=b, c in (d)", field_selector="") == [
        {"apiVersion": "v1", "kind": "Pod", **POD}
    ]
    assert server.asked[0].query == {"labelSelector": ["a=b, c in (d)"]}


def test_writes_carry_their_bodies(server: Server, client: SyncClient) -> None:
    path = "/apis/apps/v1/namespaces/d/deployments"
    for method, place in (("POST", path), ("PATCH", f"{path}/x/scale"), ("DELETE", f"{path}/x")):
        server.on(method, place, {"ok": True})
    client.create(kinds.DEPLOYMENT, {"a": 1}, namespace="d", query={"dryRun": "All"})
    client.patch(kinds.DEPLOYMENT, "x", {"b": 2}, namespace="d", subresource="scale", patch_type=STRATEGIC_PATCH)
    client.delete(kinds.DEPLOYMENT, "x", namespace="d", options=DeleteOptions(grace_s=0, propagation="Orphan", uid="u"))
    created, patched, deleted = server.asked
    assert (created.json(), created.query) == ({"a": 1}, {"dryRun": ["All"]})
    assert (patched.json(), patched.headers["content-type"]) == ({"b": 2}, STRATEGIC_PATCH)
    assert deleted.json() == {
        "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "propagationPolicy": "Orphan",
        "preconditions": {"uid": "u"},
    }  # fmt: skip


def test_a_refusal_is_its_error(server: Server, client: SyncClient) -> None:
    with pytest.raises(errors.NotFound, match='"web" not found'):
        client.get(kinds.POD, "web", namespace="d")
    server.on("GET", "/version", Answer(b"no\n", 503))
    with pytest.raises(errors.ServiceUnavailable, match="GET /version: 503 no"):
        client.request("GET", "/version")


def test_a_connection_that_was_closed_meanwhile_is_opened_again(server: Server, client: SyncClient) -> None:
    server.on("GET", "/version", Answer({}, close=True))
    client.request("GET", "/version")
    client.request("GET", "/version")
    assert len(server.asked) == 2


def test_a_watch_gives_events_until_it_ends(server: Server, client: SyncClient) -> None:
    server.on(
        "GET", "/api/v1/pods", Answer(lines=[b'{"type":"ADDED","object":{}}\n{"type":', b'"DELETED","object":{}}\n'])
    )
    assert [event["type"] for event in client.watch("/api/v1/pods", query={"resourceVersion": "1"})] == [
        "ADDED",
        "DELETED",
    ]
    assert server.asked[0].query == {"resourceVersion": ["1"], "watch": ["true"]}


def test_an_error_event_is_raised(server: Server, client: SyncClient) -> None:
    line = b'{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old"}}\n'
    server.on("GET", "/api/v1/pods", Answer(lines=[line]))
    with pytest.raises(errors.Expired, match="too old"):
        list(client.watch("/api/v1/pods", query={}))


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{reserved.getsockname()[1]}"
        client = SyncClient(ClusterAccess(f"https://{place}"))
        with pytest.raises(Unreachable, match=f"The connection to the server {place} was refused - did you specify"):
            client.request("GET", "/version")


def test_a_refused_upgrade_is_its_error(server: Server, client: SyncClient) -> None:
    with pytest.raises(errors.NotFound):
        client.upgrade("/api/v1/namespaces/d/pods/web/exec", query={"command": ["ls", "-l"]}, protocols=("a", "b"))
    (asked,) = server.asked
    assert asked.headers["sec-websocket-protocol"] == "a, b"
    assert asked.query == {"command": ["ls", "-l"]}
