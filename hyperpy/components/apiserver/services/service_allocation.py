"""What a Service is given: its cluster IP and node ports, held while it is written, kept or given back after.

      hold() ──▶ held ──keep()──▶ kept          (what the old version had and the new one has not is free again)
                  └────drop()──▶ free again     (the write was refused)

Each process has a table of what is taken, read from the store at the start, to pick from. What counts are the claims
in the store (`service_claims.py`): a number that another API server has claimed meanwhile is passed over.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from hyperpy.api import errors, validation
from hyperpy.api.kinds import IP_ADDRESS, SERVICE
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.apiserver.services import allocators
from hyperpy.components.apiserver.services.service_claims import NODE_PORT, Claims, Owner
from hyperpy.components.apiserver.strategy.service import (
    HEADLESS,
    needs_cluster_ip,
    needs_health_port,
    needs_node_ports,
)

_MASTER = ("default", "kubernetes")
#: Numbers that are tried when other API servers are faster.
_TRIES = 64


@dataclass(slots=True)
class Hold:
    """Numbers taken for a write that is under way, and numbers that are free once it is done.

    `picked` are those the Service did not ask for; `claimed` tells whether the store knows of them.
    """

    allocation: ServiceAllocation
    owner: Owner
    addresses: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    picked: set[str | int] = field(default_factory=set)
    leaving_addresses: set[str] = field(default_factory=set)
    leaving_ports: set[int] = field(default_factory=set)
    claimed: bool = False

    async def keep(self) -> None:
        """The write is done."""
        await self.allocation.release(self.leaving_addresses, self.leaving_ports, self.owner)

    async def drop(self) -> None:
        """The write did not happen."""
        if self.claimed:
            await self.allocation.release(self.addresses, self.ports, self.owner)
        else:
            self.forget()

    def forget(self) -> None:
        """Nothing was claimed: only the table has to forget."""
        self.allocation.free(self.addresses, self.ports)


class ServiceAllocation:
    """The addresses and ports of all Services of a cluster."""

    def __init__(self, objects: Objects, claims: Claims, config: CoreConfig, rng: random.Random) -> None:
        self._objects = objects
        self._claims = claims
        self._rng = rng
        self._config = config
        self._addresses = allocators.Addresses(config.service_cidr)
        self._ports = allocators.node_ports(config.node_port_min, config.node_port_max)
        self._loaded = False
        self._loading = asyncio.Lock()

    async def hold(self, new: Obj, old: Obj | None, *, dry_run: bool = False) -> Hold:
        """Fill in what the new Service still needs and take what it names.

        Args:
            new: filled in, in place.
            old: the version before, or None for a new Service.
            dry_run: claim nothing in the store.
        Raises:
            Invalid: an address or port is taken or out of range.
            InternalError: none is left.
        """
        await self.load()
        await self._forget_stale(new, old)
        try:
            hold = self._reserve(new, old)
        except allocators.Full:
            await self.load(again=True)  # other API servers may have given some back
            try:
                hold = self._reserve(new, old)
            except allocators.Full as full:
                raise errors.InternalError(
                    f"Internal error occurred: failed to allocate {full}: range is full"
                ) from None
        if not dry_run:
            await self._claim(new, hold)
        return hold

    def _reserve(self, new: Obj, old: Obj | None) -> Hold:
        """Take numbers from the table. Raises Full, Invalid."""
        hold = Hold(self, Owner.of(new))
        try:
            causes = [*self._take_address(new, old, hold), *self._take_ports(new, old, hold)]
        except allocators.Full:
            hold.forget()
            raise
        if causes:
            hold.forget()
            raise validation.invalid(SERVICE, new["metadata"]["name"], causes)
        return hold

    def free(self, addresses: list[str] | set[str], ports: list[int] | set[int]) -> None:
        """Note in the table that these are free."""
        for address in addresses:
            self._addresses.release(address)
        for port in ports:
            self._ports.release(port)

    async def release(self, addresses: list[str] | set[str], ports: list[int] | set[int], owner: Owner) -> None:
        """Give numbers back."""
        await self._claims.give_back(addresses, ports, owner)
        self.free(addresses, ports)

    async def claim_first(self, service: Obj) -> None:
        """Claim the first address of the range for the `kubernetes` Service, unless that was done before."""
        await self._claims.take_address(self._addresses.first, Owner.of(service))

    async def released(self, service: Obj) -> None:
        """A Service is gone: what it had is free."""
        await self.load()
        await self.release(_addresses_of(service), _ports_of(service), Owner.of(service))

    async def load(self, *, again: bool = False) -> None:
        """Read what is taken, and put claims right that do not fit the Services."""
        async with self._loading:
            if self._loaded and not again:
                return
            addresses: dict[str, Owner] = {}
            ports: dict[str, Owner] = {}
            for kv in (await self._objects.everything(SERVICE)).kvs:
                service = form.decoded(kv)
                addresses |= dict.fromkeys(_addresses_of(service), Owner.of(service))
                ports |= dict.fromkeys(map(str, _ports_of(service)), Owner.of(service))
            taken = await self._claims.put_right(IP_ADDRESS, addresses)
            taken_ports = await self._claims.put_right(NODE_PORT, ports)
            self._addresses.reset(taken)
            self._ports.reset(map(int, taken_ports))
            self._loaded = True

    async def _forget_stale(self, new: Obj, old: Obj | None) -> None:
        """What the Service asks for and the table calls taken may have been given back by another API server."""
        for address in _addresses_of(new) - (_addresses_of(old) if old else set()):
            if self._addresses.is_taken(address) and not await self._claims.is_taken(IP_ADDRESS, address):
                self._addresses.release(address)
        for port in _ports_of(new) - (_ports_of(old) if old else set()):
            if self._ports.is_taken(port) and not await self._claims.is_taken(NODE_PORT, str(port)):
                self._ports.release(port)

    async def _claim(self, new: Obj, hold: Hold) -> None:
        """Claim in the store what was taken from the table; picks that others were faster with are replaced.

        Raises:
            Invalid: somebody else has what the Service asks for.
            InternalError: none is left.
        """
        wanted, hold.addresses = hold.addresses, []
        wanted_ports, hold.ports = hold.ports, []
        hold.claimed = True
        try:
            for address in wanted:
                hold.addresses.append(await self._claim_one_address(new, address, hold))
            for port in wanted_ports:
                hold.ports.append(await self._claim_one_port(new, port, hold))
        except (errors.StatusError, allocators.Full) as error:
            await hold.drop()
            if isinstance(error, allocators.Full):
                text = f"Internal error occurred: failed to allocate {error}: range is full"
                raise errors.InternalError(text) from None
            raise

    async def _claim_one_address(self, new: Obj, address: str, hold: Hold) -> str:
        for _ in range(_TRIES):
            if await self._claims.take_address(address, hold.owner):
                return address
            if address not in hold.picked:
                why = f"failed to allocate IP {address}: provided IP is already allocated"
                causes = [cause.invalid("spec.clusterIPs", [address], why)]
                raise validation.invalid(SERVICE, new["metadata"]["name"], causes)
            address = self._addresses.pick(self._rng)
            hold.picked.add(address)
            new["spec"]["clusterIP"], new["spec"]["clusterIPs"] = address, [address]
        raise allocators.Full("a serviceIP")

    async def _claim_one_port(self, new: Obj, port: int, hold: Hold) -> int:
        spec = new["spec"]
        for _ in range(_TRIES):
            if await self._claims.take_port(port, hold.owner):
                return port
            users = [entry for entry in spec.get("ports") or () if entry.get("nodePort") == port]
            if port not in hold.picked:
                path = "spec.healthCheckNodePort"
                if users:
                    path = f"spec.ports[{spec['ports'].index(users[0])}].nodePort"
                causes = [cause.invalid(path, port, "provided port is already allocated")]
                raise validation.invalid(SERVICE, new["metadata"]["name"], causes)
            other = self._ports.pick(self._rng)
            hold.picked.add(other)
            for entry in users:
                entry["nodePort"] = other
            if spec.get("healthCheckNodePort") == port:
                spec["healthCheckNodePort"] = other
            port = other
        raise allocators.Full("a nodePort")

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
        address = self._addresses.pick(self._rng)
        hold.addresses.append(address)
        hold.picked.add(address)
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
        number = self._ports.pick(self._rng)
        hold.ports.append(number)
        hold.picked.add(number)
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
