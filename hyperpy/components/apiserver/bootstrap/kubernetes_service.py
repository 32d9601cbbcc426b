"""The Service `default/kubernetes`, by which pods reach this API server: made, pointed here, and kept so.

Watches: Service, Endpoints, EndpointSlice in `default`.   Writes: the three objects named `kubernetes`.
Source: "Accessing the API from within a Pod".
"""

from __future__ import annotations

import asyncio
import logging
from typing import Never

from hyperpy.api import errors
from hyperpy.api.kinds import ENDPOINT_SLICE, ENDPOINTS, SERVICE, Kind
from hyperpy.components.apiserver.allocators import Addresses
from hyperpy.components.apiserver.bootstrap import ensure
from hyperpy.components.apiserver.config import CoreConfig
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.resources import ResourceHandler
from hyperpy.store.protocol import StoreError

log = logging.getLogger(__name__)

NAMESPACE, NAME = "default", "kubernetes"
PORT = 443
_PORT_NAME = "https"
_RETRY_S = 5.0
_KINDS = (SERVICE, ENDPOINTS, ENDPOINT_SLICE)


async def keep(handler: ResourceHandler) -> Never:
    """Put the three objects right again whenever somebody changes them."""
    async with asyncio.TaskGroup() as group:
        for kind in _KINDS:
            group.create_task(_keep_kind(handler.core, kind), name=f"apiserver/kubernetes-service/{kind.plural}")
    raise RuntimeError("the tasks that keep the kubernetes Service ended")


async def ensure_all(core: Core) -> None:
    """Make the three objects there and right."""
    for kind in _KINDS:
        await _ensure(core, kind)


async def _ensure(core: Core, kind: Kind) -> None:
    await ensure.one(core, kind, wanted(kind, core.config), mend=_laid_over)
    if kind is SERVICE:
        await core.services.claim_first(wanted(kind, core.config))


async def _keep_kind(core: Core, kind: Kind) -> Never:
    while True:
        try:
            await _follow(core, kind)
        except (errors.StatusError, StoreError) as error:
            log.warning("the kubernetes %s cannot be kept right now: %s", kind.kind, error)
        await core.clock.sleep(_RETRY_S)


async def _follow(core: Core, kind: Kind) -> None:
    key = form.key(kind, NAMESPACE, NAME)
    subscription = await core.feeds.join(kind, NAMESPACE, after=await core.store.revision())
    try:
        await _ensure(core, kind)
        while await subscription.changed(key):
            await _ensure(core, kind)
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


def wanted(kind: Kind, config: CoreConfig) -> Obj:
    """The Service, Endpoints or EndpointSlice as it is to be."""
    port = {"name": _PORT_NAME, "port": config.advertise_port, "protocol": "TCP"}
    if kind is SERVICE:
        address = Addresses(config.service_cidr).first
        labels = {"component": "apiserver", "provider": "kubernetes"}
        ports = [{"name": _PORT_NAME, "port": PORT, "protocol": "TCP", "targetPort": config.advertise_port}]
        spec = {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": ports}
        return {"metadata": _metadata(labels), "spec": spec}
    if kind is ENDPOINTS:
        subset = {"addresses": [{"ip": config.advertise_address}], "ports": [port]}
        return {"metadata": _metadata({"endpointslice.kubernetes.io/skip-mirror": "true"}), "subsets": [subset]}
    endpoint = {"addresses": [config.advertise_address], "conditions": {"ready": True}}
    return {
        "metadata": _metadata({"kubernetes.io/service-name": NAME}),
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [port],
    }


def _metadata(labels: dict[str, str]) -> Obj:
    return {"name": NAME, "namespace": NAMESPACE, "labels": labels}
