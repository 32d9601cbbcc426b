"""The client libraries `kubernetes` and `kubernetes_asyncio`: informers, watches, streams, apply, leader election."""

import asyncio
import queue
import subprocess
import sys
import uuid
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes
    import kubernetes_asyncio
    from kubernetes import dynamic, informer
    from kubernetes.stream import portforward, stream
    from kubernetes_asyncio.leaderelection import electionconfig as aio_config
    from kubernetes_asyncio.leaderelection.leaderelection import LeaderElection as AioElection
    from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock as AioLeaseLock
    from kubernetes_asyncio.stream import WsApiClient

pytestmark = [
    pytest.mark.root,
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SERVER = "import http.server as h\nclass A(h.BaseHTTPRequestHandler):\n"
SERVER += " def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(b'from the pod')\n"
SERVER += "h.HTTPServer(('', 8000), A).serve_forever()"


@pytest.fixture
def api(cluster):
    """A connected client of `kubernetes`."""
    client = kubernetes.config.new_client_from_config(str(cluster.kubeconfig))
    yield client
    client.close()


@pytest.fixture(scope="session")
def pod(cluster):
    """Namespace and name of a running pod that serves HTTP on port 8000."""
    cluster.kubectl(
        "run", "served", "--image=hyperpy", "--image-pull-policy=IfNotPresent", "--restart=Never",
        "--overrides", '{"spec":{"terminationGracePeriodSeconds":1}}', "--command", "--", "python3", "-c", SERVER,
    )  # fmt: skip
    cluster.kubectl("wait", "pod/served", "--for=condition=Ready", "--timeout=60s")
    return "default", "served"


def _config_map(name, **data):
    metadata = {"name": name, "labels": {"mine": "yes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_an_informer_follows_what_happens(api, namespace):
    core, seen = kubernetes.client.CoreV1Api(api), queue.Queue()
    shared = informer.SharedInformer(core.list_namespaced_config_map, namespace=namespace, label_selector="mine=yes")
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        shared.add_event_handler(kind, lambda obj, kind=kind: seen.put((kind, obj.metadata.name)))
    core.create_namespaced_config_map(namespace, _config_map("before"))
    shared.start()
    try:
        assert seen.get(timeout=20) == ("ADDED", "before")
        core.create_namespaced_config_map(namespace, _config_map("one", a="1"))
        assert seen.get(timeout=20) == ("ADDED", "one")
        core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}})
        assert seen.get(timeout=20) == ("MODIFIED", "one")
        core.delete_namespaced_config_map("one", namespace)
        assert seen.get(timeout=20) == ("DELETED", "one")
        assert [each.metadata.name for each in shared.cache.list()] == ["before"]
    finally:
        shared.stop()


def test_a_command_runs_in_a_pod(api, pod):
    core = kubernetes.client.CoreV1Api(api)
    said = stream(
        core.connect_get_namespaced_pod_exec, pod[1], pod[0], command=["sh", "-c", "echo out; echo err >&2"],
        stdout=True, stderr=True, stdin=False, tty=False,
    )  # fmt: skip
    assert sorted(said.split()) == ["err", "out"]


def test_a_port_of_a_pod_is_reached(api, pod):
    core = kubernetes.client.CoreV1Api(api)
    forward = portforward(core.connect_get_namespaced_pod_portforward, pod[1], pod[0], ports="8000")
    sock = forward.socket(8000)
    sock.settimeout(20)
    sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = b""
    while chunk := sock.recv(4096):
        answer += chunk
    sock.close()
    assert answer.endswith(b"from the pod")
    assert forward.error(8000) is None


def test_the_dynamic_client_applies_objects(api, namespace):
    resource = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    body = _config_map("applied", a="1")
    made = resource.server_side_apply(body=body, namespace=namespace, name="applied", field_manager="python")
    assert made.metadata.managedFields[0].operation == "Apply"
    assert resource.get(name="applied", namespace=namespace).data.a == "1"
    page = resource.get(namespace=namespace, limit=1)
    assert len(page.items) == 1


CANDIDATE = """
import sys
from kubernetes import config
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
kubeconfig, namespace, name = sys.argv[1:]
config.load_kube_config(kubeconfig)
lock = LeaseLock("lock", namespace, name)
timing = dict(lease_duration=3, renew_deadline=2, retry_period=1)
def leads(): print("leads", flush=True)
LeaderElection(Config(lock, onstarted_leading=leads, onstopped_leading=None, **timing)).run()
"""


def _candidate(cluster, namespace, name):
    command = [sys.executable, "-W", "ignore", "-c", CANDIDATE, str(cluster.kubeconfig), namespace, name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_second_candidate_leads_when_the_first_is_gone(cluster, api, namespace):
    leases = kubernetes.client.CoordinationV1Api(api)
    first = _candidate(cluster, namespace, "first")
    try:
        assert first.stdout.readline() == "leads\n"
        second = _candidate(cluster, namespace, "second")
        try:
            assert leases.read_namespaced_lease("lock", namespace).spec.holder_identity == "first"
            first.kill()
            assert second.stdout.readline() == "leads\n"
            assert leases.read_namespaced_lease("lock", namespace).spec.holder_identity == "second"
        finally:
            second.kill()
            second.communicate()
    finally:
        first.kill()
        first.communicate()


async def test_the_asyncio_client_watches_and_runs_commands(cluster, namespace, pod):
    settings = kubernetes_asyncio.client.Configuration()
    await kubernetes_asyncio.config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
    async with kubernetes_asyncio.client.ApiClient(settings) as api:
        core = kubernetes_asyncio.client.CoreV1Api(api)
        watch = kubernetes_asyncio.watch.Watch()
        events = watch.stream(core.list_namespaced_config_map, namespace, timeout_seconds=30)
        name = f"c-{uuid.uuid4().hex[:6]}"
        await core.create_namespaced_config_map(namespace, _config_map(name))
        async with asyncio.timeout(20):
            async for event in events:
                if event["object"].metadata.name == name:
                    break
        assert event["type"] == "ADDED"
        await watch.close()
    async with WsApiClient(settings) as api:
        core = kubernetes_asyncio.client.CoreV1Api(api)
        said = await core.connect_get_namespaced_pod_exec(
            pod[1], pod[0], command=["echo", "hello"], stdout=True, stderr=True, stdin=False, tty=False
        )
        assert said == "hello\n"


async def test_the_asyncio_client_elects_a_leader(cluster, namespace):
    settings = kubernetes_asyncio.client.Configuration()
    await kubernetes_asyncio.config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
    async with kubernetes_asyncio.client.ApiClient(settings) as api:
        leads = asyncio.Event()

        async def started():
            leads.set()
            await asyncio.Event().wait()

        async def stopped():
            pass

        config = aio_config.Config(
            AioLeaseLock("aio", namespace, "me", api), lease_duration=5, renew_deadline=4, retry_period=1,
            onstarted_leading=started, onstopped_leading=stopped,
        )  # fmt: skip
        election = asyncio.create_task(AioElection(config).run())
        async with asyncio.timeout(20):
            await leads.wait()
        election.cancel()
        await asyncio.gather(election, return_exceptions=True)
