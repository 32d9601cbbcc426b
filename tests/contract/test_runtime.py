"""What every container runtime does: one suite over all implementations of `hyperpy.runtime.protocol.Runtime`."""

import asyncio
import itertools
import os
import re
import socket
import uuid
from pathlib import Path

import pytest
from runtime import busybox
from runtime.containerd import Containerd, cri_namespace

from hyperpy.linux import netns
from hyperpy.runtime.cri import CriRuntime
from hyperpy.runtime.docker.runtime import DockerRuntime
from hyperpy.runtime.embedded.runtime import EmbeddedRuntime
from hyperpy.runtime.hollow import HollowRuntime
from hyperpy.runtime.protocol import (
    ContainerSpec,
    Dns,
    ImageNotFound,
    Mount,
    NoSuchContainer,
    Resources,
    RuntimeFailure,
    SandboxSpec,
    Security,
    State,
)

REAL = [
    pytest.param("embedded", marks=pytest.mark.root),
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("cri", marks=[pytest.mark.root, pytest.mark.slow]),
]
ENTRY = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z (stdout|stderr) [FP] .*")


class Rig:
    """A runtime with the test image in it, and shorthands."""

    def __init__(self, kind: str, directory: Path, endpoint: str = "") -> None:
        self.kind = kind
        self.endpoint = endpoint
        self.directory = directory
        self.scope = uuid.uuid4().hex[:8]
        self.numbers = itertools.count()
        self.runtime = self.make()

    def make(self):
        """Another runtime object over the same state, as after a restart of the kubelet."""
        if self.kind == "embedded":
            return EmbeddedRuntime(self.directory / "runtime")
        if self.kind == "docker":
            return DockerRuntime(scope=self.scope)
        if self.kind == "cri":
            return CriRuntime(endpoint=self.endpoint, scope=self.scope)
        return HollowRuntime()

    async def start(self) -> None:
        await self.runtime.start()
        if self.kind != "hollow":
            await self.runtime.images.load(str(self.directory / "busybox.tar"))

    async def sandbox(self, name: str = "web", **fields):
        return await self.runtime.run_sandbox(SandboxSpec("default", name, str(uuid.uuid4()), **fields))

    async def create(self, sandbox, *command: str, **fields) -> str:
        # A name and an attempt are unique in a pod.
        name = f"main-{next(self.numbers)}"
        fields.setdefault("log_path", str(self.directory / "logs" / f"{uuid.uuid4().hex}.log"))
        spec = ContainerSpec(name, busybox.REFERENCE, command=list(command) or None, **fields)
        return await self.runtime.create_container(sandbox.id, spec)

    async def run(self, sandbox, *command: str, **fields) -> str:
        container_id = await self.create(sandbox, *command, **fields)
        await self.runtime.start_container(container_id)
        return container_id

    async def look(self, container_id: str):
        return next(item for item in await self.runtime.containers() if item.id == container_id)

    async def exited(self, container_id: str):
        """The container, once it has ended."""
        async with asyncio.timeout(20):
            while (found := await self.look(container_id)).state is not State.EXITED:
                await asyncio.sleep(0.01)
        return found

    async def output(self, sandbox, *command: str, **fields) -> str:
        """Run to the end and read the log's text."""
        done = await self.exited(await self.run(sandbox, *command, **fields))
        lines = await self.log(done)
        return b"\n".join(line.split(b" ", 3)[3] for line in lines).decode()

    async def log(self, container) -> list[bytes]:
        """The entries of an ended container's log, which may come a moment after its end."""
        path, seen, quiet = Path(container.log_path), b"", 0
        while quiet < (15 if self.kind == "docker" else 1):
            now = path.read_bytes() if path.exists() else b""
            quiet, seen = (quiet + 1 if now == seen else 0), now
            await asyncio.sleep(0.02)
        return seen.splitlines()


@pytest.fixture(scope="session")
def containerd(tmp_path_factory):
    """One containerd for all tests; each has a scope of its own in it."""
    made = Containerd(tmp_path_factory.mktemp("containerd"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


async def rig_of(request, directory: Path):
    kind = request.param
    endpoint = request.getfixturevalue("containerd").endpoint if kind == "cri" else ""
    rig = Rig(kind, directory, endpoint)
    if kind != "hollow":
        busybox.write_archive(directory / "busybox.tar")
    await rig.start()
    return rig


@pytest.fixture(params=REAL)
async def rig(request, tmp_path):
    """A runtime that runs processes."""
    made = await rig_of(request, tmp_path)
    yield made
    await made.runtime.aclose(purge=True)


@pytest.fixture(params=[*REAL, "hollow"])
async def any_rig(request, tmp_path):
    made = await rig_of(request, tmp_path)
    yield made
    await made.runtime.aclose(purge=True)


async def collect(process) -> tuple[bytes, bytes, int]:
    """Stdout, stderr and exit code of a process that ends; closes it."""
    streams = {1: b"", 2: b""}
    async with asyncio.timeout(20):
        while (output := await process.read()) is not None:
            streams[output.stream] += output.data
        code = await process.wait()
    await process.aclose()
    return streams[1], streams[2], code


async def read_until(process, wanted: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(20):
        while wanted not in seen:
            output = await process.read()
            assert output is not None, seen
            seen += output.data
    return seen


async def test_a_sandbox_is_listed_until_it_is_removed(any_rig):
    runtime = any_rig.runtime
    made = await any_rig.sandbox(labels={"app": "web"}, annotations={"note": "kept"}, attempt=2)
    assert made.ready
    (listed,) = await runtime.sandboxes()
    assert (listed.id, listed.namespace, listed.name, listed.attempt) == (made.id, "default", "web", 2)
    assert (dict(listed.labels), dict(listed.annotations)) == ({"app": "web"}, {"note": "kept"})
    await runtime.stop_sandbox(made.id)
    (stopped,) = await runtime.sandboxes()
    assert not stopped.ready
    await runtime.remove_sandbox(made.id)
    assert not await runtime.sandboxes()


async def test_stopping_and_removing_what_is_gone_succeeds(any_rig):
    runtime = any_rig.runtime
    made = await any_rig.sandbox()
    container_id = await any_rig.run(made, "sleep", "600")
    for _ in range(2):
        await runtime.stop_container(container_id, grace_s=0)
    for _ in range(2):
        await runtime.remove_container(container_id)
    for _ in range(2):
        await runtime.stop_sandbox(made.id)
    for _ in range(2):
        await runtime.remove_sandbox(made.id)
    assert not await runtime.containers()


async def test_a_container_goes_from_created_over_running_to_exited(any_rig):
    made = await any_rig.sandbox()
    fields = {"labels": {"role": "main"}, "annotations": {"hash": "1"}, "attempt": 3}
    container_id = await any_rig.create(made, "sleep", "600", **fields)
    created = await any_rig.look(container_id)
    assert (created.state, created.attempt, created.sandbox_id) == (State.CREATED, 3, made.id)
    assert (dict(created.labels), dict(created.annotations)) == ({"role": "main"}, {"hash": "1"})
    await any_rig.runtime.start_container(container_id)
    running = await any_rig.look(container_id)
    assert running.state is State.RUNNING
    assert 0 < running.created_at_ns <= running.started_at_ns
    await any_rig.runtime.stop_container(container_id, grace_s=0)
    stopped = await any_rig.look(container_id)
    assert (stopped.state, stopped.exit_code) == (State.EXITED, 137)
    assert stopped.started_at_ns <= stopped.finished_at_ns


async def test_stopping_a_sandbox_ends_its_containers(any_rig):
    made = await any_rig.sandbox()
    container_id = await any_rig.run(made, "sleep", "600")
    await any_rig.runtime.stop_sandbox(made.id)
    assert (await any_rig.exited(container_id)).state is State.EXITED


async def test_a_container_of_no_sandbox_is_refused(any_rig):
    with pytest.raises(NoSuchContainer):
        await any_rig.runtime.create_container("0" * 32, ContainerSpec("main", busybox.REFERENCE))


async def test_an_event_tells_of_an_exit(rig):
    made = await rig.sandbox()
    seen = asyncio.Event()

    async def watch():
        async for event in rig.runtime.events():
            if event.container_id in (container_id, "") and (await rig.look(container_id)).state is State.EXITED:
                seen.set()

    container_id = await rig.create(made, "sh", "-c", "sleep 0.2")
    watcher = asyncio.create_task(watch())
    await rig.runtime.start_container(container_id)
    async with asyncio.timeout(10):
        await seen.wait()
    watcher.cancel()
    await asyncio.wait({watcher})


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        pytest.param("exit 0", 0, "Completed", id="completed"),
        pytest.param("exit 3", 3, "Error", id="error"),
        pytest.param("kill -9 $$", 0, "", id="process 1 is protected from its own signals"),
    ],
)
async def test_the_exit_code_and_its_reason_are_told(rig, command, code, reason):
    done = await rig.exited(await rig.run(await rig.sandbox(), "sh", "-c", command))
    assert done.exit_code == code
    assert not reason or done.reason == reason


async def test_too_much_memory_is_an_oom_kill(rig):
    command = "x=$(head -c 100000000 /dev/zero | tr '\\0' a); echo $x | wc -c"
    resources = Resources(memory_limit_bytes=16 << 20)
    done = await rig.exited(await rig.run(await rig.sandbox(), "sh", "-c", f"{command}; exit 137", resources=resources))
    assert (done.exit_code, done.reason) == (137, "OOMKilled")


async def test_logs_are_in_the_cri_format(rig):
    command = "echo one; echo two >&2; printf unfinished"
    done = await rig.exited(await rig.run(await rig.sandbox(), "sh", "-c", command))
    lines = await rig.log(done)
    assert all(ENTRY.fullmatch(line) for line in lines), lines
    found = {line.split(b" ", 1)[1] for line in lines}
    assert {b"stdout F one", b"stderr F two"} < found
    assert found - {b"stdout F one", b"stderr F two"} <= {b"stdout P unfinished", b"stdout F unfinished"}


async def test_command_and_arguments_follow_kubernetes(rig):
    made = await rig.sandbox()
    assert await rig.output(made) == "from the image"
    assert await rig.output(made, args=["given"]) == "given"
    assert await rig.output(made, "echo", args=["both"]) == "both"
    assert await rig.output(made, "echo") == ""


async def test_environment_and_working_directory_are_set(rig):
    command = "echo $IMAGE $OWN; pwd; echo $PATH"
    text = await rig.output(await rig.sandbox(), "sh", "-c", command, env={"OWN": "a b"}, working_dir="/some/where")
    assert text.splitlines() == ["yes a b", "/some/where", "/bin"]


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        pytest.param(Security(), "0 0 0", id="root"),
        pytest.param(Security(user=1000), "1000 1001 1001 2000", id="groups of the image's tables"),
        pytest.param(Security(user=4000), "4000 0 0", id="unknown user"),
        pytest.param(Security(user=4000, group=5000, supplemental_groups=(7,)), "4000 5000 7 5000", id="all given"),
    ],
)
async def test_users_and_groups(rig, security, expected):
    text = await rig.output(await rig.sandbox(), "sh", "-c", "echo $(id -u) $(id -g) $(id -G)", security=security)
    found = text.split()
    assert (found[:2], set(found[2:])) == (expected.split()[:2], set(expected.split()[2:]))


async def test_a_missing_program_is_a_clear_failure(rig):
    made = await rig.sandbox()
    container_id = await rig.create(made, "no-such-program")
    with pytest.raises(RuntimeFailure, match="no-such-program"):
        await rig.runtime.start_container(container_id)
    # A container that never ran is not left running, and can be removed.
    assert (await rig.look(container_id)).state is not State.RUNNING
    await rig.runtime.remove_container(container_id)


async def test_a_missing_image_is_told_when_the_container_is_created(rig):
    made = await rig.sandbox()
    with pytest.raises(ImageNotFound, match="no-such-image"):
        await rig.runtime.create_container(made.id, ContainerSpec("main", "no-such-image:1"))


async def test_exec_has_separate_streams_and_an_exit_code(rig):
    container_id = await rig.run(await rig.sandbox(), "sleep", "600")
    process = await rig.runtime.exec(container_id, ["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert await collect(process) == (b"out\n", b"err\n", 7)


async def test_exec_passes_input_and_its_end(rig):
    container_id = await rig.run(await rig.sandbox(), "sleep", "600")
    process = await rig.runtime.exec(container_id, ["wc", "-c"], stdin=True)
    await process.write(b"x" * 300_000)
    await process.close_stdin()
    assert await collect(process) == (b"300000\n", b"", 0)


async def test_exec_with_a_terminal_can_be_resized(rig):
    container_id = await rig.run(await rig.sandbox(), "sleep", "600")
    process = await rig.runtime.exec(container_id, ["sh"], tty=True, stdin=True)
    await process.resize(width=111, height=33)
    await process.write(b"stty size; tty\n")
    assert b"/dev/pts/0" in await read_until(process, b"/dev/pts/0")
    await process.write(b"exit 5\n")
    assert (await collect(process))[2] == 5


async def test_exec_of_a_missing_program_fails(rig):
    container_id = await rig.run(await rig.sandbox(), "sleep", "600")
    try:
        process = await rig.runtime.exec(container_id, ["no-such-program"])
    except RuntimeFailure as failure:
        assert "no-such-program" in str(failure)
    else:
        out, err, code = await collect(process)
        assert code in (126, 127)
        assert b"no-such-program" in out + err


async def test_attach_sees_output_and_feeds_input(rig):
    container_id = await rig.run(await rig.sandbox(), "cat", stdin=True, stdin_once=True)
    process = await rig.runtime.attach(container_id)
    await process.write(b"hello\n")
    assert await read_until(process, b"hello") == b"hello\n"
    await process.close_stdin()
    await process.aclose()
    assert (await rig.exited(container_id)).exit_code == 0


async def test_attach_to_a_terminal(rig):
    container_id = await rig.run(await rig.sandbox(), "sh", tty=True, stdin=True)
    process = await rig.runtime.attach(container_id)
    await process.resize(width=91, height=17)
    await process.write(b"stty size\n")
    await read_until(process, b"17 91")
    await process.write(b"exit 4\n")
    assert (await rig.exited(container_id)).exit_code == 4
    await process.aclose()


async def test_stop_asks_first(rig):
    command = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    container_id = await rig.run(await rig.sandbox(), "sh", "-c", command)
    log = Path((await rig.look(container_id)).log_path)
    async with asyncio.timeout(10):
        while not log.exists() or b"ready" not in log.read_bytes():
            await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await rig.runtime.stop_container(container_id, grace_s=30)
    assert (await rig.look(container_id)).exit_code == 9


async def test_stop_kills_after_the_grace_period(rig):
    container_id = await rig.run(await rig.sandbox(), "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    await rig.runtime.stop_container(container_id, grace_s=1)
    assert (await rig.look(container_id)).exit_code == 137


async def listen_in(rig, sandbox, port: int) -> socket.socket:
    """A listening socket on the loopback of a pod."""
    namespace = sandbox.netns or await cri_namespace(rig.endpoint, sandbox.id)
    return netns.inside(namespace, lambda: socket.create_server(("127.0.0.1", port)))


async def test_port_forward_reaches_the_loopback_of_the_pod(rig):
    made = await rig.sandbox()

    async def shout(reader, writer):
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(shout, sock=await listen_in(rig, made, 7070)):
        process = await rig.runtime.port_forward(made.id, 7070)
        await process.write(b"ping")
        # The end of input passes and the answer still comes.
        await process.close_stdin()
        assert await collect(process) == (b"PING", b"", 0)


async def test_port_forward_to_a_closed_port_is_refused(rig):
    made = await rig.sandbox()
    with pytest.raises(RuntimeFailure, match="7071"):
        await rig.runtime.port_forward(made.id, 7071)


async def test_containers_of_a_pod_share_the_network_and_pods_do_not(rig):
    one, two = await rig.sandbox("one"), await rig.sandbox("two")
    assert all(box.netns or box.ip for box in (one, two))

    with await listen_in(rig, one, 7072):
        look = ("sh", "-c", "grep -c 0100007F:1BA0 /proc/net/tcp || true")
        assert (await rig.output(one, *look), await rig.output(two, *look)) == ("1", "0")


async def test_mounts(rig, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old").write_text("old")
    (tmp_path / "file").write_text("single")
    mounts = (
        Mount(str(tmp_path / "data"), "/data"),
        Mount(str(tmp_path / "data"), "/frozen", read_only=True),
        Mount(str(tmp_path / "file"), "/etc/single.conf", read_only=True),
    )
    command = "cat /frozen/old /etc/single.conf; echo new > /data/new; echo no > /frozen/no || echo refused"
    text = await rig.output(await rig.sandbox(), "sh", "-c", f"({command}) 2>&1", mounts=mounts)
    assert text.startswith("oldsingle")
    assert text.endswith("refused")
    assert (tmp_path / "data" / "new").read_text() == "new\n"


async def test_hostname_and_dns(rig):
    dns = Dns(servers=("10.96.0.10",), searches=("default.svc.cluster.local",), options=("ndots:5",))
    made = await rig.sandbox(hostname="web-0", dns=dns)
    text = await rig.output(made, "sh", "-c", "hostname; cat /etc/resolv.conf")
    lines = text.splitlines()
    assert lines[0] == "web-0"
    assert {"nameserver 10.96.0.10", "search default.svc.cluster.local", "options ndots:5"} <= set(lines)


async def test_a_shared_pid_namespace_shows_the_others(rig):
    made = await rig.sandbox(share_pid=True)
    await rig.run(made, "sleep", "543")
    assert "sleep 543" in await rig.output(made, "ps")
    own = await rig.sandbox("own")
    await rig.run(own, "sleep", "543")
    assert "sleep 543" not in await rig.output(own, "ps")


async def test_security_settings(rig):
    made = await rig.sandbox()
    show = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status"

    async def status(**fields):
        text = await rig.output(made, "sh", "-c", show, security=Security(**fields))
        return dict(line.split(":\t") for line in text.splitlines())

    usual = await status()
    assert (usual["CapEff"], usual["Seccomp"]) == ("00000000a80425fb", "2")
    strict = await status(drop_capabilities=("ALL",), add_capabilities=("NET_BIND_SERVICE",), no_new_privileges=True)
    assert (strict["CapBnd"], strict["NoNewPrivs"]) == ("0000000000000400", "1")
    assert (await status(seccomp="Unconfined"))["Seccomp"] == "0"


async def test_a_read_only_root_cannot_be_written(rig):
    command = "(echo x > /file) 2>&1; echo $?"
    text = await rig.output(await rig.sandbox(), "sh", "-c", command, security=Security(read_only_root=True))
    assert text.endswith("1")


async def test_limits_reach_the_control_groups(rig):
    resources = Resources(memory_limit_bytes=64 << 20, cpu_limit_millis=500, pids_limit=77, oom_score_adj=900)
    container_id = await rig.run(await rig.sandbox(), "sleep", "600", resources=resources)
    process = await rig.runtime.exec(container_id, ["cat", "/proc/1/oom_score_adj"])
    assert (await collect(process))[0].strip() == b"900"
    (used,) = [item for item in await rig.runtime.stats() if item.container_id == container_id]
    assert 0 < used.memory_bytes < 64 << 20


async def test_another_runtime_object_finds_everything(rig):
    made = await rig.sandbox()
    container_id = await rig.run(made, "sh", "-c", "sleep 1; exit 6")
    created = await rig.create(made, "true")
    await rig.runtime.aclose()
    rig.runtime = rig.make()
    await rig.runtime.start()
    assert [item.id for item in await rig.runtime.sandboxes() if item.ready] == [made.id]
    found = {item.id: item.state for item in await rig.runtime.containers()}
    assert found == {container_id: State.RUNNING, created: State.CREATED}
    assert (await rig.exited(container_id)).exit_code == 6


async def test_images_are_found_by_any_form_of_their_name(rig):
    images = rig.runtime.images
    found = await images.find(busybox.REFERENCE)
    assert found is not None
    assert found.id.startswith("sha256:")
    assert await images.find(f"docker.io/{busybox.REFERENCE}") == found
    assert found.id in {image.id for image in await images.list()}
    assert await images.find("no-such-image:1") is None


async def test_purging_leaves_no_process(rig):
    made = await rig.sandbox()
    marker = str(900 + os.getpid() % 1000 * 1000)
    await rig.run(made, "sleep", marker)
    await rig.runtime.aclose(purge=True)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if marker.encode() in command.split(b"\0")]
    rig.runtime = rig.make()
    await rig.runtime.start()
    assert not await rig.runtime.sandboxes()
