"""Aggregation with real servers: a small one like metrics-server, and another API server of our own."""

import asyncio
import base64
import contextlib
import json
import ssl

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from components.apiserver.test_server import bearer, kubectl, running

from hyperpy.api import errors, kinds
from hyperpy.api.wire import UserInfo
from hyperpy.client import http, kubeconfig, local
from hyperpy.client.informer import Informers
from hyperpy.components.apiserver.credentials.pki import Pki
from hyperpy.components.controllers.component import Controllers
from hyperpy.components.controllers.options import Options as ControllerOptions

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
ROOT = f"/apis/{GROUP}/{VERSION}"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/{VERSION}",
    "resources": [
        {"name": "nodes", "singularName": "", "namespaced": False, "kind": "NodeMetrics", "verbs": ["get", "list"]},
        {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]},
        {
            "name": "things",
            "singularName": "thing",
            "namespaced": True,
            "kind": "Thing",
            "verbs": ["delete", "deletecollection", "list"],
        },
    ],
}
USAGE = {"cpu": "250m", "memory": "1Gi"}
NODE = {
    "metadata": {"name": "n1"},
    "timestamp": "2026-01-01T00:00:00Z",
    "window": "10s",
    "usage": USAGE,
}


class Metrics:
    """A server of metrics.k8s.io; notes who asks."""

    def __init__(self):
        self.requests = []
        self.well = True
        self.closed = asyncio.Event()
        self.things = {}

    async def handle(self, request):
        self.requests.append((request, request.transport.get_extra_info("peercert")))
        if not self.well:
            return web.Response(status=500)
        if request.path == ROOT:
            return web.json_response(RESOURCES)
        if request.path == f"{ROOT}/nodes":
            listed = {"kind": "NodeMetricsList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": [NODE]}
            return web.json_response(listed, headers={"Warning": '299 - "from afar"'})
        if request.path.endswith("/things"):
            namespace = request.path.split("/")[-2]
            if request.method == "DELETE":
                self.things.pop(namespace, None)
            items = [{"metadata": {"name": name, "namespace": namespace}} for name in self.things.get(namespace, ())]
            return web.json_response({"kind": "ThingList", "apiVersion": ROOT[6:], "metadata": {}, "items": items})
        if request.path == f"{ROOT}/echo":
            body = await request.read()
            return web.Response(body=body, status=201, content_type="application/x-thing")
        if request.path == f"{ROOT}/stream":
            return await self.stream(request)
        if request.path == f"{ROOT}/socket":
            return await self.socket(request)
        if request.path == "/openapi/v3":
            entry = {"serverRelativeURL": "/openapi/v3" + ROOT}
            return web.json_response({"paths": {f"apis/{GROUP}/{VERSION}": entry}})
        if request.path == "/openapi/v3" + ROOT:
            return web.json_response({"openapi": "3.0.0", "info": {"title": "metrics"}, "paths": {}})
        if request.path == "/openapi/v2":
            return web.json_response({"paths": {f"{ROOT}/nodes": {}, "/x": {}}, "definitions": {"NodeMetrics": {}}})
        return web.json_response({"kind": "Status", "status": "Failure", "code": 404}, status=404)

    async def stream(self, request):
        out = web.StreamResponse(headers={"Content-Type": "application/json"})
        await out.prepare(request)
        try:
            for number in range(1000):
                await out.write(b'{"n":%d}\n' % number)
                await asyncio.sleep(0.01)
        finally:
            self.closed.set()
        return out

    async def socket(self, request):
        out = web.WebSocketResponse()
        await out.prepare(request)
        async for message in out:
            await out.send_str(f"{request.headers['X-Remote-User']}: {message.data}")
        return out


@contextlib.asynccontextmanager
async def serving(handle, tls):
    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield site._server.sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("front")
    (folder / "tokens").write_text('admin,root,1,"system:masters"\nann,ann,2,"devs"\n')
    async with running(folder / "data", token_auth_file=folder / "tokens") as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(server):
    tls = ssl.create_default_context(cafile=server.pki.ca_file)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(server.url, connector=connector, headers=bearer("admin")) as session:
        yield session


def api_service(group, version, *, service=None, **spec):
    spec = {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100, **spec}
    if service is not None:
        spec["service"] = service
    return {"metadata": {"name": f"{version}.{group}"}, "spec": spec}


def external(name, namespace="kube-system"):
    """A Service that is a name of this machine."""
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }


async def condition(client, name, wanted):
    """Wait for a reason in the status of an APIService."""
    async with asyncio.timeout(20):
        async for event in client.watch(kinds.API_SERVICE, field_selector=f"metadata.name={name}"):
            found = {each["type"]: each for each in (event.object.get("status") or {}).get("conditions") or ()}
            if event.type != "BOOKMARK" and found.get("Available", {}).get("reason") == wanted:
                return found["Available"]
    raise AssertionError(f"the watch ended before {name} was {wanted}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def metrics(server, tmp_path_factory):
    """metrics.k8s.io behind the server, available."""
    authority = Pki(tmp_path_factory.mktemp("metrics"))
    pair = authority.server("metrics", title="metrics", hosts=["metrics-server.kube-system.svc"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.cert_file, pair.key_file)
    tls.load_verify_locations(server.pki.front_proxy_ca_file)
    tls.verify_mode = ssl.CERT_REQUIRED
    metrics = Metrics()
    async with serving(metrics.handle, tls) as port:
        await server.client.create(kinds.SERVICE, external("metrics-server"))
        reference = {"namespace": "kube-system", "name": "metrics-server", "port": port}
        bundle = base64.b64encode(authority.ca_pem).decode()
        await server.client.create(kinds.API_SERVICE, api_service(GROUP, VERSION, service=reference, caBundle=bundle))
        await condition(server.client, f"{VERSION}.{GROUP}", "Passed")
        yield metrics
        await server.client.delete(kinds.API_SERVICE, f"{VERSION}.{GROUP}")


async def test_every_group_and_version_has_its_service(server):
    text = await kubectl(server, "get", "apiservices")
    rows = {line.split()[0]: line.split()[1:3] for line in text.splitlines()[1:]}
    assert rows["v1."] == rows["v1.apps"] == rows["v2.autoscaling"] == ["Local", "True"]
    assert "v1.apiregistration.k8s.io" not in rows
    found = await server.client.get(kinds.API_SERVICE, "v2.autoscaling")
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
    assert (found["spec"]["groupPriorityMinimum"], found["spec"]["versionPriority"]) == (17500, 30)
    assert found["status"]["conditions"][0]["message"] == "Local APIServices are always available"


async def test_kubectl_top_asks_the_server_behind(server, metrics):
    await server.client.create(kinds.NODE, {"metadata": {"name": "n1"}})
    text = await kubectl(server, "top", "nodes")
    assert text.splitlines()[1].split()[:2] == ["n1", "250m"]
    assert "kube-system/metrics-server   True" in await kubectl(server, "get", "apiservices")


async def test_the_user_is_told_and_the_proxy_shows_who_it_is(session, metrics):
    asking_as = {"Impersonate-User": "bob", "Impersonate-Group": "system:masters"}
    headers = {**bearer("admin"), **asking_as, "X-Remote-User": "x"}
    url = aiohttp.client.URL(f"{ROOT}/nodes?limit=5&x=a%2Fb", encoded=True)
    async with session.get(url, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Warning"] == '299 - "from afar"'
        audit_id = answer.headers["Audit-Id"]
    request, certificate = metrics.requests[-1]
    assert request.headers["Audit-Id"] == audit_id
    assert request.headers.getall("X-Remote-User") == ["bob"]
    assert set(request.headers.getall("X-Remote-Group")) == {"system:masters", "system:authenticated"}
    assert "Authorization" not in request.headers and "Impersonate-User" not in request.headers
    assert request.raw_path == f"{ROOT}/nodes?limit=5&x=a%2Fb"
    assert request.headers["X-Forwarded-For"] == "127.0.0.1"
    assert dict(part[0] for part in certificate["subject"])["commonName"] == "front-proxy-client"


async def test_rbac_decides_here_before_anybody_is_asked(session, metrics):
    before = len(metrics.requests)
    async with session.get(f"{ROOT}/nodes", headers=bearer("ann")) as answer:
        assert answer.status == 403
    assert len(metrics.requests) == before


async def test_bodies_go_both_ways(session, metrics):
    async with session.post(f"{ROOT}/echo", data=b"\x00binary", headers={"Content-Type": "x/y"}) as answer:
        assert (answer.status, await answer.read()) == (201, b"\x00binary")
        assert answer.content_type == "application/x-thing"
    assert metrics.requests[-1][0].content_type == "x/y"


async def test_streams_come_as_they_are_made_and_end_with_the_client(session, metrics):
    async with session.get(f"{ROOT}/stream?watch=true") as answer:
        assert await answer.content.readline() == b'{"n":0}\n'
        assert await answer.content.readline() == b'{"n":1}\n'
        answer.close()
    async with asyncio.timeout(5):
        await metrics.closed.wait()


async def test_a_connection_is_taken_over(server, session, metrics):
    async with session.ws_connect(f"{ROOT}/socket") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=5) == "root: hello"


async def test_clients_in_the_process_reach_it_too(server, metrics):
    client = local.connect(server.handler, UserInfo("system:kube-controller-manager", ("system:masters",)))
    found = json.loads(await client.raw("GET", f"{ROOT}/nodes"))
    assert found["items"][0]["metadata"]["name"] == "n1"
    assert metrics.requests[-1][0].headers["X-Remote-User"] == "system:kube-controller-manager"


async def test_discovery_shows_it_in_both_forms(server, session, metrics):
    async with session.get("/apis") as answer:
        groups = {group["name"]: group for group in (await answer.json())["groups"]}
    assert groups[GROUP]["preferredVersion"] == {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    assert list(groups)[-1] == GROUP  # its priority is the least
    assert next(iter(groups)) == "apiregistration.k8s.io"
    async with session.get("/apis", headers={"Accept": AGGREGATED}) as answer:
        items = {item["metadata"]["name"]: item for item in (await answer.json())["items"]}
    (version,) = items[GROUP]["versions"]
    assert (version["freshness"], [each["resource"] for each in version["resources"]]) == (
        "Current",
        ["nodes", "pods", "things"],
    )
    async with session.get(f"/apis/{GROUP}") as answer:
        assert (await answer.json())["kind"] == "APIGroup"
    async with session.get(f"/apis/{GROUP}/{VERSION}") as answer:
        assert await answer.json() == RESOURCES
    assert f"nodes.{GROUP}" in await kubectl(server, "api-resources", "-o", "name")


async def test_a_namespace_is_emptied_of_it_too(server, metrics):
    metrics.things = {"crowded": ["a", "b"], "default": ["kept"]}
    await server.client.create(kinds.NAMESPACE, {"metadata": {"name": "crowded"}})
    client = local.connect(server.handler, UserInfo("system:kube-controller-manager"))
    async with Informers(client) as informers:
        controllers = Controllers(client, informers, ControllerOptions(controllers=("namespace",)))
        working = asyncio.create_task(controllers.run(ready=lambda: None))
        events = server.client.watch(kinds.NAMESPACE, field_selector="metadata.name=crowded")
        await anext(events)
        await server.client.delete(kinds.NAMESPACE, "crowded")
        async with asyncio.timeout(20):
            async for event in events:
                if event.type == "DELETED":
                    break
        await events.aclose()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert metrics.things == {"default": ["kept"]}


async def test_openapi_shows_it(session, metrics):
    async with session.get("/openapi/v3") as answer:
        paths = (await answer.json())["paths"]
    assert paths[f"apis/{GROUP}/{VERSION}"] == {"serverRelativeURL": f"/openapi/v3{ROOT}"}
    assert "api/v1" in paths
    async with session.get(f"/openapi/v3{ROOT}") as answer:
        assert (await answer.json())["info"]["title"] == "metrics"
    async with session.get("/openapi/v2", headers={"Accept": "application/json"}) as answer:
        document = await answer.json()
    assert "NodeMetrics" in document["definitions"] and len(document["definitions"]) > 100
    assert f"{ROOT}/nodes" in document["paths"] and "/x" not in document["paths"]


@pytest.mark.parametrize(
    ("service", "slices", "reason", "message"),
    [
        (None, [], "ServiceNotFound", 'service/s1 in "default" is not present'),
        (
            {"ports": [{"port": 80, "name": "a"}]},
            [],
            "ServicePortError",
            'service/s2 in "default" is not listening on port 443',
        ),
        (
            {"ports": [{"port": 443, "name": "https"}]},
            [],
            "EndpointsNotFound",
            'cannot find endpointslices for service/s3 in "default"',
        ),
        (
            {"ports": [{"port": 443, "name": "https"}]},
            [
                {
                    "ports": [{"name": "https", "port": 1}],
                    "endpoints": [{"addresses": ["10.1.1.1"], "conditions": {"ready": False}}],
                }
            ],
            "MissingEndpoints",
            'endpointslices for service/s4 in "default" have no addresses with port name "https"',
        ),
    ],
    ids=["no service", "no port", "no slices", "nobody ready"],
)
async def test_what_is_missing_is_told(server, session, service, slices, reason, message, request):
    number = ["no service", "no port", "no slices", "nobody ready"].index(request.node.callspec.id) + 1
    name, group = f"s{number}", f"g{number}.example"
    if service is not None:
        await server.client.create(kinds.SERVICE, {"metadata": {"name": name, "namespace": "default"}, "spec": service})
    for piece in slices:
        meta = {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": name}}
        await server.client.create(kinds.ENDPOINT_SLICE, {"metadata": meta, "addressType": "IPv4", **piece})
    await server.client.create(
        kinds.API_SERVICE, api_service(group, "v1", service={"namespace": "default", "name": name})
    )
    found = await condition(server.client, f"v1.{group}", reason)
    assert (found["status"], found["message"]) == ("False", message)
    async with session.get(f"/apis/{group}/v1/things") as answer:
        assert (answer.status, await answer.text()) == (503, "service unavailable\n")
    complaint = await kubectl(server, "get", "--raw", f"/apis/{group}/v1/things", check=False)
    assert "the server is currently unable to handle the request" in complaint
    async with session.get("/apis", headers={"Accept": AGGREGATED}) as answer:
        items = {item["metadata"]["name"]: item for item in (await answer.json())["items"]}
    assert items[group]["versions"] == [{"version": "v1", "resources": [], "freshness": "Stale"}]
    await server.client.delete(kinds.API_SERVICE, f"v1.{group}")


async def test_a_server_that_stops_answering_is_told_and_recovers(server, session, metrics, tmp_path):
    reference = {"namespace": "default", "name": "gone", "port": 1}
    await server.client.create(kinds.SERVICE, external("gone", "default"))
    await server.client.create(
        kinds.API_SERVICE, api_service("gone.example", "v1", service=reference, insecureSkipTLSVerify=True)
    )
    found = await condition(server.client, "v1.gone.example", "FailedDiscoveryCheck")
    async with session.get("/metrics") as answer:
        counted = await answer.text()
    assert 'aggregator_unavailable_apiservice{name="v1.gone.example"} 1.0' in counted
    assert 'aggregator_unavailable_apiservice{name="v1.apps"} 0.0' in counted
    reason = 'name="v1.gone.example",reason="FailedDiscoveryCheck"'
    assert f"aggregator_unavailable_apiservice_total{{{reason}}} 1.0" in counted
    assert found["message"].startswith("failing or missing response from https://localhost:1/apis/gone.example/v1: ")
    await server.client.delete(kinds.API_SERVICE, "v1.gone.example")
    async with session.get("/apis/gone.example/v1") as answer:
        assert answer.status == 404


async def test_a_certificate_that_the_bundle_does_not_know_is_refused(server, session, metrics):
    other = await server.client.get(kinds.API_SERVICE, f"{VERSION}.{GROUP}")
    spec = {**other["spec"], "caBundle": base64.b64encode(server.pki.ca_pem).decode()}
    await server.client.create(
        kinds.API_SERVICE, api_service(GROUP, "v1beta2", service=spec["service"], caBundle=spec["caBundle"])
    )
    await condition(server.client, f"v1beta2.{GROUP}", "FailedDiscoveryCheck")  # it has no such version
    metrics.requests.clear()
    await server.client.patch(
        kinds.API_SERVICE,
        f"v1beta2.{GROUP}",
        {"status": {"conditions": [{"type": "Available", "status": "True", "reason": "Passed"}]}},
        subresource="status",
    )
    async with asyncio.timeout(5):
        while True:
            async with session.get(f"/apis/{GROUP}/v1beta2/nodes") as answer:
                text = await answer.text()
            if "error trying to reach service" in text:
                break
    assert answer.status == 503
    assert not any("nodes" in request.path for request, _ in metrics.requests)
    await server.client.delete(kinds.API_SERVICE, f"v1beta2.{GROUP}")


async def test_another_api_server_of_ours_stands_behind(server, session, tmp_path):
    (tmp_path / "tokens").write_text('admin,root,1,"system:masters"\n')
    authority = Pki(tmp_path / "authority")
    pair = authority.server("api", title="api", hosts=["behind.default.svc", "localhost", "127.0.0.1"])
    async with running(
        tmp_path / "data",
        tls_cert_file=pair.cert_file,
        tls_private_key_file=pair.key_file,
        requestheader_client_ca_file=server.pki.front_proxy_ca_file,
        requestheader_allowed_names=("front-proxy-client",),
    ) as behind:
        await behind.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})
        await server.client.create(kinds.NAMESPACE, {"metadata": {"name": "team"}})
        await server.client.create(kinds.SERVICE, external("behind", "default"))
        current = await server.client.get(kinds.API_SERVICE, "v1.coordination.k8s.io")
        spec = {
            **current["spec"],
            "service": {"namespace": "default", "name": "behind", "port": behind.port},
            "caBundle": base64.b64encode(authority.ca_pem).decode(),
        }
        await server.client.update(kinds.API_SERVICE, {**current, "spec": spec})
        await condition(server.client, "v1.coordination.k8s.io", "Passed")
        lease = {"metadata": {"name": "l", "namespace": "team"}, "spec": {"holderIdentity": "me"}}
        async with session.post("/apis/coordination.k8s.io/v1/namespaces/team/leases", json=lease) as answer:
            assert answer.status == 201
        assert (await behind.client.get(kinds.LEASE, "l", namespace="team"))["spec"]["holderIdentity"] == "me"
        assert "me" in await kubectl(server, "get", "leases", "-n", "team")
        admin = http.connect(kubeconfig.load(server.kubeconfig))
        events = admin.watch(kinds.LEASE, namespace="team")
        assert (await anext(events)).object["metadata"]["name"] == "l"
        await behind.client.delete(kinds.LEASE, "l", namespace="team")
        async for event in events:
            if event.type == "DELETED":
                break
        await events.aclose()
        await admin.aclose()
        # Its own authorization sees the user: the proxy's certificate alone gives nothing.
        async with session.get("/apis/coordination.k8s.io/v1/leases", headers=bearer("ann")) as answer:
            assert answer.status == 403
        tls = ssl.create_default_context(cafile=authority.ca_file)
        own = server.pki.front_proxy()
        tls.load_cert_chain(own.cert_file, own.key_file)
        async with aiohttp.ClientSession(behind.url, connector=aiohttp.TCPConnector(ssl=tls)) as proxy:
            async with proxy.get("/api") as answer:
                assert answer.status == 401
            async with proxy.get("/api/v1/pods", headers={"X-Remote-User": "ann"}) as answer:
                assert 'User "ann" cannot list' in (await answer.json())["message"]
        current = await server.client.get(kinds.API_SERVICE, "v1.coordination.k8s.io")
        current["spec"].pop("service")
        current["spec"].pop("caBundle")
        await server.client.update(kinds.API_SERVICE, current)
        await condition(server.client, "v1.coordination.k8s.io", "Local")
        async with session.get("/apis/coordination.k8s.io/v1/namespaces/team/leases") as answer:
            assert (await answer.json())["items"] == []


async def test_other_servers_learn_how_to_know_us(server):
    found = await server.client.get(kinds.CONFIG_MAP, "extension-apiserver-authentication", namespace="kube-system")
    assert found["data"]["client-ca-file"] == server.pki.ca_pem.decode()
    assert found["data"]["requestheader-client-ca-file"] == server.pki.front_proxy_ca_file.read_text()
    assert found["data"]["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert found["data"]["requestheader-extra-headers-prefix"] == '["X-Remote-Extra-"]'
    scheduler = local.connect(server.handler, UserInfo("system:kube-scheduler"))
    await scheduler.get(kinds.CONFIG_MAP, "extension-apiserver-authentication", namespace="kube-system")
    with pytest.raises(errors.Forbidden):
        await scheduler.get(kinds.CONFIG_MAP, "kube-root-ca.crt", namespace="kube-system")


async def test_custom_groups_are_registered_as_they_come_and_go(server):
    definition = {
        "metadata": {"name": "widgets.acme.example"},
        "spec": {
            "group": "acme.example",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    await server.client.create(kinds.CUSTOM_RESOURCE_DEFINITION, definition)
    await condition(server.client, "v1.acme.example", "Local")
    found = await server.client.get(kinds.API_SERVICE, "v1.acme.example")
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert (found["spec"]["groupPriorityMinimum"], found["spec"]["versionPriority"]) == (1000, 100)
    events = server.client.watch(kinds.API_SERVICE, field_selector="metadata.name=v1.acme.example")
    await anext(events)
    await server.client.delete(kinds.CUSTOM_RESOURCE_DEFINITION, "widgets.acme.example")
    async with asyncio.timeout(10):
        async for event in events:
            if event.type == "DELETED":
                break
    await events.aclose()
