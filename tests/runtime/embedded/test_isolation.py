"""What a container must not be able to do: runc's masked and read-only paths, capabilities and filter are the floor."""

import os
import sys
from pathlib import Path

import pytest
from runtime import busybox

from hyperpy.runtime.images import layers
from hyperpy.runtime.images.archive import ArchiveWriter
from hyperpy.runtime.images.layers import LayerWriter
from hyperpy.runtime.protocol import Mount, RuntimeFailure, Security, State

pytestmark = pytest.mark.root


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("mount -t tmpfs none /mnt", id="mount"),
        pytest.param("umount /proc/kcore", id="unmount a mask"),
        pytest.param("mount -o remount,rw /proc/sys", id="remount"),
        pytest.param("echo 1 > /proc/sys/kernel/panic", id="kernel settings"),
        pytest.param("echo h > /proc/sysrq-trigger", id="sysrq"),
        pytest.param("echo core > /proc/sys/kernel/core_pattern", id="core pattern"),
        pytest.param("unshare -U true", id="user namespace"),
        pytest.param("unshare -m true", id="mount namespace"),
        pytest.param("nsenter -t 1 -m true --no-such", id="nsenter"),
        pytest.param("hostname other", id="host name"),
        pytest.param("dmesg", id="kernel log"),
        pytest.param("ip link add x type dummy || ip addr add 10.0.0.1/8 dev lo", id="links"),
        pytest.param("mkdir /sys/fs/cgroup/memory/mine", id="cgroup"),
        pytest.param("echo 0 > /sys/fs/cgroup/memory/memory.limit_in_bytes", id="own limit"),
        pytest.param("mknod /disk b 254 0 && head -c 1 /disk", id="a disk"),
        pytest.param("mknod /dev/disk b 254 0 && head -c 1 /dev/disk", id="a disk in /dev"),
        pytest.param("mknod /dev/mem c 1 1 && head -c 1 /dev/mem", id="memory"),
        pytest.param("swapoff -a /dev/null", id="swap"),
        pytest.param("date -s 2001-01-01; [ $(date +%Y) = 2001 ]", id="clock"),
        pytest.param("reboot -f", id="reboot"),
    ],
)
async def test_it_is_refused(node, script):
    text = await node.output(await node.sandbox(), f"{script} && echo DONE || echo refused")
    assert text.splitlines()[-1] == "refused"


async def test_masked_files_are_empty_and_masked_folders_too(node):
    script = "for f in /proc/kcore /proc/keys /proc/timer_list; do [ -e $f ] && wc -c < $f; done; ls /proc/acpi | wc -l"
    text = await node.output(await node.sandbox(), script)
    assert set(text.split()) <= {"0"}


async def test_no_descriptor_of_the_runtime_is_inherited(node):
    container_id = await node.run(await node.sandbox(), "sleep 600")
    for process_id, wanted in (("1", {"0", "1", "2"}), ("self", {"0", "1", "2", "3"})):
        process = await node.runtime.exec(container_id, ["ls", f"/proc/{process_id}/fd"])
        seen = b""
        while (output := await process.read()) is not None:
            seen += output.data
        await process.aclose()
        # The fourth one is the folder that `ls` itself has open.
        assert set(seen.decode().split()) == wanted


async def test_the_hosts_files_are_not_there(node):
    marker = node.directory / "secret"
    marker.write_text("precious")
    text = await node.output(await node.sandbox(), f"cat {marker}; ls /proc/1/root/../..; cat /proc/1/environ")
    assert "precious" not in text
    assert "PATH=/bin" in text


async def test_processes_of_other_pods_are_not_seen(node):
    await node.run(await node.sandbox(), "sleep 4321")
    assert "4321" not in await node.output(await node.sandbox(), "ps")


async def test_setuid_programs_gain_nothing_when_that_is_forbidden(node):
    script = "for n in id grep; do cp /bin/busybox /tmp/$n && chmod 4755 /tmp/$n; done; echo ok"
    volume = node.directory / "shared"
    volume.mkdir(mode=0o777)
    mounts = (Mount(str(volume), "/tmp"),)
    sandbox = await node.sandbox()
    assert await node.output(sandbox, script, mounts=mounts) == "ok"
    strict = Security(user=1000, no_new_privileges=True)
    text = await node.output(sandbox, "/tmp/id -u", mounts=mounts, security=strict)
    assert text == "1000"
    loose = Security(user=1000, drop_capabilities=("ALL",))
    text = await node.output(sandbox, "/tmp/grep CapBnd /proc/self/status", mounts=mounts, security=loose)
    assert text.split()[-1] == "0" * 16


async def test_a_link_in_a_volume_does_not_lead_a_mount_out(node):
    volume, secret = node.directory / "volume", node.directory / "secret"
    volume.mkdir()
    secret.mkdir()
    (volume / "way").symlink_to(secret)
    (node.directory / "data").mkdir()
    mounts = (Mount(str(volume), "/v"), Mount(str(node.directory / "data"), "/v/way/in"))
    await node.output(await node.sandbox(), "touch /v/way/in/made || true", mounts=mounts)
    assert not list(secret.iterdir())


async def test_links_of_an_image_do_not_lead_mounts_or_logs_out(node):
    secret = node.directory / "secret"
    secret.mkdir()
    with LayerWriter(node.directory / "evil.layer") as writer:
        writer.file("bin/busybox", Path("/bin/busybox"), mode=0o755)
        writer.link("bin/sh", "busybox")
        for name in ("etc", "dev", "proc", "data"):
            writer.link(name, str(secret))
    config = layers.configuration([writer.layer], {"Env": ["PATH=/bin"]}, created="2026-01-01T00:00:00Z")
    with ArchiveWriter(node.directory / "evil.tar") as archive:
        archive.add_image(config, [writer.layer], references=["evil:1"])
    await node.runtime.images.load(str(node.directory / "evil.tar"))
    (node.directory / "volume").mkdir()
    mounts = (Mount(str(node.directory / "volume"), "/data"),)
    container_id = await node.create(await node.sandbox(), "echo in", image="evil:1", mounts=mounts)
    try:
        await node.runtime.start_container(container_id)
        await node.exited(container_id)
    except RuntimeFailure:
        pass
    assert not list(secret.iterdir())


async def test_the_interpreter_of_the_shim_cannot_be_overwritten(node):
    """A container that gets hold of the file that enters it must not be able to write to it later."""
    program = os.open(f"/proc/{node.shim()}/exe", os.O_PATH)
    assert os.fstatvfs(program).f_flag & os.ST_RDONLY
    os.close(program)
    mounts = Path("/proc/self/mountinfo").read_text()
    assert f" {os.path.realpath(sys.executable)} " not in mounts


async def test_a_privileged_container_sees_the_devices(node):
    sandbox = await node.sandbox()
    script = "grep CapEff /proc/self/status; ls -l /dev/kmsg; mount -t tmpfs none /mnt || mkdir /mnt; echo $?"
    text = await node.output(sandbox, script, security=Security(privileged=True))
    host = Path("/proc/self/status").read_text()
    wanted = next(line.split()[1] for line in host.splitlines() if line.startswith("CapEff"))
    assert text.split()[1] == wanted
    assert "/dev/kmsg" in text


async def test_an_unknown_capability_and_profile_are_refused_by_name(node):
    sandbox = await node.sandbox()
    for security, word in (
        (Security(add_capabilities=("SUPER_POWERS",)), "SUPER_POWERS"),
        (Security(seccomp="Localhost/mine.json"), "Localhost/mine.json"),
    ):
        with pytest.raises(RuntimeFailure, match=word):
            await node.create(sandbox, "true", security=security)
    assert not await node.runtime.containers()


async def test_an_image_user_that_does_not_exist_is_refused_by_name(node):
    busybox.write_archive(node.directory / "user.tar", reference="user:1", settings={"User": "ghost"})
    await node.runtime.images.load(str(node.directory / "user.tar"))
    container_id = await node.create(await node.sandbox(), "true", image="user:1")
    with pytest.raises(RuntimeFailure, match="unable to find user ghost"):
        await node.runtime.start_container(container_id)
    failed = await node.look(container_id)
    assert (failed.state, failed.exit_code, failed.reason) == (State.EXITED, 128, "StartError")


async def test_a_named_image_user_is_used(node):
    busybox.write_archive(node.directory / "user.tar", reference="user:1", settings={"User": "web:extra"})
    await node.runtime.images.load(str(node.directory / "user.tar"))
    text = await node.output(await node.sandbox(), "id -u; id -g; id -G; echo $HOME", image="user:1")
    assert text.split() == ["1000", "2000", "2000", "/home/web"]


async def test_shared_memory_is_the_pods(node):
    sandbox = await node.sandbox()
    await node.exited(await node.run(sandbox, "echo shared > /dev/shm/x"))
    assert await node.output(sandbox, "cat /dev/shm/x") == "shared"
    assert "shared" not in await node.output(await node.sandbox(), "cat /dev/shm/x")


async def test_a_pod_on_the_hosts_network_has_the_hosts_name(node):
    sandbox = await node.sandbox(host_network=True)
    assert sandbox.netns is None
    assert await node.output(sandbox, "hostname") == os.uname().nodename


async def test_mounts_of_the_host_reach_a_slave_volume(node):
    """A volume directory that is missing is made, as with containerd."""
    missing = node.directory / "made" / "here"
    mounts = (Mount(str(missing), "/v", propagation="rslave"),)
    await node.output(await node.sandbox(), "echo x > /v/file", mounts=mounts)
    assert (missing / "file").read_text() == "x\n"
