"""What the forked children do: a sandbox's pause process, a container's program, an extra process in a container."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import Any

from hyperpy.linux import syscalls
from hyperpy.runtime.embedded.shim import cgroups, child, privileges, rootfs, terminal
from hyperpy.runtime.embedded.shim.child import Channel, StartFailure

_ALL_NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWNET
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWCGROUP
)
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def run_pause(channel: Channel, bundle: dict[str, Any], pause: str) -> None:
    """Make the pod's namespaces and stay in them as the pause program."""
    program = os.open(pause, os.O_RDONLY | os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    own_network, own_ipc = not bundle["host_network"], not bundle["host_ipc"]
    flags = syscalls.CLONE_NEWNS | (syscalls.CLONE_NEWPID if bundle["share_pid"] else 0)
    flags |= syscalls.CLONE_NEWIPC if own_ipc else 0
    flags |= syscalls.CLONE_NEWNET | syscalls.CLONE_NEWUTS if own_network else 0
    syscalls.unshare(flags)
    if own_network:
        socket.sethostname(bundle["hostname"])
        _bring_loopback_up()
    _set_sysctls(bundle["sysctls"])

    def become_pause(channel: Channel) -> None:
        _enter_shared_memory()
        channel.wait_for_go()
        child.set_streams(null, null, null)
        os.execve(program, ["pause"], {})

    child.fork_again(channel, become_pause)


def _enter_shared_memory() -> None:
    """Make a tmpfs the root: it is the pod's /dev/shm, and the pause process holds no mount of the host."""
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("", "/", flags=syscalls.MS_PRIVATE | syscalls.MS_REC)
    syscalls.mount("shm", "/dev", kind="tmpfs", flags=flags, data="mode=1777,size=64m")
    os.chdir("/dev")
    syscalls.pivot_root()


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, name), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _set_sysctls(sysctls: dict[str, str]) -> None:
    for name, value in sysctls.items():
        try:
            with open(f"/proc/sys/{name.replace('.', '/')}", "w", encoding="utf-8") as file:
                file.write(value)
        except OSError as error:
            raise StartFailure(f"cannot set sysctl {name} to {value}: {error.strerror}") from error


class ContainerStart:
    """Everything a container's first process needs, gathered before the fork.

    Args:
        bundle: the plan that the kubelet wrote.
        pause: a pidfd of the sandbox's pause process.
        stdin: the read end of its input pipe, -1 for none.
        hierarchies: where control groups live.
        layers_directory: the image store's folder of layers.
    """

    def __init__(
        self,
        bundle: dict[str, Any],
        *,
        pause: int,
        stdin: int,
        hierarchies: cgroups.Hierarchies,
        layers_directory: str,
    ) -> None:
        self.bundle = bundle
        self.pause = pause
        self.stdin = stdin
        self.hierarchies = hierarchies
        self.layers_directory = layers_directory
        self.volumes: list[rootfs.Volume] = []
        self.outputs: list[int] = []

    def run(self, channel: Channel) -> None:
        """The first child: host's side. Ends in the fork of the second."""
        bundle = self.bundle
        cgroups.join(self.hierarchies, bundle["cgroup"])
        _set_oom_score(bundle["resources"].get("oom_score_adj", 0))
        if not bundle["tty"]:
            # Opened for reading too, so that a container outlives the shim that reads its output.
            names = ("stdout", "stderr")
            self.outputs = [os.open(f"{bundle['directory']}/{name}", os.O_RDWR | os.O_CLOEXEC) for name in names]
        self.volumes = rootfs.take_volumes(bundle["mounts"])
        if not bundle["host_ipc"] and not any(volume.target == "/dev/shm" for volume in self.volumes):
            self.volumes.insert(0, self._take_shared_memory())
        bundle["host_devices"] = rootfs.host_devices() if bundle["privileged"] else []
        self._enter_namespaces()
        child.fork_again(channel, self._run_inside)

    def _take_shared_memory(self) -> rootfs.Volume:
        """The root of the pause process's mount namespace, fetched by a visit there."""
        home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        syscalls.setns(self.pause, syscalls.CLONE_NEWNS)
        tree = syscalls.open_tree("/")
        syscalls.setns(home, syscalls.CLONE_NEWNS)
        os.close(home)
        syscalls.shape_tree(tree, read_only=False, propagation=syscalls.MS_PRIVATE)
        return rootfs.Volume(tree, "/dev/shm", is_directory=True)

    def _enter_namespaces(self) -> None:
        bundle = self.bundle
        joined = syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWUTS
        own = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWCGROUP
        if bundle["share_pid"]:
            joined |= syscalls.CLONE_NEWPID
        elif not bundle["host_pid"]:
            own |= syscalls.CLONE_NEWPID
        syscalls.setns(self.pause, joined)
        syscalls.unshare(own)

    def _run_inside(self, channel: Channel) -> None:
        """The second child: from the root file system to the program."""
        bundle = self.bundle
        os.setsid()
        rootfs.enter(bundle, self.layers_directory)
        rootfs.furnish(bundle, self.volumes, cgroup_mounts=bundle["cgroup_mounts"])
        identity = find_identity(bundle["user"])
        _change_directory(bundle["cwd"], make=True)
        self._set_streams(channel, identity)
        channel.wait_for_go()
        become(bundle, identity)
        child.exec_program(bundle["args"], environment(bundle["env"], identity))

    def _set_streams(self, channel: Channel, identity: privileges.Identity) -> None:
        if self.bundle["tty"]:
            slave = open_terminal(channel, identity)
            terminal.show_as_console(slave)
            child.set_streams(slave, slave, slave)
            return
        stdin = self.stdin if self.stdin >= 0 else os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        for handle in (*self.outputs, stdin):
            if handle != stdin or self.stdin >= 0:
                # So that the program may open /dev/stdout again as the user it runs as.
                os.fchown(handle, identity.uid, identity.gid)
        child.set_streams(stdin, *self.outputs)


class ExtraStart:
    """A further process in a running container.

    Args:
        bundle: the container's plan.
        container: a pidfd of its first process.
        arguments, tty: what to run.
        streams: stdin, stdout, stderr, where there is no terminal.
        hierarchies: where control groups live.
    """

    def __init__(
        self,
        bundle: dict[str, Any],
        *,
        container: int,
        arguments: list[str],
        tty: bool,
        streams: list[int],
        hierarchies: cgroups.Hierarchies,
    ) -> None:
        self.bundle = bundle
        self.container = container
        self.arguments = arguments
        self.tty = tty
        self.streams = streams
        self.hierarchies = hierarchies

    def run(self, channel: Channel) -> None:
        """The first child: into the container. Ends in the fork of the second."""
        cgroups.join(self.hierarchies, self.bundle["cgroup"])
        _set_oom_score(self.bundle["resources"].get("oom_score_adj", 0))
        syscalls.setns(self.container, _ALL_NAMESPACES)
        child.fork_again(channel, self._run_inside)

    def _run_inside(self, channel: Channel) -> None:
        os.setsid()
        identity = find_identity(self.bundle["user"])
        variables = environment(self.bundle["env"], identity)
        _change_directory(self.bundle["cwd"], make=False)
        if self.tty:
            variables.setdefault("TERM", "xterm")
            slave = open_terminal(channel, identity)
            child.set_streams(slave, slave, slave)
        else:
            child.set_streams(*self.streams)
        channel.wait_for_go()
        become(self.bundle, identity)
        child.exec_program(self.arguments, variables)


def find_identity(user: dict[str, Any]) -> privileges.Identity:
    """Resolve the user in the root file system that this process is in."""
    try:
        return privileges.find_identity(user, _read("/etc/passwd"), _read("/etc/group"))
    except privileges.NoSuchUser as error:
        raise StartFailure(str(error)) from error


def become(bundle: dict[str, Any], identity: privileges.Identity) -> None:
    """Take on the user and the rights of the plan."""
    privileges.drop(
        identity,
        frozenset(bundle["capabilities"]),
        no_new_privileges=bundle["no_new_privileges"],
        filtered=bundle["seccomp"],
    )


def environment(variables: list[list[str]], identity: privileges.Identity) -> dict[str, str]:
    """The variables, with HOME as the image's user table says where nobody set it."""
    result = dict(variables)
    if not result.get("HOME"):
        result["HOME"] = identity.home or "/"
    return result


def open_terminal(channel: Channel, identity: privileges.Identity) -> int:
    """Make a terminal here and give the shim its master; returns the slave."""
    master, slave = terminal.open_pair()
    channel.send_terminal(master)
    os.close(master)
    terminal.control(slave, uid=identity.uid)
    return slave


def _change_directory(path: str, *, make: bool) -> None:
    try:
        if make:
            os.makedirs(path, mode=0o755, exist_ok=True)
        os.chdir(path)
    except OSError as error:
        raise StartFailure(f"cannot change to working directory {path}: {error.strerror}") from error


def _set_oom_score(value: int) -> None:
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(str(value))
    except OSError:
        # Lowering it needs CAP_SYS_RESOURCE; without, the shim's own value stays.
        pass


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
