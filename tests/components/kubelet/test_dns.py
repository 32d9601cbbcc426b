"""resolv.conf and /etc/hosts of pods."""

from __future__ import annotations

import pytest

from hyperpy.components.kubelet.dns import ClusterDns, hosts_file, parse_resolv_conf, pod_dns
from hyperpy.runtime.protocol import Dns
from hyperpy.runtime.spec import hostname

from .objects import pod

CLUSTER = ClusterDns(("10.96.0.10",), "cluster.local")
HOST = Dns(("192.168.0.1",), ("corp.example",), ("timeout:1",))


def test_the_nodes_own_file_is_read():
    text = "# comment\nsearch old\nnameserver 192.168.0.1\nsearch corp.example\noptions timeout:1\n"
    assert parse_resolv_conf(text) == HOST


@pytest.mark.parametrize(
    ("spec", "servers"),
    [
        pytest.param({}, ("10.96.0.10",), id="cluster first"),
        pytest.param({"hostNetwork": True}, HOST.servers, id="host network"),
        pytest.param(
            {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, ("10.96.0.10",), id="with host net"
        ),
        pytest.param({"dnsPolicy": "Default"}, HOST.servers, id="default"),
        pytest.param({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}, ("1.1.1.1",), id="none"),
    ],
)
def test_the_policy_chooses_the_servers(spec, servers):
    assert pod_dns(pod(**spec), cluster=CLUSTER, node=HOST).servers == servers


def test_cluster_names_are_searched_first():
    found = pod_dns(pod(), cluster=CLUSTER, node=HOST)
    assert found.searches == ("ns.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example")
    assert found.options == ("ndots:5",)


def test_without_cluster_dns_pods_get_the_nodes_own():
    assert pod_dns(pod(), cluster=ClusterDns(), node=HOST) == HOST


def test_the_pods_own_settings_are_added_and_win():
    config = {"searches": ["x.example"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}
    found = pod_dns(pod(dnsConfig=config), cluster=CLUSTER, node=HOST)
    assert found.searches[-1] == "x.example"
    assert found.options == ("ndots:2", "edns0")


def test_the_hosts_file_names_the_pod_and_its_aliases():
    aliased = pod(hostname="web-0", subdomain="web", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}])
    short, domain = hostname(aliased, cluster_domain="cluster.local")
    text = hosts_file(aliased, ips=("10.0.0.5",), host_name=short, domain=domain, node_hosts="")
    assert "127.0.0.1\tlocalhost" in text
    assert "10.0.0.5\tweb-0.web.ns.svc.cluster.local\tweb-0\n" in text
    assert text.endswith("1.2.3.4\ta\tb\n")


def test_a_pod_on_the_hosts_network_builds_on_its_file():
    text = hosts_file(pod(hostNetwork=True), ips=(), host_name="p", domain="", node_hosts="127.0.0.1 me\n")
    assert text == "127.0.0.1 me\n"


def test_a_long_name_is_cut_to_a_host_name():
    assert hostname(pod(metadata={"name": "a" * 62 + "-bcd"}), cluster_domain="x") == ("a" * 62, "")
