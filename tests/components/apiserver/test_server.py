"""The whole API server: a real socket, TLS, real kubectl, start and stop."""

import asyncio
import base64
import contextlib
import io
import json
import os
import socket
import ssl
import stat
import sys
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from hyperpy.api import errors, kinds
from hyperpy.api.wire import UserInfo
from hyperpy.client import http, kubeconfig, local
from hyperpy.components.apiserver.options import Options
from hyperpy.components.apiserver.server import ApiServer
from hyperpy.components.supervisor import StartFailure

pytestmark = pytest.mark.asyncio(loop_scope="module")

KUBECTL = Path(sys.executable).parent / "kubectl"
TOKENS = 'admin,root,1,"system:masters"\nann,ann,2\n'


@contextlib.asynccontextmanager
async def running(data_dir, **settings):
    """A server that is ready."""
    options = Options(data_dir=data_dir, secure_port=0, bind_address="127.0.0.1", **settings)
    server = ApiServer(options)
    ready = asyncio.Event()
    task = asyncio.create_task(server.run(ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if task.done():
            task.result()
        yield server
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    """One server for the tests that only ask."""
    tmp_path = tmp_path_factory.mktemp("server")
    (tmp_path / "tokens").write_text(TOKENS)
    async with running(tmp_path / "data", token_auth_file=tmp_path / "tokens", insecure_port=free_port()) as server:
        yield server


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(server):
    tls = ssl.create_default_context(cafile=server.pki.ca_file)
    async with aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(ssl=tls)) as session:
        yield session


async def kubectl(server, *arguments, check=True, kubeconfig_file=None):
    environment = {**os.environ, "HOME": str(server.kubeconfig.parent)}
    process = await asyncio.create_subprocess_exec(
        KUBECTL, "--kubeconfig", kubeconfig_file or server.kubeconfig, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    output, complaints = await process.communicate()
    if check:
        assert process.returncode == 0, complaints.decode()
    return output.decode() if check else complaints.decode()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_kubectl_finds_its_way(server):
    version = json.loads(await kubectl(server, "version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"].startswith("v1.34.")
    assert "deployments" in await kubectl(server, "api-resources", "-o", "name")
    assert "default" in await kubectl(server, "get", "namespaces")
    assert "RollingUpdate" in await kubectl(server, "explain", "deployment.spec.strategy")


async def test_kubectl_asks_what_may_be_done(server):
    assert (await kubectl(server, "auth", "can-i", "delete", "nodes")).strip() == "yes"
    assert "kubernetes-admin" in await kubectl(server, "auth", "whoami")
    complaint = await kubectl(server, "get", "pods", "--as=bob", check=False)
    wanted = 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"'
    assert wanted in complaint


async def test_kubectl_creates_by_protobuf_and_a_token_lets_its_account_in(server, session):
    await kubectl(server, "create", "serviceaccount", "robot")
    await kubectl(server, "create", "clusterrolebinding", "r", "--clusterrole=view", "--serviceaccount=default:robot")
    token = (await kubectl(server, "create", "token", "robot")).strip()
    async with session.get("/api/v1/namespaces/default/pods", headers=bearer(token)) as answer:
        assert answer.status == 200
    async with session.get("/api/v1/namespaces/default/secrets", headers=bearer(token)) as answer:
        assert answer.status == 403
    async with session.get("/openid/v1/jwks", headers=bearer("admin")) as answer:
        assert answer.content_type == "application/jwk-set+json"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/healthz", {}, 200),
        ("/readyz?verbose", {}, 200),
        ("/version", {}, 200),
        ("/api", {}, 401),
        ("/", {}, 401),
        ("/api/v1/pods", {}, 401),
        ("/api/v1/pods", bearer("wrong"), 401),
        ("/api/v1/pods", bearer("ann"), 403),
        ("/api", bearer("ann"), 200),
        ("/api/v1/pods", bearer("admin"), 200),
        ("/nope", bearer("admin"), 404),
        ("/apis/nope/v1/things", bearer("admin"), 404),
        ("/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=x", bearer("admin"), 400),
    ],
)
async def test_who_gets_what(session, path, headers, status):
    async with session.get(path, headers=headers) as answer:
        assert answer.status == status
        if status >= 400:
            found = await answer.json()
            assert (found["kind"], found["code"]) == ("Status", status)


async def test_a_client_certificate_of_another_authority_is_refused_by_tls(server, tmp_path):
    from hyperpy.components.apiserver.credentials.pki import Pki

    other = Pki(tmp_path / "other").client("x", user="kubernetes-admin", groups=["system:masters"])
    tls = ssl.create_default_context(cafile=server.pki.ca_file)
    tls.load_cert_chain(other.cert_file, other.key_file)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{server.url}/api")


async def test_the_plain_port_is_for_local_programs_only(server):
    base = f"http://127.0.0.1:{server.insecure_port}"
    async with aiohttp.ClientSession(base) as session:
        async with session.get("/api/v1/namespaces") as answer:
            assert answer.status == 200
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            async with session.get("/api/v1/namespaces", headers=headers) as answer:
                assert answer.status == 403


async def test_a_body_beyond_the_limit_is_refused(session):
    huge = io.BytesIO(b"{" + b" " * (4 << 20))
    async with session.post("/api/v1/namespaces", data=huge, headers=bearer("admin")) as answer:
        assert (answer.status, (await answer.json())["reason"]) == (413, "RequestEntityTooLarge")


async def test_large_answers_are_compressed_for_those_who_take_it(session):
    async with session.get("/openapi/v3/api/v1", headers=bearer("admin")) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert (await answer.json())["openapi"] == "3.0.0"


async def test_local_clients_go_through_authorization(server):
    bob = local.connect(server.handler, UserInfo("bob"))
    with pytest.raises(errors.Forbidden, match='User "bob" cannot list resource "pods"'):
        await bob.list(kinds.POD, namespace="default")
    assert (await server.client.get(kinds.NAMESPACE, "default"))["status"]["phase"] == "Active"


async def test_component_kubeconfigs_let_components_in(server):
    client = http.connect(kubeconfig.load(server.options.data_dir / "scheduler.kubeconfig"))
    try:
        assert (await client.list(kinds.NODE)).items == []
        with pytest.raises(errors.Forbidden, match="system:kube-scheduler"):
            await client.list(kinds.SECRET)
    finally:
        await client.aclose()
    for file in server.options.data_dir.glob("*kubeconfig"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_stop_ends_watches_properly_and_keeps_what_was_written(tmp_path):
    async with running(tmp_path / "data") as server:
        client = http.connect(kubeconfig.load(server.kubeconfig))
        await client.create(kinds.NAMESPACE, {"metadata": {"name": "kept"}})
        events = client.watch(kinds.NAMESPACE)
        first = await anext(events)
        watching = asyncio.create_task(_rest(events))
        started = asyncio.get_running_loop().time()
    assert first.type in ("ADDED", "BOOKMARK")
    assert asyncio.get_running_loop().time() - started < 3
    await watching  # it ended, and not by an error
    await client.aclose()
    ca = (tmp_path / "data" / "pki" / "ca.crt").read_bytes()
    async with running(tmp_path / "data") as server:
        assert (await server.client.get(kinds.NAMESPACE, "kept"))["metadata"]["name"] == "kept"
        assert server.pki.ca_pem == ca
        saved = json.loads(server.kubeconfig.read_bytes())
        assert base64.b64decode(saved["clusters"][0]["cluster"]["certificate-authority-data"]) == ca


async def _rest(events):
    return [event async for event in events]


async def test_a_taken_port_is_told_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = ApiServer(Options(data_dir=tmp_path, secure_port=port, bind_address="127.0.0.1"))
        with pytest.raises(StartFailure, match=f"--secure-port: 127.0.0.1:{port} is in use by another program"):
            await server.run(ready=lambda: None)


async def test_a_store_in_use_is_told(tmp_path):
    async with running(tmp_path / "data"):
        second = ApiServer(Options(data_dir=tmp_path / "data", secure_port=0, bind_address="127.0.0.1"))
        with pytest.raises(StartFailure, match="is in use by another process"):
            await second.run(ready=lambda: None)


async def test_a_client_before_the_start_is_told_to_come_back(tmp_path):
    server = ApiServer(Options(data_dir=tmp_path))
    with pytest.raises(errors.ServiceUnavailable) as refused:
        await server.client.list(kinds.POD)
    assert refused.value.retry_after_s == 1


async def test_an_outside_serving_certificate_is_shown_and_trusted(tmp_path):
    from hyperpy.components.apiserver.credentials.pki import Pki

    other = Pki(tmp_path / "other")
    pair = other.server("web", title="api.example", hosts=["127.0.0.1"])
    async with running(tmp_path / "data", tls_cert_file=pair.cert_file, tls_private_key_file=pair.key_file) as server:
        assert "default" in await kubectl(server, "get", "namespaces")


async def test_certificates_of_a_further_authority_are_believed(tmp_path):
    from hyperpy.components.apiserver.credentials.pki import Pki

    other = Pki(tmp_path / "other")
    pair = other.client("bob", user="bob", groups=["system:masters"])
    async with running(tmp_path / "data", client_ca_file=other.ca_file) as server:
        access = kubeconfig.ClusterAccess(server.url, server.pki.ca_pem, pair.cert_pem(), pair.key_pem())
        client = http.connect(access)
        assert (await client.list(kinds.POD)).items == []
        await client.aclose()
