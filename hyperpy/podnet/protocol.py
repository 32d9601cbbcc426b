"""The contract of a pod network on one node: addresses for sandboxes, given and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class NetworkFailure(Exception):
    """The network could not be made or changed; the message says what failed and what to do."""


@dataclass(frozen=True, slots=True)
class PodAddress:
    """The address of a pod's eth0."""

    ip: str
    prefix_len: int
    gateway: str


class PodNetwork(Protocol):
    """Every method may raise `NetworkFailure`. Addresses outlive the process that gave them."""

    async def start(self) -> None:
        """Make what the node needs (or find it from before)."""

    async def attach(self, sandbox_id: str, netns: str) -> PodAddress:
        """Give a sandbox its eth0, address and default route. Attaching twice gives the same address.

        Args:
            netns: a path such as `/proc/PID/ns/net`.
        """

    async def detach(self, sandbox_id: str) -> None:
        """Take the address back; detaching what is gone succeeds."""

    def addresses(self) -> Mapping[str, str]:
        """Sandbox id to address, for all that are attached."""

    async def aclose(self, *, purge: bool = False) -> None:
        """Let go; with `purge`, remove every link, route and file too."""
