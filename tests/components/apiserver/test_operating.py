"""Operating a whole server: metrics, audit log, time limits, health and drain over a real socket."""

import asyncio
import json
import ssl

import aiohttp
import orjson
import pytest
import pytest_asyncio
from components.apiserver.test_server import bearer, kubectl, running
from prometheus_client.parser import text_string_to_metric_families

from hyperpy.api import kinds
from hyperpy.client import http, kubeconfig

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:apiserver"]}
- {level: RequestResponse, resources: [{group: "", resources: [configmaps]}]}
- {level: Metadata, resources: [{group: "", resources: [secrets, namespaces]}]}
- {level: Metadata, nonResourceURLs: ["/audited*"]}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operating")
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "tokens").write_text('admin,root,1,"system:masters"\nann,ann,2\n')
    async with running(
        folder / "data",
        token_auth_file=folder / "tokens",
        audit_policy_file=folder / "policy.yaml",
        audit_log_path=str(folder / "audit.log"),
        audit_log_mode="blocking",
    ) as server:
        server.audit_log = folder / "audit.log"
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(server):
    tls = ssl.create_default_context(cafile=server.pki.ca_file)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(server.url, connector=connector, headers=bearer("admin")) as session:
        yield session


async def scrape(session, path="/metrics"):
    async with session.get(path) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await answer.text()
    return {sample.name: family for family in text_string_to_metric_families(text) for sample in family.samples}


def value(found, name, /, **labels):
    values = [
        sample.value
        for sample in found[name].samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert values, f"{name} has no sample with {labels}"
    return sum(values)


async def test_prometheus_reads_what_kubernetes_names(server, session):
    await kubectl(server, "get", "nodes,endpoints")
    await session.get("/api/v1/namespaces/default/pods")
    await session.post("/api/v1/namespaces/default/configmaps", json={"metadata": {"name": "measured"}})
    events = server.client.watch(kinds.CONFIG_MAP)
    await anext(events)
    found = await scrape(session)
    route = {"verb": "LIST", "resource": "pods", "version": "v1", "scope": "namespace", "component": "apiserver"}
    assert value(found, "apiserver_request_total", code="200", **route) >= 1
    assert value(found, "apiserver_request_duration_seconds_count", **route) >= 1
    assert value(found, "apiserver_response_sizes_sum", **route) > 50
    assert value(found, "apiserver_longrunning_requests", verb="WATCH", resource="configmaps") == 1
    assert value(found, "apiserver_watch_events_total", resource="configmaps") >= 1
    assert value(found, "apiserver_resource_objects", group="", resource="configmaps") >= 1
    assert value(found, "apiserver_storage_objects", resource="clusterroles.rbac.authorization.k8s.io") > 10
    size = value(found, "apiserver_storage_size_bytes")
    assert size > 4096
    assert size == value(found, "hyperpy_store_file_bytes") + value(found, "hyperpy_store_wal_bytes")
    assert value(found, "hyperpy_store_free_bytes") >= 0
    assert value(found, "hyperpy_store_revision") > 10
    assert value(found, "hyperpy_store_compacted_revision") == 0
    commits = value(found, "hyperpy_store_commit_duration_seconds_count")
    assert 1 <= commits <= value(found, "hyperpy_store_commit_changes_sum")
    assert value(found, "etcd_request_duration_seconds_count", operation="create", resource="configmaps") >= 1
    admitted = {"name": "NamespaceLifecycle", "operation": "CREATE", "rejected": "false", "type": "admit"}
    assert value(found, "apiserver_admission_controller_admission_duration_seconds_count", **admitted) >= 1
    assert value(found, "apiserver_current_inflight_requests", request_kind="readOnly") >= 0
    assert value(found, "kubernetes_build_info", major="1", minor="34") == 1
    assert value(found, "apiserver_requested_deprecated_apis", resource="endpoints", version="v1") == 1
    assert value(found, "apiserver_client_certificate_expiration_seconds_count") >= 1
    assert value(found, "process_resident_memory_bytes") > 1e7
    assert value(found, "authentication_attempts", result="success") >= 2
    await events.aclose()
    found = await scrape(session)
    assert value(found, "apiserver_longrunning_requests", verb="WATCH", resource="configmaps") == 0


async def test_health_checks_are_counted_at_slis(session):
    await session.get("/readyz")
    found = await scrape(session, "/metrics/slis")
    assert value(found, "kubernetes_healthcheck", name="etcd", type="readyz") == 1


async def test_metrics_are_for_those_who_may(session):
    async with session.get("/metrics", headers=bearer("ann")) as answer:
        assert answer.status == 403
    async with session.post("/metrics") as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/debug/pprof", 404),
        ("GET", "/", 200),
        ("HEAD", "/healthz", 200),
        ("HEAD", "/api/v1/pods", 405),
        ("OPTIONS", "/api/v1/pods", 405),
        ("GET", "/api/v1/pods?timeout=5s", 200),
        ("GET", "/api/v1/pods?timeout=x", 400),
    ],
)
async def test_answers_of_a_stock_server(session, method, path, status):
    async with session.request(method, path) as answer:
        assert answer.status == status
        assert len(answer.headers["Audit-Id"]) == 36
        assert answer.headers["Cache-Control"] == "no-cache, private"


async def test_the_root_names_every_path(session):
    async with session.get("/") as answer:
        paths = (await answer.json())["paths"]
    assert {"/api/v1", "/apis/apps/v1", "/healthz/etcd", "/metrics", "/openapi/v3", "/version"} <= set(paths)


async def test_kubectl_asks_for_health(server):
    verbose = await kubectl(server, "get", "--raw", "/readyz?verbose")
    assert "[+]ping ok\n" in verbose and "[+]shutdown ok\n" in verbose
    assert verbose.endswith("readyz check passed\n")
    assert (await kubectl(server, "get", "--raw", "/livez/etcd")).strip() == "ok"


def logged(server, **wanted):
    events = [orjson.loads(line) for line in server.audit_log.read_bytes().splitlines()]
    return [event for event in events if wanted.items() <= event.items()]


async def test_what_kubectl_does_is_audited(server):
    await kubectl(server, "create", "configmap", "seen", "--from-literal=a=1", "--as=bob", "--as-group=system:masters")
    (event,) = [each for each in logged(server, verb="create") if each["objectRef"].get("name") == "seen"]
    assert (event["user"]["username"], event["impersonatedUser"]["username"]) == ("kubernetes-admin", "bob")
    assert event["requestObject"]["data"] == {"a": "1"}
    assert event["responseObject"]["metadata"]["name"] == "seen"
    assert event["annotations"] == {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}
    assert event["userAgent"].startswith("kubectl") and event["sourceIPs"] == ["127.0.0.1"]
    assert event["requestURI"].startswith("/api/v1/namespaces/default/configmaps?fieldManager=kubectl-create")


async def test_a_refusal_and_an_unknown_caller_are_audited(server, session):
    async with session.get("/api/v1/namespaces/d/secrets/hidden", headers=bearer("ann")) as answer:
        refused = answer.headers["Audit-Id"]
    async with session.get("/api/v1/namespaces/d/secrets/hidden", headers=bearer("wrong")) as answer:
        unknown = answer.headers["Audit-Id"]
    (event,) = logged(server, auditID=refused)
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"
    assert event["responseStatus"]["reason"] == "Forbidden"
    (event,) = logged(server, auditID=unknown)
    assert event["responseStatus"]["message"] == "Authentication failed, attempted: bearer"
    assert (event["responseStatus"]["code"], event["user"], event["stage"]) == (401, {}, "ResponseStarted")


async def test_a_client_in_the_process_is_audited_as_any_other(server):
    from hyperpy.api.wire import UserInfo
    from hyperpy.client import local

    client = local.connect(server.handler, UserInfo("system:kube-scheduler", ("system:masters",)))
    await client.get(kinds.NAMESPACE, "default")
    (event,) = [each for each in logged(server) if each["user"].get("username") == "system:kube-scheduler"]
    assert event["objectRef"]["name"] == "default"
    assert event["responseStatus"]["code"] == 200
    assert "sourceIPs" not in event


async def test_a_stop_tells_first_and_finishes_what_is_under_way(tmp_path):
    async with running(tmp_path / "data", shutdown_delay_s=0.3) as server:
        tls = ssl.create_default_context(cafile=server.pki.ca_file)
        client = http.connect(kubeconfig.load(server.kubeconfig))
        watching = asyncio.create_task(_rest(client.watch(kinds.NAMESPACE)))
        session = aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(ssl=tls))
        async with session.get("/readyz") as answer:
            assert (answer.status, "Connection" in answer.headers) == (200, False)
        asking = asyncio.create_task(_while_stopping(session))
    ready, listed, alive = await asking
    assert "[-]shutdown failed: reason withheld" in ready
    assert listed == 200 and alive == (200, "close")
    await watching  # it ended, and not by an error
    await session.close()
    await client.aclose()


async def _while_stopping(session):
    for _ in range(200):
        async with session.get("/readyz") as answer:
            text = await answer.text()
            if answer.status == 500:
                break
    async with session.get("/livez") as answer:
        alive = answer.status, answer.headers["Connection"]
    async with session.get("/version") as answer:
        return text, answer.status, alive


async def _rest(events):
    return [event async for event in events]


async def test_kubectl_reads_metrics(server):
    text = await kubectl(server, "get", "--raw", "/metrics")
    assert "# TYPE apiserver_request_total counter" in text
    assert json.loads(await kubectl(server, "get", "--raw", "/version"))["emulationMinor"] == "34"
