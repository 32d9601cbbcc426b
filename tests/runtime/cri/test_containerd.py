"""What only a runtime of its own shows: a restart below us, several nodes on one runtime, addresses, images."""

import asyncio
import socket
import uuid

import pytest
from runtime import busybox
from runtime.containerd import Containerd

from hyperpy.runtime.cri import CriRuntime
from hyperpy.runtime.protocol import ContainerSpec, ImageNotFound, SandboxSpec, State

pytestmark = [pytest.mark.root, pytest.mark.slow]


@pytest.fixture(scope="module")
def containerd(tmp_path_factory):
    home = tmp_path_factory.mktemp("containerd")
    busybox.write_archive(home / "busybox.tar")
    made = Containerd(home)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def runtime(containerd):
    made = CriRuntime(endpoint=containerd.endpoint, scope="one")
    await made.start()
    await made.images.load(str(containerd.home / "busybox.tar"))
    yield made
    await made.aclose(purge=True)


async def run(runtime, *command: str) -> tuple[str, str]:
    """The ids of a new sandbox and of a container that runs in it."""
    made = await runtime.run_sandbox(SandboxSpec("default", "web", str(uuid.uuid4())))
    container_id = await runtime.create_container(made.id, ContainerSpec("main", busybox.REFERENCE, command=command))
    await runtime.start_container(container_id)
    return made.id, container_id


async def test_an_end_is_told_after_a_restart_of_the_runtime(runtime, containerd):
    seen = asyncio.Event()

    async def watch():
        async for _ in runtime.events():
            if all(found.state is State.EXITED for found in await runtime.containers()):
                seen.set()

    _, container_id = await run(runtime, "sh", "-c", "sleep 4; exit 3")
    await asyncio.to_thread(containerd.restart)
    (found,) = await runtime.containers()
    assert (found.id, found.state) == (container_id, State.RUNNING)
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        watcher = group.create_task(watch())
        await seen.wait()
        watcher.cancel()
    (found,) = await runtime.containers()
    assert found.exit_code == 3


async def test_nodes_on_one_runtime_do_not_see_each_other(runtime, containerd):
    _, container_id = await run(runtime, "sleep", "600")
    other = CriRuntime(endpoint=containerd.endpoint, scope="two")
    await other.start()
    assert not await other.sandboxes()
    assert not await other.containers()
    assert not await other.stats()
    await other.aclose(purge=True)
    assert [(found.id, found.state) for found in await runtime.containers()] == [(container_id, State.RUNNING)]


async def test_a_pod_has_an_address_that_the_host_reaches(runtime):
    sandbox_id, _ = await run(runtime, "nc", "-l", "-p", "7000", "-e", "echo", "hello")
    (found,) = await runtime.sandboxes()
    assert (found.id, found.netns) == (sandbox_id, None)
    async with asyncio.timeout(10):
        while True:
            try:
                reader, writer = await asyncio.open_connection(found.ip, 7000)
                break
            except OSError:
                await asyncio.sleep(0.02)
        assert await reader.read() == b"hello\n"
    writer.close()
    await writer.wait_closed()


async def test_a_pod_of_the_hosts_network_has_no_address_of_its_own(runtime):
    made = await runtime.run_sandbox(SandboxSpec("default", "web", "u1", host_network=True))
    assert (made.ready, made.ip) == (True, None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = await runtime.port_forward(made.id, listener.getsockname()[1])
        await process.aclose()


async def test_an_image_of_no_registry_cannot_be_pulled(runtime):
    with pytest.raises(Exception, match=r"registry\.invalid") as caught:
        await runtime.images.pull("registry.invalid/team/app:1")
    assert not isinstance(caught.value, ImageNotFound)


async def test_a_removed_image_is_gone(runtime, containerd):
    await runtime.images.remove(busybox.REFERENCE)
    assert await runtime.images.find(busybox.REFERENCE) is None
    await runtime.images.remove(busybox.REFERENCE)
