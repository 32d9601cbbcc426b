"""Addresses of one pod CIDR: which sandbox has which, kept in a file so that none is ever given twice."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path

from hyperpy.podnet.protocol import NetworkFailure


class AddressPool:
    """The addresses of a CIDR but its network, first (gateway) and broadcast address.

    Args:
        cidr: such as 10.244.0.0/24.
        state: the file that remembers; a file of another CIDR is begun anew.
    """

    def __init__(self, cidr: str, state: Path) -> None:
        self.network = ipaddress.ip_network(cidr)
        self.gateway = str(self.network.network_address + 1)
        self._state = state
        self._given: dict[str, str] = {}
        self._next = 2
        self._load()

    def given(self) -> Mapping[str, str]:
        """Sandbox id to address."""
        return dict(self._given)

    def give(self, sandbox_id: str) -> str:
        """The address of a sandbox, a new one when it has none. Addresses are reused as late as possible.

        Raises:
            NetworkFailure: all are taken.
        """
        if sandbox_id in self._given:
            return self._given[sandbox_id]
        taken = set(self._given.values())
        span = self.network.num_addresses - 3
        for step in range(span):
            offset = 2 + (self._next - 2 + step) % span
            address = str(self.network.network_address + offset)
            if address not in taken:
                self._next = offset + 1
                self._given[sandbox_id] = address
                self._save()
                return address
        raise NetworkFailure(f"no free address left in the pod CIDR {self.network}: {len(taken)} are taken")

    def take_back(self, sandbox_id: str) -> None:
        """Free the address of a sandbox."""
        if self._given.pop(sandbox_id, None) is not None:
            self._save()

    def forget(self) -> None:
        """Remove the file."""
        self._given.clear()
        self._state.unlink(missing_ok=True)

    def _load(self) -> None:
        try:
            state = json.loads(self._state.read_text())
        except FileNotFoundError:
            return
        except ValueError as error:
            raise NetworkFailure(
                f"{self._state} is damaged ({error}); stop the pods of this node and remove it"
            ) from error
        if state.get("cidr") == str(self.network):
            self._given, self._next = state["given"], state["next"]

    def _save(self) -> None:
        """Write beside and rename, so that a crash leaves the old file or the new one, never half of one."""
        self._state.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"cidr": str(self.network), "next": self._next, "given": self._given}, indent=1)
        fresh = self._state.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self._state)
