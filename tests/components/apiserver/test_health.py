"""Health paths and /version."""

import orjson
import pytest

from hyperpy.api import errors
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.health import Health
from hyperpy.components.instruments import Instruments


class Checks:
    def __init__(self):
        self.store_problem = None

    async def fine(self):
        return None

    async def store(self):
        return self.store_problem


@pytest.fixture
def checks():
    return Checks()


@pytest.fixture
def health(checks):
    return Health({"ping": checks.fine, "etcd": checks.store}, {"shutdown": checks.fine})


async def ask(health, url):
    path, _, text = url.partition("?")
    query = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        query[name] = (*query.get(name, ()), value)
    response = await health.answer(Request("GET", path, query))
    return response and (response.status, response.body.decode())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/healthz", (200, "ok")),
        ("/livez?verbose", (200, "[+]ping ok\n[+]etcd ok\nlivez check passed\n")),
        ("/readyz?verbose", (200, "[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n")),
        ("/readyz/etcd", (200, "ok")),
        ("/livez/shutdown", None),
        (
            "/readyz?verbose&exclude=etcd",
            (200, "[+]ping ok\n[+]etcd excluded: ok\n[+]shutdown ok\nreadyz check passed\n"),
        ),
        (
            "/livez?verbose&exclude=x",
            (
                200,
                "[+]ping ok\n[+]etcd ok\n"
                'warn: some health checks cannot be excluded: no matches for "x"\nlivez check passed\n',
            ),
        ),
        ("/other", None),
    ],
)
async def test_a_healthy_server(health, url, expected):
    assert await ask(health, url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/healthz", (500, "[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n")),
        ("/livez/etcd", (500, "internal server error: reason withheld\n")),
        ("/readyz?exclude=etcd", (200, "ok")),
    ],
)
async def test_a_failing_check_is_named_and_its_reason_kept_for_the_log(health, checks, url, expected):
    checks.store_problem = "the disk at /secret is full"
    assert await ask(health, url) == expected


async def test_version_is_kubernetes(health):
    status, body = await ask(health, "/version")
    found = orjson.loads(body)
    assert (status, found["major"], found["minor"]) == (200, "1", "34")
    assert found["gitVersion"].startswith("v1.34.")
    assert list(found) == [
        "major",
        "minor",
        "emulationMajor",
        "emulationMinor",
        "minCompatibilityMajor",
        "minCompatibilityMinor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
    ]
    assert (found["emulationMinor"], found["minCompatibilityMinor"]) == ("34", "34")


@pytest.mark.parametrize("path", ["/healthz", "/readyz/etcd", "/version"])
async def test_health_is_only_read(health, path):
    with pytest.raises(errors.MethodNotAllowed):
        await health.answer(Request("POST", path))


async def test_results_are_counted(checks):
    slis = Instruments()
    health = Health({"ping": checks.fine, "etcd": checks.store}, {}, slis)
    await ask(health, "/livez")
    checks.store_problem = "away"
    await ask(health, "/livez/etcd")
    now, total = slis.snapshot()
    assert dict(now.samples) == {("ping", "livez"): 1, ("etcd", "livez"): 0}
    assert dict(total.samples)["etcd", "livez", "error"] == 1


def test_every_check_is_a_path(health):
    assert {"/livez", "/readyz/shutdown", "/version"} <= set(health.paths)
    assert "/livez/shutdown" not in health.paths
