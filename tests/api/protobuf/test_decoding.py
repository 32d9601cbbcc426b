"""Protobuf in: what real kubectl sends, the special types, and bytes that are not right."""

import asyncio
import json
import sys
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from hyperpy.api import protobuf

KUBECTL = Path(sys.executable).parent / "kubectl"


def field(number, value):
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def envelope(api_version, kind, raw):
    return b"k8s\0" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


@pytest.mark.parametrize(
    "command",
    [
        "deployment web --image=nginx --replicas=0 --port=80 -- sh -c ls",
        "configmap c --from-literal=a=b --from-literal=empty=",
        "secret generic s --from-literal=a=b",
        "service nodeport s --tcp=80:8080",
        "service externalname s --external-name=example.org",
        "serviceaccount robot",
        "namespace n",
        "job j --image=busybox -- date",
        "cronjob c --image=busybox --schedule=@daily",
        "ingress i --rule=foo.com/bar=svc1:8080,tls=my-cert",
        "clusterrole r --verb=get --non-resource-url=/logs/*",
        "rolebinding b --role=r --user=ann --group=g --serviceaccount=d:robot",
        "quota q --hard=cpu=1,memory=1Gi",
        "poddisruptionbudget p --selector=app=web --min-available=50%",
        "priorityclass p --value=-5 --description=low",
    ],
    ids=lambda command: command.partition(" -")[0],
)
async def test_what_kubectl_creates_is_read_as_the_json_it_prints(command):
    bodies = []

    async def answer(request):
        bodies.append((request.content_type, await request.read()))
        return web.Response(
            status=201, body=orjson.dumps(protobuf.decode(bodies[-1][1])), content_type="application/json"
        )

    server = web.Server(answer)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    verb, separator, rest = command.partition(" -- ")
    tail = [separator.strip(), *rest.split()] if separator else []
    printed = await kubectl("create", *verb.split(), "--dry-run=client", "-o", "json", *tail)
    await kubectl("create", *verb.split(), "--server", url, *tail)
    listening.close()
    await server.shutdown(1)
    assert bodies[0][0] == protobuf.MEDIA_TYPE
    assert pruned(protobuf.decode(bodies[0][1])) == pruned(json.loads(printed))


async def kubectl(*arguments):
    process = await asyncio.create_subprocess_exec(
        KUBECTL, "--kubeconfig", "/dev/null", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return output


def pruned(value):
    """Without what says nothing: nulls, empty objects, and the namespace, which a dry run fills in."""
    if isinstance(value, dict):
        fields = {name: pruned(child) for name, child in value.items() if name != "namespace"}
        return {name: child for name, child in fields.items() if child not in (None, {})}
    if isinstance(value, list):
        return [pruned(child) for child in value]
    return value


def decoded(api_version, kind, raw):
    return protobuf.decode(envelope(api_version, kind, raw))


def test_times_quantities_and_ports_have_their_json_form():
    meta = field(1, "web") + field(8, field(1, 1_700_000_000))
    probe = field(1, field(2, field(1, "/healthz") + field(2, field(1, 1) + field(3, "http")) + field(4, "HTTP")))
    limits = field(1, "cpu") + field(2, field(1, "500m"))
    container = field(1, "main") + field(8, field(1, limits)) + field(10, probe)
    pod = decoded("v1", "Pod", field(1, meta) + field(2, field(2, container)))
    assert pod["metadata"] == {"name": "web", "creationTimestamp": "2023-11-14T22:13:20Z"}
    assert pod["spec"]["containers"] == [
        {
            "name": "main",
            "resources": {"limits": {"cpu": "500m"}},
            "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}},
        }
    ]


def test_a_zero_behind_a_pointer_stays_and_other_zeros_go():
    lease = decoded(
        "coordination.k8s.io/v1", "Lease", field(2, field(2, 0) + field(3, field(1, 5) + field(2, 1234000)))
    )
    assert lease["spec"] == {"leaseDurationSeconds": 0, "acquireTime": "1970-01-01T00:00:05.001234Z"}
    service = decoded("v1", "Service", field(2, field(1, field(3, 80) + field(5, 0)) + field(3, "")))
    assert service["spec"] == {"ports": [{"port": 80}]}


def test_options_of_every_group_are_known():
    raw = field(1, 0) + field(4, "Foreground")
    assert decoded("apps/v1", "DeleteOptions", raw)["gracePeriodSeconds"] == 0


def test_negative_numbers_are_read():
    assert decoded("scheduling.k8s.io/v1", "PriorityClass", field(2, -5))["value"] == -5


def test_unknown_fields_are_passed_over():
    assert decoded("v1", "ConfigMap", field(1, field(1, "c")) + field(15, b"new")) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
    }


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"{}", id="no magic"),
        pytest.param(b"k8s\0\xff", id="no envelope"),
        pytest.param(envelope("v1", "Nope", b""), id="unknown kind"),
        pytest.param(envelope("v1", "Pod", field(1, b"\xff\xff")), id="no message"),
        pytest.param(envelope("v1", "Pod", b"\x0a\x7fabc"), id="cut short"),
        pytest.param(envelope("v1", "Pod", b"\x08\x01"), id="a number where a message belongs"),
        pytest.param(envelope("v1", "ConfigMap", field(1, field(1, b"\xff"))), id="no UTF-8"),
        pytest.param(envelope("v1", "Pod", b"\x0b\x0c"), id="groups"),
        pytest.param(envelope("v1", "Pod", field(1, field(8, field(1, 1 << 60)))), id="a time out of range"),
        pytest.param(envelope("v1", "Pod", b"\x08" + b"\xff" * 20), id="an endless number"),
        pytest.param(envelope("v1", "Pod", b"") + field(4, "application/json"), id="another encoding"),
    ],
)
def test_bytes_that_are_not_right_are_refused(raw):
    with pytest.raises(protobuf.ProtobufError):
        protobuf.decode(raw)
