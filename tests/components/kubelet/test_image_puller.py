"""Pull policies and pull secrets."""

from __future__ import annotations

import base64

import orjson
import pytest

from hyperpy.components.kubelet.image_puller import ImagePuller, PullProblem, auths
from hyperpy.runtime.hollow import Behaviour, HollowRuntime
from hyperpy.testing.clock import ManualClock

from .objects import container, pod


def secret(servers):
    data = base64.b64encode(orjson.dumps({"auths": servers})).decode()
    return {"metadata": {"name": "s"}, "data": {".dockerconfigjson": data}}


def login(user):
    return {"auth": base64.b64encode(f"{user}:pass".encode()).decode()}


@pytest.mark.parametrize(
    ("server", "image", "fits"),
    [
        ("https://index.docker.io/v1/", "nginx", True),
        ("docker.io", "library/nginx", True),
        ("registry.example", "registry.example/a/b:1", True),
        ("registry.example/a", "registry.example/a/b:1", True),
        ("registry.example/c", "registry.example/a/b:1", False),
        ("*.example", "registry.example/a", True),
        ("*.example", "a.registry.example/a", False),
        ("other.example", "registry.example/a", False),
        ("registry.example:5000", "registry.example:5000/a", True),
    ],
)
def test_credentials_fit_their_registry(server, image, fits):
    assert bool(list(auths(image, [secret({server: login("u")})]))) is fits


def test_the_most_exact_credential_is_tried_first():
    found = auths("r.example/a/b", [secret({"r.example": login("wide"), "r.example/a": login("narrow")})])
    assert [auth.username for auth in found] == ["narrow", "wide"]


def puller(behaviour):
    runtime = HollowRuntime(profile=lambda image: behaviour)
    return ImagePuller(runtime.images, ManualClock(), pulled=lambda: None)


@pytest.mark.parametrize(
    ("image", "policy", "present", "reasons"),
    [
        pytest.param("a:1", None, True, ["Pulled"], id="present"),
        pytest.param("a:1", None, False, ["Pulling", "Pulled"], id="absent"),
        pytest.param("a:latest", None, True, ["Pulling", "Pulled"], id="latest is always pulled"),
        pytest.param("a", None, True, ["Pulling", "Pulled"], id="no tag is latest"),
        pytest.param("a@sha256:1", None, True, ["Pulled"], id="a digest is not"),
        pytest.param("a:1", "Always", True, ["Pulling", "Pulled"], id="always"),
        pytest.param("a:latest", "Never", True, ["Pulled"], id="never, and present"),
    ],
)
async def test_the_policy_decides_about_pulling(image, policy, present, reasons):
    told = []
    wanted = container("c", image, **({"imagePullPolicy": policy} if policy else {}))
    await puller(Behaviour(present=present)).ensure(
        pod(wanted), wanted, secrets=(), tell=lambda kind, reason, message: told.append(reason)
    )
    assert told == reasons


async def test_failures_back_off_from_ten_seconds():
    found = puller(Behaviour(present=False, pull_failure="no"))
    wanted = container("c", "a:1")
    delays = []
    for _ in range(3):
        with pytest.raises(PullProblem) as problem:
            await found.ensure(pod(wanted), wanted, secrets=(), tell=lambda *_: None)
        delays.append(problem.value.retry_at - ManualClock().now())
    assert delays == [10, 20, 40]
