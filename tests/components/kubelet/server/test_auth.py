"""Who may ask a kubelet."""

from __future__ import annotations

import pytest

from hyperpy.api import errors
from hyperpy.components.kubelet.server.auth import Gatekeeper, attributes
from hyperpy.testing.clock import ManualClock


def certificate(name, *groups):
    return {"subject": ((("commonName", name),), *((("organizationName", group),) for group in groups))}


class Reviewer:
    """A client that answers reviews: one token is known, one user is allowed."""

    def __init__(self) -> None:
        self.asked = 0

    async def create(self, kind, obj, **_):
        self.asked += 1
        spec = obj["spec"]
        if kind.kind == "TokenReview":
            known = spec["token"] == "good"
            return {"status": {"authenticated": known, "user": {"username": "prom", "groups": ["monitors"]}}}
        wanted = spec["resourceAttributes"]
        return {"status": {"allowed": spec["user"] == "prom" and wanted["subresource"] == "stats"}}


@pytest.fixture
def reviewer():
    return Reviewer()


@pytest.fixture
def gatekeeper(reviewer):
    return Gatekeeper(reviewer, ManualClock(), node_name="n1")


async def check(gatekeeper, path="/pods", *, cert=None, authorization=""):
    await gatekeeper.check("GET", path, certificate=cert, authorization=authorization)


async def test_masters_may_everything_without_a_question(gatekeeper, reviewer):
    await check(gatekeeper, cert=certificate("api", "system:masters"))
    assert reviewer.asked == 0


@pytest.mark.parametrize("authorization", ["", "Bearer bad", "Basic good", "Bearer "])
async def test_nobody_known_is_unauthorized(gatekeeper, authorization):
    with pytest.raises(errors.Unauthorized):
        await check(gatekeeper, authorization=authorization)


async def test_a_known_user_needs_the_right(gatekeeper):
    await check(gatekeeper, "/stats/summary", authorization="Bearer good")
    with pytest.raises(errors.Forbidden, match=r"user=prom, verb=get, resource=nodes, subresource\(s\)=\[proxy\]"):
        await check(gatekeeper, "/exec/ns/p/c", authorization="Bearer good")


async def test_answers_are_remembered_for_a_while(gatekeeper, reviewer):
    for _ in range(3):
        await check(gatekeeper, "/stats/summary", authorization="Bearer good")
    assert reviewer.asked == 2


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/containerLogs/a/b/c", ("get", "proxy")),
        ("POST", "/exec/a/b/c", ("create", "proxy")),
        ("GET", "/stats/summary", ("get", "stats")),
        ("GET", "/metrics", ("get", "metrics")),
    ],
)
def test_paths_become_verbs_and_subresources_of_nodes(method, path, expected):
    assert attributes(method, path) == expected
