"""Keeps the Node object and its Lease in step with the machine.

    registering ──made, or found from before──▶ registered ──every 5 min, or on a change──▶ status written
                                                    └──every 10 s──▶ Lease renewed

Source: "Nodes", heartbeats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Never

from hyperpy.api import errors, meta
from hyperpy.api.kinds import LEASE, NODE
from hyperpy.client.clock import Clock
from hyperpy.client.protocol import STRATEGIC_PATCH, Client
from hyperpy.components.kubelet import node
from hyperpy.components.kubelet.node import NodeState

log = logging.getLogger(__name__)

Obj = dict[str, Any]

STATUS_EVERY_S = 300.0
LEASE_EVERY_S = 10.0
LEASE_S = 40
LEASE_NAMESPACE = "kube-node-lease"
RETRY_FIRST_S, RETRY_MAX_S = 0.1, 7.0
#: Changes within this time are written together.
GATHER_S = 0.2


class NodeSync:
    """Registers a Node and keeps it alive.

    Args:
        state: looks at the machine and the runtime now.
    """

    def __init__(self, client: Client, clock: Clock, *, name: str, state: Callable[[], Awaitable[NodeState]]) -> None:
        self._client = client
        self._clock = clock
        self._name = name
        self._state = state
        self._changed = asyncio.Event()
        self._known: Obj = {}

    def changed(self) -> None:
        """Something that the Node tells of is different now."""
        self._changed.set()

    def observe(self, event: str, old: Obj | None, new: Obj | None) -> None:
        """The Node as the API has it: when others gave the kubelet up (Ready is Unknown), it contradicts at once.

        Made for `Informer.subscribe`.
        """
        condition = meta.condition(new, "Ready") if new is not None and event != "DELETED" else None
        if condition is not None and condition["status"] == "Unknown":
            self.changed()

    async def register(self, *, create: bool) -> Obj:
        """Make the Node, or take over the one that is there; tries again until the API server answers.

        Args:
            create: make it when it is missing; else wait for somebody to make it.
        Returns:
            The object as it stands in the API.
        """
        delay_s, told = RETRY_FIRST_S, ""
        while True:
            try:
                return await self._register(create=create)
            except errors.StatusError as error:
                if str(error) != told:
                    log.warning("node %s is not registered yet: %s", self._name, error)
                    told = str(error)
            await self._clock.sleep(delay_s)
            delay_s = min(delay_s * 2, RETRY_MAX_S)

    async def run(self) -> Never:
        """Write the status and renew the Lease until cancelled; after `register`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_statuses(), name="kubelet/node-status")
            group.create_task(self._renew_lease(), name="kubelet/lease")
        raise AssertionError("the loops of a node do not return")

    async def _register(self, *, create: bool) -> Obj:
        state = await self._state()
        wanted = node.node(state, now=self._clock.now())
        if create:
            try:
                self._known = await self._client.create(NODE, wanted)
                log.debug("node %s is registered", self._name)
                return self._known
            except errors.AlreadyExists:
                pass
        found = await self._client.get(NODE, self._name)
        patch: Obj = {"metadata": {"labels": wanted["metadata"]["labels"]}}
        if state.pod_cidr and not (found.get("spec") or {}).get("podCIDR"):
            patch["spec"] = wanted["spec"]
        self._known = await self._client.patch(NODE, self._name, patch, patch_type=STRATEGIC_PATCH)
        await self._write_status()
        return self._known

    async def _write_statuses(self) -> Never:
        while True:
            try:
                async with asyncio.timeout(STATUS_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                pass
            await self._clock.sleep(GATHER_S)
            self._changed.clear()
            try:
                await self._write_status()
            except errors.StatusError as error:
                log.warning("the status of node %s was not written: %s", self._name, error)
                await self._clock.sleep(RETRY_MAX_S)
                self._changed.set()

    async def _write_status(self) -> None:
        old = self._known.get("status") or {}
        new = node.status(await self._state(), old=old, now=self._clock.now())
        gone = [entry for entry in old.get("addresses") or () if entry["type"] not in _types(new["addresses"])]
        if gone:
            new["addresses"] += [{"$patch": "delete", "type": entry["type"]} for entry in gone]
        self._known = await self._client.patch(
            NODE, self._name, {"status": new}, patch_type=STRATEGIC_PATCH, subresource="status"
        )

    async def _renew_lease(self) -> Never:
        failures, told = 0, ""
        while True:
            try:
                await self._renew()
                failures, told = 0, ""
                await self._clock.sleep(LEASE_EVERY_S)
            except errors.StatusError as error:
                if str(error) != told:
                    log.warning("the Lease of node %s was not renewed: %s", self._name, error)
                    told = str(error)
                await self._clock.sleep(min(RETRY_FIRST_S * 2 ** min(failures, 10), RETRY_MAX_S))
                failures += 1

    async def _renew(self) -> None:
        now = meta.micro_timestamp(self._clock.now())
        try:
            await self._client.patch(LEASE, self._name, {"spec": {"renewTime": now}}, namespace=LEASE_NAMESPACE)
        except errors.NotFound:
            about = self._known["metadata"]
            owner = {"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": about["uid"]}
            lease = {
                "apiVersion": LEASE.api_version,
                "kind": LEASE.kind,
                "metadata": {"name": self._name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
                "spec": {"holderIdentity": self._name, "leaseDurationSeconds": LEASE_S, "renewTime": now},
            }
            await self._client.create(LEASE, lease)


def _types(addresses: list[Obj]) -> set[str]:
    return {entry["type"] for entry in addresses}
