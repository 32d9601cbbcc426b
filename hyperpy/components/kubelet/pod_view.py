"""What the runtime has of one Pod, as a value: its sandboxes and containers, newest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hyperpy.runtime.protocol import Container, Sandbox, State


@dataclass(frozen=True, slots=True)
class PodView:
    """A Pod as the runtime has it. `ip` is the address of the newest sandbox, None while it has none."""

    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()
    ip: str | None = None

    @property
    def sandbox(self) -> Sandbox | None:
        """The newest sandbox that is ready."""
        newest = self.sandboxes[0] if self.sandboxes else None
        return newest if newest is not None and newest.ready else None

    @property
    def running(self) -> tuple[Container, ...]:
        return tuple(c for c in self.containers if c.state is State.RUNNING)

    @property
    def alive(self) -> bool:
        """Something of the Pod may still run."""
        return bool(self.running) or any(sandbox.ready for sandbox in self.sandboxes)

    def history(self, name: str) -> tuple[Container, ...]:
        """Every attempt of a container, newest first."""
        return tuple(c for c in self.containers if c.name == name)

    def latest(self, name: str) -> Container | None:
        """The newest attempt of a container, in any sandbox."""
        return next((c for c in self.containers if c.name == name), None)

    def current(self, name: str) -> Container | None:
        """The newest attempt of a container within the ready sandbox."""
        sandbox, latest = self.sandbox, self.latest(name)
        if sandbox is None or latest is None or latest.sandbox_id != sandbox.id:
            return None
        return latest

    def by_id(self, container_id: str) -> Container | None:
        return next((c for c in self.containers if c.id == container_id), None)


def make(sandboxes: Iterable[Sandbox], containers: Iterable[Container], *, ip: str | None) -> PodView:
    """A view over records in any order."""
    return PodView(
        tuple(sorted(sandboxes, key=lambda s: (s.attempt, s.created_at_ns), reverse=True)),
        tuple(sorted(containers, key=lambda c: (c.attempt, c.created_at_ns), reverse=True)),
        ip,
    )
