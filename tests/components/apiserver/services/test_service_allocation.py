"""Cluster IPs and node ports: given, refused, carried over, freed."""

from __future__ import annotations

import asyncio
import random

import pytest

from hyperpy.api import errors, kinds
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.services.service_allocation import ServiceAllocation
from hyperpy.components.apiserver.services.service_claims import Claims

IPS = "/apis/networking.k8s.io/v1/ipaddresses"


@pytest.fixture
def config() -> CoreConfig:
    return CoreConfig(service_cidr="10.0.0.0/28", node_port_min=30000, node_port_max=30004)


def service(name, **spec):
    ports = [{"port": 80}]
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": ports, **spec}}


async def test_a_service_gets_an_address_of_the_range(cluster):
    made = await cluster.client.create(kinds.SERVICE, service("a"))
    spec = made["spec"]
    assert spec["clusterIP"].startswith("10.0.0.")
    assert spec["clusterIP"] not in ("10.0.0.0", "10.0.0.1", "10.0.0.15")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


async def test_a_headless_service_gets_none(cluster):
    made = await cluster.client.create(kinds.SERVICE, service("a", clusterIP="None"))
    assert made["spec"]["clusterIPs"] == ["None"]


async def test_an_external_name_gets_none(cluster):
    made = await cluster.client.create(kinds.SERVICE, service("a", type="ExternalName", externalName="x.example.com"))
    assert "clusterIP" not in made["spec"]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        pytest.param("10.0.0.1", "provided IP is already allocated", id="reserved for kubernetes"),
        pytest.param("10.0.0.9", "provided IP is already allocated", id="taken"),
        pytest.param("10.1.0.1", r"the provided IP \(10.1.0.1\) is not in the valid range", id="outside"),
        pytest.param("10.0.0.15", "is not in the valid range", id="broadcast"),
    ],
)
async def test_an_address_that_cannot_be_had_is_refused(cluster, address, why):
    await cluster.client.create(kinds.SERVICE, service("first", clusterIP="10.0.0.9"))
    with pytest.raises(errors.Invalid, match=f"failed to allocate IP {address}: .*{why}"):
        await cluster.client.create(kinds.SERVICE, service("a", clusterIP=address))


async def test_an_address_is_free_again_when_its_service_is_gone(cluster):
    await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.9"))
    await cluster.client.delete(kinds.SERVICE, "a", namespace="default")
    await cluster.client.create(kinds.SERVICE, service("b", clusterIP="10.0.0.9"))


async def test_a_refused_service_takes_nothing(cluster):
    await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.9"))
    with pytest.raises(errors.AlreadyExists):
        await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.10"))
    await cluster.client.create(kinds.SERVICE, service("b", clusterIP="10.0.0.10"))


async def test_services_made_at_once_get_different_addresses_until_none_is_left(cluster):
    made = await asyncio.gather(
        *(cluster.client.create(kinds.SERVICE, service(f"s{number}")) for number in range(14)), return_exceptions=True
    )
    addresses = [each["spec"]["clusterIP"] for each in made if isinstance(each, dict)]
    assert len(set(addresses)) == 13
    (full,) = [each for each in made if isinstance(each, errors.InternalError)]
    assert full.message == "Internal error occurred: failed to allocate a serviceIP: range is full"


async def test_an_update_that_leaves_the_address_out_keeps_it(cluster):
    made = await cluster.client.create(kinds.SERVICE, service("a", type="NodePort"))
    updated = await cluster.client.update(kinds.SERVICE, service("a", type="NodePort"))
    assert updated["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert updated["spec"]["ports"][0]["nodePort"] == made["spec"]["ports"][0]["nodePort"]


async def test_a_node_port_out_of_range_or_taken_is_refused(cluster):
    await cluster.client.create(kinds.SERVICE, service("a", type="NodePort", ports=[{"port": 80, "nodePort": 30001}]))
    with pytest.raises(errors.Invalid, match=r"ports\[0\].nodePort: Invalid value: 30001: provided port is already"):
        await cluster.client.create(
            kinds.SERVICE, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 30001}])
        )
    with pytest.raises(errors.Invalid, match="The range of valid ports is 30000-30004"):
        await cluster.client.create(
            kinds.SERVICE, service("b", type="NodePort", ports=[{"port": 80, "nodePort": 8080}])
        )


async def test_tcp_and_udp_of_one_port_share_a_node_port(cluster):
    ports = [{"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]
    made = await cluster.client.create(kinds.SERVICE, service("dns", type="NodePort", ports=ports))
    first, second = made["spec"]["ports"]
    assert first["nodePort"] == second["nodePort"]


async def test_node_ports_are_free_again_when_the_type_changes(cluster):
    ports = [{"port": 80, "nodePort": 30001}]
    made = await cluster.client.create(kinds.SERVICE, service("a", type="NodePort", ports=ports))
    made["spec"]["type"] = "ClusterIP"
    updated = await cluster.client.update(kinds.SERVICE, made)
    assert "nodePort" not in updated["spec"]["ports"][0]
    await cluster.client.create(kinds.SERVICE, service("b", type="NodePort", ports=ports))


async def test_a_dry_run_takes_nothing(cluster):
    path = "/api/v1/namespaces/default/services?dryRun=All"
    for _ in range(20):
        await cluster.send("POST", path, service("a"))


async def test_the_state_is_read_from_the_store(cluster):
    await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.9"))
    with pytest.raises(errors.Invalid, match="already allocated"):
        await another(cluster).hold(service("b", clusterIP="10.0.0.9"), None)


def another(cluster, seed=3):
    """The allocation of another API server on the same store."""
    core, rng = cluster.handler.core, random.Random(seed)
    return ServiceAllocation(core.objects, Claims(core.objects, core.clock, rng), core.config, rng)


async def addresses(cluster):
    found = (await cluster.client.list(kinds.IP_ADDRESS)).items
    return {each["metadata"]["name"]: each["spec"]["parentRef"]["name"] for each in found}


async def test_every_address_in_use_is_an_object(cluster):
    await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.9"))
    assert await addresses(cluster) == {"10.0.0.1": "kubernetes", "10.0.0.9": "a"}
    table = await cluster.json("GET", f"{IPS}/10.0.0.9", accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    assert table["rows"][0]["cells"] == ["10.0.0.9", "services/default/a"]
    made = await cluster.client.get(kinds.SERVICE, "a", namespace="default")
    made["spec"] = {"type": "ExternalName", "externalName": "a.example.com"}
    await cluster.client.update(kinds.SERVICE, made)
    assert await addresses(cluster) == {"10.0.0.1": "kubernetes"}


async def test_a_refused_or_dry_write_leaves_no_object(cluster):
    await cluster.client.create(kinds.SERVICE, service("a"))
    before = await addresses(cluster)
    with pytest.raises(errors.AlreadyExists):
        await cluster.client.create(kinds.SERVICE, service("a"))
    await cluster.send("POST", "/api/v1/namespaces/default/services?dryRun=All", service("b"))
    assert await addresses(cluster) == before


async def test_two_servers_on_one_store_never_give_out_the_same(cluster):
    other = another(cluster)
    await other.load()
    kind = {"type": "NodePort"}
    await cluster.client.create(
        kinds.SERVICE, service("a", clusterIP="10.0.0.9", ports=[{"port": 80, "nodePort": 30001}], **kind)
    )
    with pytest.raises(errors.Invalid, match="failed to allocate IP 10.0.0.9: provided IP is already allocated"):
        await other.hold(service("b", clusterIP="10.0.0.9"), None)
    with pytest.raises(errors.Invalid, match=r"ports\[0\].nodePort: Invalid value: 30001: provided port is already"):
        await other.hold(service("b", ports=[{"port": 80, "nodePort": 30001}], **kind), None)
    here = [await cluster.client.create(kinds.SERVICE, service(f"s{number}", **kind)) for number in range(3)]
    there = service("there", **kind)
    await other.hold(there, None)
    made = [*here, there]
    assert len({each["spec"]["clusterIP"] for each in made}) == 4
    assert len({each["spec"]["ports"][0]["nodePort"] for each in made}) == 4


async def test_what_another_server_gave_back_can_be_had(cluster):
    made = await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.9"))
    other = another(cluster)
    await other.released(made)
    held = await other.hold(service("b", clusterIP="10.0.0.9"), None)
    await held.drop()
    await cluster.client.create(kinds.SERVICE, service("c", clusterIP="10.0.0.9"))


async def test_claims_whose_service_is_gone_are_dropped_at_the_next_start(cluster):
    await another(cluster).hold(service("lost", clusterIP="10.0.0.9"), None)
    mine = {"metadata": {"name": "10.0.0.8"}, "spec": {"parentRef": {"resource": "machines", "name": "m"}}}
    await cluster.client.create(kinds.IP_ADDRESS, mine)
    await another(cluster).load()
    assert (await addresses(cluster)).keys() == {"10.0.0.1", "10.0.0.8", "10.0.0.9"}
    await cluster.clock.advance(120)
    await another(cluster).load()
    assert (await addresses(cluster)).keys() == {"10.0.0.1", "10.0.0.8"}


async def test_an_address_that_a_user_claims_is_not_given_out(cluster):
    mine = {"metadata": {"name": "10.0.0.8"}, "spec": {"parentRef": {"resource": "machines", "name": "m"}}}
    await cluster.client.create(kinds.IP_ADDRESS, mine)
    with pytest.raises(errors.Invalid, match="10.0.0.8: provided IP is already allocated"):
        await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.8"))


async def test_an_address_in_use_cannot_be_deleted(cluster):
    await cluster.client.create(kinds.SERVICE, service("a", clusterIP="10.0.0.9"))
    with pytest.raises(errors.Forbidden, match="the Service default/a has this address"):
        await cluster.client.delete(kinds.IP_ADDRESS, "10.0.0.9")
    await cluster.client.delete(kinds.SERVICE, "a", namespace="default")
    assert "10.0.0.9" not in await addresses(cluster)


async def test_there_is_one_range_and_it_is_this_servers(cluster):
    (found,) = (await cluster.client.list(kinds.SERVICE_CIDR)).items
    assert found["spec"] == {"cidrs": ["10.0.0.0/28"]}
    assert found["status"]["conditions"][0]["type"] == "Ready"
    with pytest.raises(errors.Forbidden, match="gives out addresses of --service-cluster-ip-range only"):
        await cluster.client.create(kinds.SERVICE_CIDR, {"metadata": {"name": "b"}, "spec": {"cidrs": ["10.1.0.0/24"]}})
    with pytest.raises(errors.Forbidden, match="can be neither changed nor deleted"):
        await cluster.client.delete(kinds.SERVICE_CIDR, "kubernetes")
    found["metadata"]["labels"] = {"a": "b"}
    await cluster.client.update(kinds.SERVICE_CIDR, found)


async def test_port_zero_means_none(cluster):
    made = await cluster.client.create(
        kinds.SERVICE, service("a", healthCheckNodePort=0, ports=[{"port": 80, "nodePort": 0}])
    )
    assert "healthCheckNodePort" not in made["spec"]
    assert "nodePort" not in made["spec"]["ports"][0]
