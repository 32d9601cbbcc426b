"""Which address a proxy request means."""

import random

import pytest

from hyperpy.api import errors, proxy_target
from hyperpy.api.proxy_target import Reference
from hyperpy.components.apiserver.streams.proxy import split

RNG = random.Random(1)
POD = {
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "a"}, {"name": "b", "ports": [{"name": "http", "containerPort": 8080}]}]},
    "status": {"podIP": "10.0.0.7"},
}
SERVICE = {
    "metadata": {"name": "svc"},
    "spec": {"ports": [{"name": "http", "port": 80}, {"name": "metrics", "port": 9000}]},
}


def endpoints(*addresses, ready=True, ports=(("http", 8080), ("metrics", 9090))):
    return {
        "ports": [{"name": name, "port": port} for name, port in ports],
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}} for address in addresses],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", Reference("http", "web", "")),
        ("web:80", Reference("http", "web", "80")),
        ("https:web:443", Reference("https", "web", "443")),
        ("https:web:", Reference("https", "web", "")),
    ],
)
def test_parse(text, expected):
    assert proxy_target.parse(text) == expected


@pytest.mark.parametrize("text", ["", ":80", "ftp:web:21", "a:b:c:d"])
def test_parse_refuses(text):
    with pytest.raises(errors.BadRequest):
        proxy_target.parse(text)


@pytest.mark.parametrize(("port", "expected"), [("", 8080), ("http", 8080), ("1234", 1234)])
def test_pod_address(port, expected):
    assert proxy_target.pod_address(POD, port) == ("10.0.0.7", expected)


def test_a_pod_without_an_address_is_not_available():
    with pytest.raises(errors.ServiceUnavailable):
        proxy_target.pod_address({**POD, "status": {}}, "80")


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "0.0.0.0", "example.org"])
def test_addresses_of_this_machine_and_its_link_are_refused(address):
    with pytest.raises(errors.BadRequest, match="address not allowed"):
        proxy_target.pod_address({**POD, "status": {"podIP": address}}, "80")
    with pytest.raises(errors.BadRequest, match="address not allowed"):
        proxy_target.service_address(SERVICE, [endpoints(address)], "http", rng=RNG)


def test_a_pod_on_the_host_s_network_may_have_the_host_s_address():
    pod = {**POD, "spec": {**POD["spec"], "hostNetwork": True}, "status": {"podIP": "127.0.0.1", "hostIP": "127.0.0.1"}}
    assert proxy_target.pod_address(pod, "80") == ("127.0.0.1", 80)


@pytest.mark.parametrize(("port", "expected"), [("80", 8080), ("http", 8080), ("metrics", 9090)])
def test_service_address(port, expected):
    slices = [endpoints("10.0.0.1", ready=False), endpoints("10.0.0.2")]
    assert proxy_target.service_address(SERVICE, slices, port, rng=RNG) == ("10.0.0.2", expected)


def test_the_only_port_of_a_service_need_not_be_named():
    service = {"metadata": {"name": "svc"}, "spec": {"ports": [{"port": 80}]}}
    slices = [endpoints("10.0.0.2", ports=[("", 8080)])]
    assert proxy_target.service_address(service, slices, "", rng=RNG) == ("10.0.0.2", 8080)


def test_a_service_without_ready_endpoints_is_not_available():
    with pytest.raises(errors.ServiceUnavailable, match='no endpoints available for service "svc"'):
        proxy_target.service_address(SERVICE, [endpoints("10.0.0.1", ready=False)], "http", rng=RNG)


@pytest.mark.parametrize("port", ["", "7", "nope"])
def test_a_port_that_the_service_does_not_have_is_refused(port):
    with pytest.raises(errors.BadRequest):
        proxy_target.service_address(SERVICE, [endpoints("10.0.0.1")], port, rng=RNG)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/namespaces/d/pods/web/proxy", ("/api/v1/namespaces/d/pods/web/proxy", "")),
        ("/api/v1/namespaces/d/pods/web:80/proxy/a%2Fb?x=1", ("/api/v1/namespaces/d/pods/web:80/proxy", "/a%2Fb?x=1")),
        ("/api/v1/nodes/n/proxy/stats/summary", ("/api/v1/nodes/n/proxy", "/stats/summary")),
        ("/api/v1/nodes/n/proxy?x=1", ("/api/v1/nodes/n/proxy", "?x=1")),
    ],
)
def test_split(path, expected):
    assert split(path) == expected
