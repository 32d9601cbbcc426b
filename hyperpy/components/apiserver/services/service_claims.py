"""Claims on Service addresses and node ports: one key each in the store, so that no two API servers give out one twice.

An address is claimed by an IPAddress object, which users see; a node port by a record of the API server's own. Making
the key is the lock. Source: Concepts, "IPAddress objects"; KEP-1880 for labels and the time an orphan is left alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hyperpy.api import errors, meta
from hyperpy.api.kinds import IP_ADDRESS, SERVICE, Kind
from hyperpy.client.clock import Clock
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects

#: Served by nobody: where node ports are claimed.
NODE_PORT = Kind("", "v1", "ServiceNodePort", "servicenodeports", namespaced=False)
MANAGED_BY = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
_FAMILY = "ipaddress.kubernetes.io/ip-family"
#: Another API server makes a claim before the Service it is for.
_ORPHAN_AGE_S = 60


@dataclass(frozen=True, slots=True)
class Owner:
    """The Service that claims something."""

    namespace: str
    name: str

    @classmethod
    def of(cls, service: Obj) -> Owner:
        """The owner that a Service object is."""
        return cls(service["metadata"].get("namespace") or "", service["metadata"]["name"])


class Claims:
    """Takes and gives back; knows nothing of ranges."""

    def __init__(self, objects: Objects, clock: Clock, rng: random.Random) -> None:
        self._objects = objects
        self._clock = clock
        self._rng = rng

    async def take_address(self, address: str, owner: Owner) -> bool:
        """Claim an address; False when somebody has it."""
        return await self._take(IP_ADDRESS, address, owner)

    async def take_port(self, port: int, owner: Owner) -> bool:
        """Claim a node port; False when somebody has it."""
        return await self._take(NODE_PORT, str(port), owner)

    async def is_taken(self, kind: Kind, name: str) -> bool:
        """Whether somebody claims it."""
        return await self._objects.find(kind, None, name) is not None

    async def give_back(self, addresses: Iterable[str], ports: Iterable[int], owner: Owner) -> None:
        """Drop claims of this owner; what is another's, or nobody's, stays as it is."""
        for kind, name in (*((IP_ADDRESS, each) for each in addresses), *((NODE_PORT, str(each)) for each in ports)):
            kv = await self._objects.find(kind, None, name)
            if kv is not None and _owner(form.decoded(kv)) == owner:
                await self._objects.remove(kv)

    async def everything(self, kind: Kind) -> dict[str, Obj]:
        """All claims of a kind, by address or port."""
        found = map(form.decoded, (await self._objects.everything(kind)).kvs)
        return {obj["metadata"]["name"]: obj for obj in found}

    async def put_right(self, kind: Kind, wanted: Mapping[str, Owner]) -> set[str]:
        """Make the claims that are missing, drop those whose Service is gone, and return what is taken."""
        there = await self.everything(kind)
        for name, owner in wanted.items():
            if name not in there:
                await self._take(kind, name, owner)
        oldest = meta.timestamp(self._clock.now() - _ORPHAN_AGE_S)
        orphans = {
            name
            for name, obj in there.items()
            if name not in wanted and _is_ours(obj) and obj["metadata"]["creationTimestamp"] < oldest
        }
        for name in orphans:
            kv = await self._objects.find(kind, None, name)
            if kv is not None:
                await self._objects.remove(kv)
        return (there.keys() | wanted.keys()) - orphans

    async def _take(self, kind: Kind, name: str, owner: Owner) -> bool:
        try:
            await self._objects.create(kind, None, name, form.encode(self._claim(kind, name, owner)))
        except errors.AlreadyExists:
            return False
        return True

    def _claim(self, kind: Kind, name: str, owner: Owner) -> Obj:
        labels = {**MANAGED_BY, _FAMILY: "IPv6" if ":" in name else "IPv4"} if kind is IP_ADDRESS else MANAGED_BY
        own = {
            "name": name,
            "uid": meta.new_uid(self._rng),
            "creationTimestamp": meta.timestamp(self._clock.now()),
            "labels": labels,
        }
        parent = {"group": "", "resource": SERVICE.plural, "namespace": owner.namespace, "name": owner.name}
        head = {"apiVersion": kind.api_version, "kind": kind.kind}
        return {**head, "metadata": own, "spec": {"parentRef": parent}}


def owner_of(address: Obj) -> Owner | None:
    """The Service an IPAddress is for; None when it is for something else."""
    return _owner(address)


def _owner(claim: Obj) -> Owner | None:
    parent = (claim.get("spec") or {}).get("parentRef") or {}
    if parent.get("group") or parent.get("resource") != SERVICE.plural:
        return None
    return Owner(parent.get("namespace") or "", parent.get("name") or "")


def _is_ours(claim: Obj) -> bool:
    """Whether an API server made it for a Service; a user may claim an address too."""
    return MANAGED_BY.items() <= (claim["metadata"].get("labels") or {}).items()
