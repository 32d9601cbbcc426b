"""The Service `default/kubernetes`, by which pods reach the API servers: made, pointed at them, and kept so.

Watches: Service, Endpoints, EndpointSlice in `default`, and the other servers.   Writes: the three objects named
`kubernetes`.
Source: "Accessing the API from within a Pod".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Never

from hyperpy.api import errors
from hyperpy.api.kinds import ENDPOINT_SLICE, ENDPOINTS, SERVICE, Kind
from hyperpy.components.apiserver.bootstrap import ensure
from hyperpy.components.apiserver.bootstrap.members import Member, Members
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.resources import ResourceHandler
from hyperpy.components.apiserver.services.allocators import Addresses
from hyperpy.store.protocol import StoreError

log = logging.getLogger(__name__)

NAMESPACE, NAME = "default", "kubernetes"
PORT = 443
_PORT_NAME = "https"
_RETRY_S = 5.0
_KINDS = (SERVICE, ENDPOINTS, ENDPOINT_SLICE)


async def keep(handler: ResourceHandler) -> Never:
    """Name this server in the three objects, and put them right again whenever somebody changes them."""
    core = handler.core
    members = members_of(core)
    try:
        async with asyncio.TaskGroup() as group:
            if core.config.shared_store:
                group.create_task(_keep_membership(core, members), name="apiserver/kubernetes-service/membership")
            for kind in _KINDS:
                group.create_task(_keep_kind(core, members, kind), name=f"apiserver/kubernetes-service/{kind.plural}")
    finally:
        await members.leave()
    raise RuntimeError("the tasks that keep the kubernetes Service ended")


async def ensure_all(core: Core) -> None:
    """Make the three objects there and right. A server that is only starting is named when no other serves."""
    await _ensure_each(core, members_of(core))


def members_of(core: Core) -> Members:
    """The API servers of the cluster, as its configuration names this one."""
    config = core.config
    own = Member(config.advertise_address, config.advertise_port)
    return Members(core.store, core.clock, own, shared=config.shared_store)


async def _ensure(core: Core, members: Members, kind: Kind) -> None:
    goal = wanted(kind, core.config, await members.current())
    await ensure.one(core, kind, goal, mend=_laid_over)
    if kind is SERVICE:
        await core.services.claim_first(goal)


async def _keep_membership(core: Core, members: Members) -> Never:
    while True:
        try:
            await members.join()
            async with asyncio.TaskGroup() as group:
                group.create_task(members.renew(), name="apiserver/kubernetes-service/renewal")
                group.create_task(_follow_members(core, members), name="apiserver/kubernetes-service/members")
        except* (errors.StatusError, StoreError) as failures:
            log.warning("the API servers of the cluster cannot be told right now: %s", failures.exceptions[0])
        await core.clock.sleep(_RETRY_S)


async def _follow_members(core: Core, members: Members) -> Never:
    watch = await members.watch()
    try:
        await _ensure_each(core, members)
        async for batch in watch:
            if batch.events:
                await _ensure_each(core, members)
    finally:
        await watch.aclose()
    raise RuntimeError("the watch of the API servers ended")


async def _ensure_each(core: Core, members: Members) -> None:
    for kind in _KINDS:
        await _ensure(core, members, kind)


async def _keep_kind(core: Core, members: Members, kind: Kind) -> Never:
    while True:
        try:
            await _follow(core, members, kind)
        except (errors.StatusError, StoreError) as error:
            log.warning("the kubernetes %s cannot be kept right now: %s", kind.kind, error)
        await core.clock.sleep(_RETRY_S)


async def _follow(core: Core, members: Members, kind: Kind) -> None:
    key = form.key(kind, NAMESPACE, NAME)
    subscription = await core.feeds.join(kind, NAMESPACE, after=await core.store.revision())
    try:
        await _ensure(core, members, kind)
        while await subscription.changed(key):
            await _ensure(core, members, kind)
    finally:
        subscription.close()


def _laid_over(current: Obj, wanted: Obj) -> Obj:
    """What we say about the object wins; what we do not speak of stays."""
    own = current["metadata"]
    labels = {**(own.get("labels") or {}), **wanted["metadata"]["labels"]}
    rest = {name: value for name, value in wanted.items() if name != "metadata"}
    if "spec" in rest:
        rest["spec"] = {**(current.get("spec") or {}), **rest["spec"]}
    return {**current, **rest, "metadata": {**own, "labels": labels}}


def wanted(kind: Kind, config: CoreConfig, members: Sequence[Member]) -> Obj:
    """The Service, Endpoints or EndpointSlice as it is to be. Every server makes the same of the same members.

    A Service has one target port and a slice one list of ports: servers on another port than most are in the Endpoints
    alone.
    """
    by_port = _by_port(members)
    common = min(by_port, key=lambda port: (-len(by_port[port]), port))
    if kind is SERVICE:
        address = Addresses(config.service_cidr).first
        labels = {"component": "apiserver", "provider": "kubernetes"}
        ports = [{"name": _PORT_NAME, "port": PORT, "protocol": "TCP", "targetPort": common}]
        spec = {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": ports}
        return {"metadata": _metadata(labels), "spec": spec}
    if kind is ENDPOINTS:
        subsets = [
            {"addresses": [{"ip": address} for address in addresses], "ports": [_port(port)]}
            for port, addresses in sorted(by_port.items())
        ]
        return {"metadata": _metadata({"endpointslice.kubernetes.io/skip-mirror": "true"}), "subsets": subsets}
    return {
        "metadata": _metadata({"kubernetes.io/service-name": NAME}),
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in by_port[common]],
        "ports": [_port(common)],
    }


def _by_port(members: Sequence[Member]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for member in sorted(members):
        found.setdefault(member.port, []).append(member.address)
    return found


def _port(port: int) -> Obj:
    return {"name": _PORT_NAME, "port": port, "protocol": "TCP"}


def _metadata(labels: dict[str, str]) -> Obj:
    return {"name": NAME, "namespace": NAMESPACE, "labels": labels}
