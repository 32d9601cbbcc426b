"""The one contract of container runtimes: sandboxes, containers, images. Docker, CRI, embedded and hollow pass it.

A sandbox holds what the containers of a pod share (network, IPC, host name). Ids are the runtime's own. Everything
the kubelet needs to adopt a pod after a restart is in `labels` and `annotations`, which a runtime keeps for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable


class RuntimeFailure(Exception):
    """The runtime could not do it; the message says what and why, in words for a pod's event."""


class RuntimeUnavailable(RuntimeFailure):
    """The runtime does not answer or cannot work here; the message says what to do."""


class NoSuchContainer(RuntimeFailure):
    """No sandbox or container with that id."""


class ImageNotFound(RuntimeFailure):
    """No such image here, or in its registry."""


class PullFailed(RuntimeFailure):
    """The registry could not be reached, refused, or sent something broken."""


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    """`name` and `version` as in Node.status.nodeInfo.containerRuntimeVersion (`name://version`).

    `conditions`: what the host forbids, one plain sentence each (limits that cannot be enforced and so on).
    `gives_addresses`: sandboxes come with their address, so that no pod network of the node's own is needed.
    """

    name: str
    version: str
    conditions: Sequence[str] = ()
    gives_addresses: bool = False


@dataclass(frozen=True, slots=True)
class Dns:
    servers: Sequence[str] = ()
    searches: Sequence[str] = ()
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A hostPort. `host_ip` "" is every address."""

    container_port: int
    host_port: int
    protocol: str = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """A pod's shared part. `share_pid`: the containers see each other's processes. `log_dir`: absolute host path."""

    namespace: str
    name: str
    uid: str
    attempt: int = 0
    hostname: str = ""
    dns: Dns = Dns()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_pid: bool = False
    log_dir: str = ""
    port_mappings: Sequence[PortMapping] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    cgroup_parent: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mount:
    """A bind mount. `propagation` is private, rslave or rshared."""

    host_path: str
    container_path: str
    read_only: bool = False
    propagation: str = "private"


@dataclass(frozen=True, slots=True)
class Resources:
    """0 means no limit. `cpu_shares` is cgroup v1's scale (1024 a core), `cpu_limit_millis` a hard quota."""

    cpu_shares: int = 0
    cpu_limit_millis: int = 0
    memory_limit_bytes: int = 0
    pids_limit: int = 0
    oom_score_adj: int = 0


@dataclass(frozen=True, slots=True)
class Security:
    """`user` None: the image's own. `capabilities` add to and drop from the runtime's default set (`ALL` means all)."""

    user: int | None = None
    group: int | None = None
    supplemental_groups: Sequence[int] = ()
    privileged: bool = False
    add_capabilities: Sequence[str] = ()
    drop_capabilities: Sequence[str] = ()
    no_new_privileges: bool = False
    read_only_root: bool = False
    seccomp: str = "RuntimeDefault"


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """`command`, `args`: Kubernetes' (None: the image's entrypoint, cmd). `log_path`: absolute, CRI log format."""

    name: str
    image: str
    attempt: int = 0
    command: Sequence[str] | None = None
    args: Sequence[str] | None = None
    working_dir: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mount] = ()
    resources: Resources = Resources()
    security: Security = Security()
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    log_path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox as it is. `netns` is a path the pod network can attach to, or None where the runtime does networking

    itself or the pod uses the host's; `ip` is set only by a runtime that gives addresses itself.
    """

    id: str
    namespace: str
    name: str
    uid: str
    attempt: int
    ready: bool
    created_at_ns: int
    netns: str | None = None
    ip: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class State(Enum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Container:
    """A container as it is. `reason`: Completed, Error, OOMKilled, ContainerCannotRun, ... for EXITED."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: State
    image: str
    image_id: str
    created_at_ns: int = 0
    started_at_ns: int = 0
    finished_at_ns: int = 0
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    log_path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    """Something about this sandbox or container changed; the kubelet looks again. "" as an id means: look at all."""

    sandbox_id: str
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes a process wrote: `stream` 1 is stdout, 2 stderr."""

    stream: int
    data: bytes


class Process(Protocol):
    """A process with streams: an exec, or an attach to a container. The caller closes it by `aclose()`."""

    async def read(self) -> Output | None:
        """The next output; None at the end."""

    async def write(self, data: bytes) -> None:
        """Feed stdin, waiting while the process does not read."""

    async def close_stdin(self) -> None: ...

    async def resize(self, *, width: int, height: int) -> None: ...

    async def wait(self) -> int:
        """The exit code (128 + signal when killed)."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ContainerStats:
    container_id: str
    cpu_ns: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Image:
    """`id` is the config digest (`sha256:...`); `user` is the image's default user as written."""

    id: str
    tags: Sequence[str]
    size_bytes: int
    user: str = ""


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    username: str
    password: str


class Images(Protocol):
    """Images of one runtime. References are normalized by the runtime (`nginx` is `docker.io/library/nginx:latest`)."""

    async def pull(self, reference: str, *, auth: RegistryAuth | None = None) -> str:
        """Bring it here; returns its id. Raises `ImageNotFound`, `PullFailed`."""

    async def find(self, reference: str) -> Image | None: ...

    async def list(self) -> Sequence[Image]: ...

    async def load(self, archive: str) -> Sequence[str]:
        """Read a `docker save` or OCI archive (a path, gzip or plain); returns the references it held."""

    async def remove(self, reference: str) -> None: ...


class Runtime(Protocol):
    """A container runtime. Calls may be repeated: stop and remove of what is gone succeed."""

    @property
    def images(self) -> Images: ...

    async def start(self) -> RuntimeInfo:
        """Connect (or start the shim). Raises `RuntimeUnavailable`."""

    async def run_sandbox(self, spec: SandboxSpec) -> Sandbox: ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what is left in it and give back its network."""

    async def remove_sandbox(self, sandbox_id: str) -> None: ...

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str: ...

    async def start_container(self, container_id: str) -> None: ...

    async def stop_container(self, container_id: str, *, grace_s: int) -> None:
        """The stop signal, then SIGKILL after `grace_s` seconds. Returns when it is dead."""

    async def remove_container(self, container_id: str) -> None: ...

    async def sandboxes(self) -> Sequence[Sandbox]:
        """All sandboxes of this node, dead ones too until they are removed."""

    async def containers(self) -> Sequence[Container]: ...

    def events(self) -> AsyncIterator[RuntimeEvent]:
        """Changes as they happen. After a break in the connection it yields a look-at-all event."""

    async def exec(
        self, container_id: str, command: Sequence[str], *, tty: bool = False, stdin: bool = False
    ) -> Process: ...

    async def attach(self, container_id: str) -> Process: ...

    async def port_forward(self, sandbox_id: str, port: int) -> Process:
        """A TCP connection to `port` on the pod's own loopback; stdout is what the pod sends. Raises RuntimeFailure."""

    async def stats(self) -> Sequence[ContainerStats]: ...

    async def aclose(self, *, purge: bool = False) -> None:
        """Let go. The pods go on running, unless `purge`: then nothing is left (containers, shim, mounts)."""


@runtime_checkable
class ReopensLogs(Protocol):
    """A runtime that keeps log files open and lets the kubelet rotate them. (Others rotate by themselves, or not.)"""

    async def reopen_log(self, container_id: str) -> None:
        """Open the container's log path anew: the file was renamed. A container that has ended is fine."""
