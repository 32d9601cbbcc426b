"""The API server on a real etcd with TLS: started before it, and while it is away and comes back."""

import asyncio
import logging

import pytest
from components.apiserver.test_server import running
from store.certificates import make_certificates
from store.real_cluster import running_cluster
from store.real_etcd import free_port

from hyperpy.api import kinds
from hyperpy.api.wire import Request, UserInfo
from hyperpy.components.apiserver.options import Options
from hyperpy.components.apiserver.server import ApiServer

ROOT = UserInfo("root", ("system:masters",))


@pytest.fixture
def etcd(tmp_path):
    """One member, running."""
    with running_cluster(tmp_path / "etcd", certificates=make_certificates(tmp_path), size=1) as cluster:
        yield cluster


def shown_to(etcd):
    pki = etcd.certificates
    return {
        "etcd_servers": tuple(etcd.addresses),
        "etcd_ca_file": pki.ca,
        "etcd_cert_file": pki.client_cert,
        "etcd_key_file": pki.client_key,
    }


async def check(server, path):
    """Status and body of a health path."""
    response = await server.handler(Request("GET", path, user=ROOT))
    return response.status, response.body.decode()


async def until(server, path, status):
    async with asyncio.timeout(20):
        while (await check(server, path))[0] != status:
            pass


async def test_a_start_waits_for_an_etcd_that_is_not_there_yet_and_says_so(etcd, tmp_path, caplog):
    etcd.stop()
    told = asyncio.Event()

    class Told(logging.Handler):
        def emit(self, record):
            if "more for etcd: etcd at https://127.0.0.1" in record.getMessage():
                told.set()

    handler = Told()
    logging.getLogger("hyperpy.store").addHandler(handler)
    ready = asyncio.Event()
    server = ApiServer(Options(data_dir=tmp_path / "data", secure_port=0, bind_address="127.0.0.1", **shown_to(etcd)))
    task = asyncio.create_task(server.run(ready=ready.set))
    try:
        async with asyncio.timeout(30):
            await told.wait()
            etcd.start(0)
            await ready.wait()
        assert (await check(server, "/readyz"))[0] == 200
    finally:
        logging.getLogger("hyperpy.store").removeHandler(handler)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_checks_fail_while_etcd_is_away_and_all_goes_on_when_it_is_back(etcd, tmp_path):
    limits = {"etcd_healthcheck_timeout_s": 0.5, "etcd_readycheck_timeout_s": 0.5}
    async with running(tmp_path / "data", **limits, **shown_to(etcd)) as server:
        maps = server.client
        await maps.create(kinds.CONFIG_MAP, {"metadata": {"name": "before", "namespace": "default"}})
        events = maps.watch(kinds.CONFIG_MAP, namespace="default")
        assert (await anext(events)).object["metadata"]["name"]
        etcd.pause(0)  # connections stay, nothing answers
        for path in ("/livez/etcd", "/readyz/etcd-readiness"):
            assert (await check(server, path))[0] == 500
        assert (await check(server, "/livez/ping"))[0] == 200
        etcd.resume(0)
        await until(server, "/readyz", 200)
        etcd.kill(0)
        await until(server, "/livez/etcd", 500)
        patient = asyncio.create_task(maps.get(kinds.CONFIG_MAP, "before", namespace="default"))
        etcd.start(0)
        assert (await patient)["metadata"]["name"] == "before"
        await until(server, "/readyz", 200)
        await maps.create(kinds.CONFIG_MAP, {"metadata": {"name": "after", "namespace": "default"}})
        async with asyncio.timeout(10):
            async for event in events:
                if event.object["metadata"]["name"] == "after":
                    break
        await events.aclose()


async def test_the_size_of_each_member_is_told_and_one_that_is_down_does_no_harm(etcd, tmp_path):
    settings = shown_to(etcd)
    settings["etcd_servers"] = (f"https://127.0.0.1:{free_port()}", *etcd.addresses)
    async with running(tmp_path / "data", **settings) as server:
        _, metrics = await check(server, "/metrics")
    (line,) = [line for line in metrics.splitlines() if line.startswith("apiserver_storage_size_bytes{")]
    label, size = line.removeprefix("apiserver_storage_size_bytes").split()
    assert label == '{storage_cluster_id="etcd-1"}'
    assert float(size) > 4096
