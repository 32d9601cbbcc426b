"""Environment variables of containers, and the downward API."""

from __future__ import annotations

import base64

import pytest

from hyperpy.components.kubelet import downward
from hyperpy.components.kubelet.downward import NodeFacts
from hyperpy.components.kubelet.environment import Reference, Sources, environment, references
from hyperpy.runtime.spec import ConfigError, expand

from .objects import container, pod

NODE = NodeFacts("n1", ("192.168.0.7",), {"cpu": "4", "memory": "8Gi"})
SETTINGS = {"kind": "ConfigMap", "data": {"a": "1", "b": "2"}}
SECRET = {"kind": "Secret", "data": {"password": base64.b64encode(b"s3cret").decode()}}


def made(a_container, *, services=(), objects=None, **more):
    found = Sources(objects or {}, services)
    return environment(pod(a_container, **more), a_container, sources=found, node=NODE, pod_ips=("10.0.0.5",))


def service(name, *ports, namespace="ns", ip="10.96.0.20"):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": list(ports)}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("$(A)/b", "1/b", id="known"),
        pytest.param("$(NO)", "$(NO)", id="unknown stays"),
        pytest.param("$$(A)", "$(A)", id="escaped"),
        pytest.param("a$", "a$", id="dollar at the end"),
        pytest.param("$A $(A", "$A $(A", id="not a reference"),
        pytest.param("$$$(A)", "$1", id="escape before a reference"),
    ],
)
def test_references_in_text_are_expanded(text, expected):
    assert expand(text, {"A": "1"}) == expected


def test_later_variables_see_earlier_ones():
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}, {"name": "C", "value": "$(D)"}]
    assert made(container(env=env)) == {"A": "1", "B": "12", "C": "$(D)"}


def test_variables_come_from_config_maps_and_secrets():
    wanted = container(
        envFrom=[{"prefix": "X_", "configMapRef": {"name": "settings"}}],
        env=[
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
            {"name": "O", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "x", "optional": True}}},
        ],
    )
    objects = {Reference("ConfigMap", "settings"): SETTINGS, Reference("Secret", "s"): SECRET}
    assert made(wanted, objects=objects) == {"X_a": "1", "X_b": "2", "P": "s3cret"}
    assert references(wanted) == {*objects, Reference("ConfigMap", "none")}


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"secretKeyRef": {"name": "x", "key": "k"}}, 'secret "x" not found'),
        ({"configMapKeyRef": {"name": "settings", "key": "k"}}, "couldn't find key k in ConfigMap ns/settings"),
        ({"fieldRef": {"fieldPath": "spec.nothing"}}, "unsupported fieldPath: spec.nothing"),
    ],
    ids=["object", "key", "field"],
)
def test_a_missing_source_is_named(origin, message):
    with pytest.raises(ConfigError, match=message.replace("'", ".")):
        made(
            container(env=[{"name": "A", "valueFrom": origin}]),
            objects={Reference("ConfigMap", "settings"): SETTINGS},
        )


def test_services_of_the_namespace_become_variables():
    web = service("my-web", {"port": 80, "name": "http"}, {"port": 443, "name": "tls"})
    other = service("other", {"port": 1}, namespace="elsewhere")
    master = service("kubernetes", {"port": 443, "name": "https"}, namespace="default", ip="10.96.0.1")
    headless = service("none", {"port": 1}, ip="None")
    found = made(container(), services=[web, other, master, headless])
    assert found["MY_WEB_SERVICE_HOST"] == "10.96.0.20"
    assert found["MY_WEB_SERVICE_PORT_TLS"] == "443"
    assert found["MY_WEB_PORT"] == "tcp://10.96.0.20:80"
    assert found["MY_WEB_PORT_443_TCP_ADDR"] == "10.96.0.20"
    assert found["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert not any(name.startswith(("OTHER", "NONE")) for name in found)


def test_without_service_links_only_the_api_server_is_told():
    web = service("web", {"port": 80})
    master = service("kubernetes", {"port": 443}, namespace="default")
    found = made(container(), services=[web, master], enableServiceLinks=False)
    assert not any(name.startswith("WEB") for name in found)
    assert "KUBERNETES_SERVICE_HOST" in found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "p"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels", 'app="web"\nquote="a\\"b"'),
        ("spec.nodeName", "n1"),
        ("status.podIP", "10.0.0.5"),
        ("status.hostIP", "192.168.0.7"),
    ],
)
def test_fields_of_the_pod(path, expected):
    labelled = pod(metadata={"labels": {"quote": 'a"b', "app": "web"}})
    assert downward.field_value(labelled, path, node=NODE, pod_ips=("10.0.0.5",)) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param({"resource": "limits.memory", "divisor": "1Mi"}, "64", id="divided"),
        pytest.param({"resource": "requests.cpu"}, "1", id="rounded up"),
        pytest.param({"resource": "requests.cpu", "divisor": "1m"}, "250", id="millis"),
        pytest.param({"resource": "limits.cpu"}, "4", id="no limit is the node"),
    ],
)
def test_resources_of_a_container(reference, expected):
    sized = pod(container(resources={"limits": {"memory": "64Mi"}, "requests": {"cpu": "250m"}}))
    assert downward.resource_value(sized, reference, default="web", node=NODE) == expected
