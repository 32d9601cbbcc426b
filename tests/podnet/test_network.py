"""The pod network with real namespaces: pods, host and services reach each other, and nothing is left behind."""

import asyncio
import socket
import subprocess
import uuid

import pytest

from hyperpy.linux import netns
from hyperpy.podnet.free import claim, claim_free, routed_by
from hyperpy.podnet.network import BridgeNetwork
from hyperpy.podnet.router import Router

pytestmark = pytest.mark.root


def traces():
    """What this kind of network leaves on a host: its links, routes and mounts."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout.splitlines()
    mounts = open("/proc/mounts").read().splitlines()
    return [line for line in (*links, *routes, *mounts) if "hpt" in line or "dev hp" in line or ": hp" in line]


@pytest.fixture
async def network(tmp_path):
    before = traces()
    claimed = claim_free(f"10.{n}.0.0/24" for n in range(100, 200))
    made = BridgeNetwork(Router(f"hpt-{uuid.uuid4().hex[:6]}"), pod_cidr=claimed.what, state_dir=tmp_path)
    await made.start()
    yield made
    await made.aclose(purge=True)
    claimed.release()
    assert traces() == before


@pytest.fixture
def pods():
    names = [f"hptp-{uuid.uuid4().hex[:6]}" for _ in range(2)]
    for name in names:
        netns.ensure(name)
    yield [str(netns.path(name)) for name in names]
    for name in names:
        netns.remove(name)


def listening(host, port):
    made = socket.socket()
    made.bind((host, port))
    made.listen()
    return made


def reaches(host, port, where=None):
    def connect():
        with socket.create_connection((host, port), timeout=3):
            return True

    return netns.inside(where, connect) if where else connect()


async def test_pods_host_and_services_reach_each_other(network, pods):
    one, two = [await network.attach(f"s{number}", pod) for number, pod in enumerate(pods)]
    assert one.ip != two.ip
    server = netns.inside(pods[1], lambda: listening("0.0.0.0", 8000))
    assert reaches(two.ip, 8000)
    assert reaches(two.ip, 8000, where=pods[0])
    router = network._router
    await asyncio.to_thread(router.add_services, "10.254.0.0/24")
    service = netns.inside(router.netns, lambda: listening("10.254.0.9", 443))
    assert reaches("10.254.0.9", 443)
    assert reaches("10.254.0.9", 443, where=pods[0])
    with pytest.raises(ConnectionRefusedError):
        reaches("10.254.0.9", 444, where=pods[0])
    server.close()
    service.close()


async def test_attaching_again_gives_the_same_address_and_detaching_frees_it(network, pods):
    first = await network.attach("s", pods[0])
    assert await network.attach("s", pods[0]) == first
    assert network.addresses() == {"s": first.ip}
    await network.detach("s")
    await network.detach("s")
    assert network.addresses() == {}


async def test_starting_again_over_a_live_network_keeps_it(network, pods, tmp_path):
    address = await network.attach("s", pods[0])
    again = BridgeNetwork(network._router, pod_cidr=network._cidr, state_dir=tmp_path)
    await again.start()
    assert again.addresses() == {"s": address.ip}
    server = netns.inside(pods[0], lambda: listening("0.0.0.0", 8000))
    assert reaches(address.ip, 8000)
    server.close()


async def test_a_range_in_use_is_not_free(network):
    assert claim_free([network._cidr]) is None
    assert routed_by(network._cidr) == network._router.host_link
    assert routed_by(network._cidr, besides=network._router.host_link) is None


def test_a_claim_keeps_others_off_until_it_is_released():
    first = claim("10.250.250.0/24")
    assert claim("10.250.250.0/24") is None
    assert claim_free(["10.250.250.0/24", "10.250.251.0/24"]).what == "10.250.251.0/24"
    first.release()
    claim("10.250.250.0/24").release()
