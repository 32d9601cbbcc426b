"""Several API servers on one store agree about the `kubernetes` Service."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from hyperpy.api import kinds
from hyperpy.components.apiserver import bootstrap, resources
from hyperpy.components.apiserver.bootstrap import kubernetes_service
from hyperpy.components.apiserver.bootstrap.members import PREFIX, RENEWAL_S, TTL_S, Member
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.store.protocol import Get, prefix_end


@pytest.fixture
def config() -> CoreConfig:
    return CoreConfig(advertise_address="10.1.0.1", shared_store=True)


@pytest.fixture
async def other(cluster, config):
    """A second server on the same store."""
    config = replace(config, advertise_address="10.1.0.2")
    handler = resources.build(cluster.store, kinds.built_in(), config, cluster.clock, rng=random.Random(2))
    await bootstrap.run(handler)
    yield handler
    await handler.aclose()


@pytest.fixture
async def serving():
    """Starts servers; those that still serve at the end are stopped."""
    tasks = []

    def start(handler):
        tasks.append(asyncio.create_task(bootstrap.keep(handler)))
        return tasks[-1]

    yield start
    for task in tasks:
        await stop(task)


async def stop(task):
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def addresses(cluster, *wanted):
    """Wait until the Endpoints and the slice name these addresses."""
    for kind, path in ((kinds.ENDPOINTS, "/api/v1"), (kinds.ENDPOINT_SLICE, "/apis/discovery.k8s.io/v1")):
        watch = await cluster.lines(
            f"{path}/namespaces/default/{kind.plural}?watch=1&fieldSelector=metadata.name=kubernetes"
        )
        while named((await watch.next())["object"]) != list(wanted):
            pass
        await watch.aclose()


def named(obj):
    if obj["kind"] == "Endpoints":
        return [each["ip"] for subset in obj["subsets"] for each in subset["addresses"]]
    return [each["addresses"][0] for each in obj["endpoints"]]


async def test_each_server_is_named_as_long_as_it_serves(cluster, other, serving):
    serving(cluster.handler)
    await addresses(cluster, "10.1.0.1")
    second = serving(other)
    await addresses(cluster, "10.1.0.1", "10.1.0.2")
    await stop(second)
    await addresses(cluster, "10.1.0.1")


async def test_servers_do_not_write_against_each_other(cluster, other, serving):
    serving(cluster.handler)
    serving(other)
    await addresses(cluster, "10.1.0.1", "10.1.0.2")
    await cluster.clock.settle()
    before = await cluster.store.revision()
    await cluster.clock.settle()
    assert await cluster.store.revision() == before


async def test_a_server_that_only_starts_does_not_take_the_service(cluster, config, serving):
    serving(cluster.handler)
    await addresses(cluster, "10.1.0.1")
    config = replace(config, advertise_address="10.1.0.3")
    third = resources.build(cluster.store, kinds.built_in(), config, cluster.clock, rng=random.Random(3))
    await bootstrap.run(third)
    await addresses(cluster, "10.1.0.1")
    await third.aclose()


async def test_a_membership_is_renewed_and_made_again(cluster, serving):
    serving(cluster.handler)
    await addresses(cluster, "10.1.0.1")
    await cluster.clock.settle()
    (lease,) = await cluster.store.leases()
    await cluster.store.lease_revoke(lease)
    await cluster.clock.advance(RENEWAL_S)
    await cluster.clock.settle()
    (again,) = await cluster.store.leases()
    assert again != lease
    assert RENEWAL_S < TTL_S / 2
    found = await cluster.store.get(Get(PREFIX, prefix_end(PREFIX)))
    assert [kv.key for kv in found.kvs] == [PREFIX + b"10.1.0.1:6443"]


def test_servers_on_other_ports_are_in_the_endpoints_only():
    config = CoreConfig()
    servers = [Member("10.1.0.1", 6443), Member("10.1.0.2", 8443), Member("10.1.0.3", 8443)]
    endpoints = kubernetes_service.wanted(kinds.ENDPOINTS, config, servers)
    assert [(named_ips(each), each["ports"][0]["port"]) for each in endpoints["subsets"]] == [
        (["10.1.0.1"], 6443),
        (["10.1.0.2", "10.1.0.3"], 8443),
    ]
    slice_ = kubernetes_service.wanted(kinds.ENDPOINT_SLICE, config, servers)
    assert [each["addresses"] for each in slice_["endpoints"]] == [["10.1.0.2"], ["10.1.0.3"]]
    service = kubernetes_service.wanted(kinds.SERVICE, config, servers)
    assert service["spec"]["ports"][0]["targetPort"] == 8443


def named_ips(subset):
    return [each["ip"] for each in subset["addresses"]]
