"""What the kubelet's side keeps on disk about sandboxes and containers, so that a restart finds them.

ROOT/sandboxes/ID/spec.json    {"record": ..., "bundle": the shim's plan}, resolv.conf, hosts, hostname
ROOT/containers/ID/spec.json   the same, upper/ work/ rootfs/ of the overlay, stdout and stderr pipes
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hyperpy.runtime.protocol import Container, Sandbox, State

_STATES = {"starting": State.CREATED, "running": State.RUNNING, "exited": State.EXITED}


@dataclass(frozen=True, slots=True)
class SandboxRecord:
    """A sandbox as it was asked for."""

    id: str
    namespace: str
    name: str
    uid: str
    attempt: int
    created_at_ns: int
    own_network: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def now(self, state: Mapping[str, Any]) -> Sandbox:
        """The sandbox with what the shim says of it."""
        pid = state.get("pid", 0)
        return Sandbox(
            id=self.id,
            namespace=self.namespace,
            name=self.name,
            uid=self.uid,
            attempt=self.attempt,
            ready=bool(state.get("ready")),
            created_at_ns=self.created_at_ns,
            netns=f"/proc/{pid}/ns/net" if pid and self.own_network else None,
            labels=self.labels,
            annotations=self.annotations,
        )


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """A container as it was asked for. `group` is its control group."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    image: str
    image_id: str
    created_at_ns: int
    log_path: str
    group: str
    stop_signal: int
    tty: bool = False
    stdin_once: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def now(self, state: Mapping[str, Any]) -> Container:
        """The container with what the shim says of it."""
        return Container(
            id=self.id,
            sandbox_id=self.sandbox_id,
            name=self.name,
            attempt=self.attempt,
            state=_STATES.get(state.get("state", "starting"), State.UNKNOWN),
            image=self.image,
            image_id=self.image_id,
            created_at_ns=self.created_at_ns,
            started_at_ns=state.get("started_at_ns", 0),
            finished_at_ns=state.get("finished_at_ns", 0),
            exit_code=state.get("exit_code", 0),
            signal=state.get("signal", 0),
            reason=state.get("reason", ""),
            message=state.get("message", ""),
            log_path=self.log_path,
            labels=self.labels,
            annotations=self.annotations,
        )


class Records:
    """The folders under a root directory. Methods block, for a moment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sandboxes_directory = root / "sandboxes"
        self.containers_directory = root / "containers"

    def prepare(self) -> None:
        """Make the folders; throw away what a crash left half made."""
        for directory in (self.sandboxes_directory, self.containers_directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for entry in directory.iterdir():
                if not (entry / "spec.json").exists():
                    shutil.rmtree(entry, ignore_errors=True)

    def sandboxes(self) -> dict[str, SandboxRecord]:
        """Every sandbox on disk."""
        specs = _specs(self.sandboxes_directory)
        return {spec["record"]["id"]: SandboxRecord(**spec["record"]) for spec in specs}

    def containers(self) -> dict[str, ContainerRecord]:
        """Every container on disk."""
        specs = _specs(self.containers_directory)
        return {spec["record"]["id"]: ContainerRecord(**spec["record"]) for spec in specs}

    def add_sandbox(self, record: SandboxRecord, bundle: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Write a sandbox down, with the pod's files."""
        directory = self.sandboxes_directory / record.id
        directory.mkdir(mode=0o755)
        for name, content in files.items():
            (directory / name).write_text(content, encoding="utf-8")
        _write_spec(directory, asdict(record), bundle)

    def add_container(self, record: ContainerRecord, bundle: Mapping[str, Any]) -> None:
        """Write a container down, with the folders and pipes that it needs."""
        directory = self.containers_directory / record.id
        directory.mkdir(mode=0o700)
        for name in ("upper", "work", "rootfs", "empty"):
            (directory / name).mkdir(mode=0o755)
        if not record.tty:
            for name in ("stdout", "stderr"):
                os.mkfifo(directory / name, 0o600)
        _write_spec(directory, asdict(record), bundle)

    def bundle(self, sandbox_id: str) -> dict[str, Any]:
        """The plan of a sandbox."""
        text = (self.sandboxes_directory / sandbox_id / "spec.json").read_bytes()
        bundle: dict[str, Any] = json.loads(text)["bundle"]
        return bundle

    def remove(self, sandboxes: Iterable[str], containers: Iterable[str]) -> None:
        """Remove folders; removing what is gone succeeds."""
        for container_id in containers:
            _remove_tree(self.containers_directory / container_id)
        for sandbox_id in sandboxes:
            _remove_tree(self.sandboxes_directory / sandbox_id)


def _specs(directory: Path) -> list[dict[str, Any]]:
    return [json.loads((entry / "spec.json").read_bytes()) for entry in sorted(directory.iterdir())]


def _write_spec(directory: Path, record: Mapping[str, Any], bundle: Mapping[str, Any]) -> None:
    temporary = directory / "spec.json.new"
    temporary.write_text(json.dumps({"record": record, "bundle": bundle}), encoding="utf-8")
    temporary.rename(directory / "spec.json")


def _remove_tree(directory: Path) -> None:
    """First the plan, so that a crash in the middle leaves something that `prepare` recognizes."""
    (directory / "spec.json").unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
