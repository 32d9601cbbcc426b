"""Pods outlive the kubelet and the shim, and leave nothing behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hyperpy.runtime.embedded import wire
from hyperpy.runtime.embedded.connection import Connection
from hyperpy.runtime.protocol import ContainerSpec, ImageNotFound, State

pytestmark = pytest.mark.root


async def test_running_containers_outlive_a_lost_shim(node):
    sandbox = await node.sandbox()
    container_id = await node.run(sandbox, "while :; do echo tick; sleep 0.05; done")
    events = node.runtime.events()
    await node.kill_shim()
    async with asyncio.timeout(10):
        while (await anext(events)).sandbox_id:
            pass
    # Look at all: the same container runs, its log goes on, and it can be entered and stopped.
    found = await node.look(container_id)
    assert found.state is State.RUNNING
    size = Path(found.log_path).stat().st_size

    async def grows():
        return Path(found.log_path).stat().st_size > size

    await node.until(grows)
    process = await node.runtime.exec(container_id, ["echo", "here"])
    assert (await process.read()).data == b"here\n"
    await process.aclose()
    await node.runtime.stop_container(container_id, grace_s=0)
    assert (await node.look(container_id)).state is State.EXITED
    assert (await node.runtime.sandboxes())[0].ready


async def test_purging_right_after_the_shim_was_lost_leaves_nothing(node):
    await node.run(await node.sandbox(), "sleep 600")
    await node.kill_shim()
    await asyncio.sleep(0)
    await node.runtime.aclose(purge=True)


async def test_an_exit_that_the_second_shim_sees_has_its_code_or_a_clear_reason(node):
    container_id = await node.run(await node.sandbox(), "sleep 0.5; exit 6")
    await node.kill_shim()
    done = await node.exited(container_id)
    assert (done.exit_code, done.reason) in ((6, "Error"), (255, "ContainerStatusUnknown"))


async def test_an_exit_that_nobody_saw_has_a_clear_reason(node):
    sandbox = await node.sandbox()
    container_id = await node.run(sandbox, "sleep 600")
    pid = json.loads((node.root / "containers" / container_id / "state.json").read_text())["pid"]
    await node.runtime.aclose()
    await node.kill_shim()
    os.kill(pid, signal.SIGKILL)
    await node.restart()
    done = await node.exited(container_id)
    assert (done.exit_code, done.reason) == (255, "ContainerStatusUnknown")
    assert "lost" in done.message


async def test_a_killed_kubelet_loses_nothing(node, tmp_path):
    await node.runtime.aclose()
    script = """
        import asyncio, os, signal, sys
        from pathlib import Path
        from hyperpy.runtime.embedded.runtime import EmbeddedRuntime
        from hyperpy.runtime.protocol import ContainerSpec, SandboxSpec

        async def main():
            runtime = EmbeddedRuntime(Path(sys.argv[1]))
            await runtime.start()
            sandbox = await runtime.run_sandbox(SandboxSpec("default", "web", "u"))
            spec = ContainerSpec("main", "hyperpy-test/busybox:1", command=["sh", "-c", "sleep 1; exit 4"])
            one = await runtime.create_container(sandbox.id, spec)
            await runtime.start_container(one)
            await runtime.create_container(sandbox.id, spec)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(node.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    await node.restart()
    (sandbox,) = await node.runtime.sandboxes()
    assert sandbox.ready
    states = [item.state for item in await node.runtime.containers()]
    assert sorted(state.value for state in states) == ["created", "running"]
    running = next(item for item in await node.runtime.containers() if item.state is State.RUNNING)
    assert (await node.exited(running.id)).exit_code == 4


async def test_a_shim_that_is_asked_to_leave_hands_its_pods_to_the_next(node):
    container_id = await node.run(await node.sandbox(), "sleep 600")
    old, events = node.shim(), node.runtime.events()
    connection = Connection(on_event=lambda event: None, on_lost=lambda lost: None)
    await connection.connect(node.root)
    assert (await connection.call("hello")).body["version"] == wire.VERSION
    await connection.call("leave")
    connection.close()
    async with asyncio.timeout(10):
        while (await anext(events)).sandbox_id:
            pass
    process = await node.runtime.exec(container_id, ["true"])
    assert await process.wait() == 0
    await process.aclose()
    assert node.shim() != old


async def test_a_shim_without_pods_ends_with_its_kubelet(node):
    sandbox = await node.sandbox()
    await node.runtime.remove_sandbox(sandbox.id)
    await node.runtime.aclose()

    async def gone():
        return not (node.root / "shim.sock").exists()

    await node.until(gone)
    await node.restart()


async def test_removing_a_sandbox_gives_back_its_disk_and_groups(node):
    sandbox = await node.sandbox()
    container_id = await node.run(sandbox, "echo x > /big; sleep 600")
    await node.runtime.remove_sandbox(sandbox.id)
    assert not list((node.root / "containers").iterdir())
    assert not list((node.root / "sandboxes").iterdir())

    async def gone():
        return not list(Path("/sys/fs/cgroup").glob(f"*/hyperpy/{sandbox.id}"))

    await node.until(gone)
    assert container_id not in {item.id for item in await node.runtime.containers()}


async def test_an_image_in_use_survives_its_removal(node):
    sandbox = await node.sandbox()
    container_id = await node.create(sandbox, "echo still here")
    await node.runtime.images.remove("hyperpy-test/busybox:1")
    await node.runtime.start_container(container_id)
    assert node.log(await node.exited(container_id)) == "still here"
    with pytest.raises(ImageNotFound):
        await node.runtime.create_container(sandbox.id, ContainerSpec("second", "hyperpy-test/busybox:1"))
    await node.runtime.remove_container(container_id)
    assert not list((node.root / "images" / "layers").iterdir())


async def test_pods_of_two_root_directories_do_not_meet(node, tmp_path):
    from runtime.embedded.conftest import Node

    other = Node(tmp_path / "other")
    await other.start()
    await node.sandbox()
    assert not await other.runtime.sandboxes()
    assert other.shim() != node.shim()
    await other.runtime.aclose(purge=True)
    assert len(await node.runtime.sandboxes()) == 1


async def test_a_log_that_was_moved_away_is_begun_anew(node):
    container_id = await node.run(await node.sandbox(), "echo one; read x < /go; echo two; sleep 600", stdin=True)
    path = Path((await node.look(container_id)).log_path)

    async def written(word="one"):
        return path.exists() and word in path.read_text()

    await node.until(written)
    path.rename(path.with_suffix(".1"))
    await node.runtime.reopen_log(container_id)
    assert path.read_text() == ""
    process = await node.runtime.exec(container_id, ["sh", "-c", "echo three > /proc/1/fd/1"])
    await process.wait()
    await process.aclose()

    async def continued():
        return "three" in path.read_text()

    await node.until(continued)


async def test_forty_pods_start_at_once(node):
    sandboxes = await asyncio.gather(*(node.sandbox() for _ in range(40)))
    containers = await asyncio.gather(*(node.run(sandbox, "sleep 600") for sandbox in sandboxes))
    assert {item.state for item in await node.runtime.containers()} == {State.RUNNING}
    assert len(containers) == 40
    status = Path(f"/proc/{node.shim()}/status").read_text()
    resident_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert resident_kb < 25_000
