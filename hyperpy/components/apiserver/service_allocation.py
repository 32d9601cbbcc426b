"""What a Service is given: its cluster IP and node ports, held while it is written, kept or given back after.

      hold() ──▶ held ──keep()──▶ kept          (what the old version had and the new one has not is free again)
                  └────drop()──▶ free again     (the write was refused)

The state is read from the store at the first use and kept by the writes of this process.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from hyperpy.api import errors, validation
from hyperpy.api.kinds import SERVICE
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.components.apiserver import allocators
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.apiserver.strategy.service import (
    HEADLESS,
    needs_cluster_ip,
    needs_health_port,
    needs_node_ports,
)

_MASTER = ("default", "kubernetes")


@dataclass(slots=True)
class Hold:
    """Numbers taken for a write that is under way, and numbers that are free once it is done."""

    allocation: ServiceAllocation
    addresses: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    leaving_addresses: set[str] = field(default_factory=set)
    leaving_ports: set[int] = field(default_factory=set)

    def keep(self) -> None:
        """The write is done."""
        self.allocation.release(self.leaving_addresses, self.leaving_ports)

    def drop(self) -> None:
        """The write did not happen."""
        self.allocation.release(self.addresses, self.ports)


class ServiceAllocation:
    """The addresses and ports of all Services of a cluster."""

    def __init__(self, objects: Objects, config: CoreConfig, rng: random.Random) -> None:
        self._objects = objects
        self._rng = rng
        self._config = config
        self._addresses = allocators.Addresses(config.service_cidr)
        self._ports = allocators.node_ports(config.node_port_min, config.node_port_max)
        self._loaded = False
        self._loading = asyncio.Lock()

    async def hold(self, new: Obj, old: Obj | None) -> Hold:
        """Fill in what the new Service still needs and take what it names.

        Args:
            new: filled in, in place.
            old: the version before, or None for a new Service.
        Raises:
            Invalid: an address or port is taken or out of range.
            InternalError: none is left.
        """
        await self._load()
        hold = Hold(self)
        causes = [*self._take_address(new, old, hold), *self._take_ports(new, old, hold)]
        if causes:
            hold.drop()
            raise validation.invalid(SERVICE, new["metadata"]["name"], causes)
        return hold

    def release(self, addresses: list[str] | set[str], ports: list[int] | set[int]) -> None:
        """Give numbers back."""
        for address in addresses:
            self._addresses.release(address)
        for port in ports:
            self._ports.release(port)

    async def released(self, service: Obj) -> None:
        """A Service is gone: what it had is free."""
        await self._load()
        self.release(_addresses_of(service), _ports_of(service))

    async def _load(self) -> None:
        async with self._loading:
            if self._loaded:
                return
            for kv in (await self._objects.everything(SERVICE)).kvs:
                service = form.decoded(kv)
                for address in _addresses_of(service):
                    self._addresses.mark(address)
                for port in _ports_of(service):
                    self._ports.mark(port)
            self._loaded = True

    def _take_address(self, new: Obj, old: Obj | None, hold: Hold) -> list[Cause]:
        before = _addresses_of(old) if old else set()
        spec = new["spec"]
        if not needs_cluster_ip(spec) or spec.get("clusterIP") == HEADLESS:
            hold.leaving_addresses = before
            return []
        asked = spec.get("clusterIP")
        if asked in before:
            return []
        hold.leaving_addresses = before
        if not asked:
            spec["clusterIP"] = self._pick_address(new, hold)
            spec["clusterIPs"] = [spec["clusterIP"]]
            return []
        why = self._claim_address(new, asked, hold)
        if not why:
            return []
        return [cause.invalid("spec.clusterIPs", [asked], f"failed to allocate IP {asked}: {why}")]

    def _pick_address(self, new: Obj, hold: Hold) -> str:
        if _is_master(new):
            return self._addresses.first
        try:
            address = self._addresses.pick(self._rng)
        except allocators.Full:
            hold.drop()
            raise errors.InternalError(
                "Internal error occurred: failed to allocate a serviceIP: range is full"
            ) from None
        hold.addresses.append(address)
        return address

    def _claim_address(self, new: Obj, asked: str, hold: Hold) -> str:
        """Why the address cannot be had; "" when it is taken for this Service now."""
        if _is_master(new) and asked == self._addresses.first:
            return ""
        try:
            self._addresses.take(asked)
        except ValueError:
            return "it is not an IPv4 address"
        except allocators.OutOfRange:
            return (
                f"the provided IP ({asked}) is not in the valid range. "
                f"The range of valid IPs is {self._addresses.network}"
            )
        except allocators.Taken:
            return "provided IP is already allocated"
        hold.addresses.append(asked)
        return ""

    def _take_ports(self, new: Obj, old: Obj | None, hold: Hold) -> list[Cause]:
        before = _ports_of(old) if old else set()
        spec = new["spec"]
        mine: set[int] = set()
        causes: list[Cause] = []
        if needs_node_ports(spec):
            ports = spec.get("ports") or []
            for index, port in enumerate(ports):
                if port.get("nodePort"):
                    causes += self._claim_port(f"spec.ports[{index}].nodePort", port["nodePort"], before | mine, hold)
                    mine.add(port["nodePort"])
            for port in ports:
                if not port.get("nodePort"):
                    port["nodePort"] = self._pick_port(ports, port, mine, hold)
                    mine.add(port["nodePort"])
        if needs_health_port(spec):
            asked = spec.get("healthCheckNodePort")
            if asked:
                causes += self._claim_port("spec.healthCheckNodePort", asked, before | mine, hold)
            else:
                asked = spec["healthCheckNodePort"] = self._new_port(hold)
            mine.add(asked)
        hold.leaving_ports = before - mine
        return causes

    def _pick_port(self, ports: list[Obj], port: Obj, mine: set[int], hold: Hold) -> int:
        """A node port; the same port for another protocol shares the number, so DNS stays one number for both."""
        protocol = port.get("protocol") or "TCP"
        for other in ports:
            shares = other.get("port") == port.get("port") and (other.get("protocol") or "TCP") != protocol
            if shares and other.get("nodePort") in mine:
                return int(other["nodePort"])
        return self._new_port(hold)

    def _new_port(self, hold: Hold) -> int:
        try:
            number = self._ports.pick(self._rng)
        except allocators.Full:
            hold.drop()
            raise errors.InternalError(
                "Internal error occurred: failed to allocate a nodePort: range is full"
            ) from None
        hold.ports.append(number)
        return number

    def _claim_port(self, path: str, number: int, mine: set[int], hold: Hold) -> list[Cause]:
        if number in mine:
            return []
        try:
            self._ports.take(number)
        except allocators.OutOfRange:
            text = f"{self._config.node_port_min}-{self._config.node_port_max}"
            why = f"provided port is not in the valid range. The range of valid ports is {text}"
            return [cause.invalid(path, number, why)]
        except allocators.Taken:
            return [cause.invalid(path, number, "provided port is already allocated")]
        hold.ports.append(number)
        return []


def _is_master(service: Obj) -> bool:
    meta = service["metadata"]
    return (meta.get("namespace"), meta.get("name")) == _MASTER


def _addresses_of(service: Obj) -> set[str]:
    spec = service["spec"]
    found = {spec.get("clusterIP"), *(spec.get("clusterIPs") or ())}
    return {address for address in found if address and address != HEADLESS}


def _ports_of(service: Obj) -> set[int]:
    spec = service["spec"]
    found = {port.get("nodePort") for port in spec.get("ports") or ()}
    return {port for port in (*found, spec.get("healthCheckNodePort")) if port}
