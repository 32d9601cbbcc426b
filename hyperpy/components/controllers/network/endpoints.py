"""Endpoints controller: the addresses behind each Service with a selector.

Watches: Service, Pod, Endpoints.   Writes: Endpoints.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hyperpy.api import errors, kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.network import backends, trigger_time
from hyperpy.components.controllers.network.backends import Backend, Port
from hyperpy.components.controllers.network.service_watch import ServiceWatch
from hyperpy.components.controllers.network.trigger_time import TriggerTimes
from hyperpy.components.controllers.upkeep import refusals
from hyperpy.components.controllers.upkeep.expectations import VERIFY_AFTER_S

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
HEADLESS = "service.kubernetes.io/headless"
MAX_ADDRESSES = 1000
_OURS = "endpoint-controller"


def plan(service: Obj, candidates: Sequence[Obj], present: Obj | None, *, changed: str = "") -> Obj | None:
    """The Endpoints to write, or None when the present ones say it already.

    Args:
        candidates: the Pods that the Service selects.
        present: its Endpoints, or None.
        changed: when the change happened that this look is for, or "" when that is not known.
    """
    subsets, truncated = _subsets(service, candidates)
    about = service["metadata"]
    described = present["metadata"] if present is not None else {"name": about["name"], "namespace": about["namespace"]}
    labels = {**(about.get("labels") or {}), MANAGED_BY: _OURS}
    if backends.is_headless(service):
        labels[HEADLESS] = ""
    annotations = {k: v for k, v in (described.get("annotations") or {}).items() if k != OVER_CAPACITY}
    if truncated:
        annotations[OVER_CAPACITY] = "truncated"
    annotations = trigger_time.annotated(annotations, changed)
    wanted: Obj = {
        "apiVersion": kinds.ENDPOINTS.api_version,
        "kind": kinds.ENDPOINTS.kind,
        "metadata": {**described, "labels": labels, "annotations": annotations},
        "subsets": subsets,
    }
    return None if present is not None and _said(present) == _said(wanted) else wanted


def _said(endpoints: Obj) -> tuple[Any, ...]:
    metadata = endpoints["metadata"]
    annotations = trigger_time.annotated(metadata.get("annotations"), "")
    return endpoints.get("subsets") or [], metadata.get("labels") or {}, annotations


def _subsets(service: Obj, candidates: Sequence[Obj]) -> tuple[list[Obj], bool]:
    """Addresses grouped by the ports they answer on; and whether some had to be left out."""
    publish_all = service["spec"].get("publishNotReadyAddresses")
    family = (service["spec"].get("ipFamilies") or [backends.IPV4])[0]
    found = [
        (backends.address(backend.pod, family), backend)
        for backend in backends.selected(service, candidates)
        if publish_all or not backend.leaving
    ]
    chosen = sorted(
        ((ip, backend) for ip, backend in found if ip is not None and (backend.ports or _has_no_ports(service))),
        key=lambda pair: (not pair[1].ready, _number(pair[0]), pair[1].pod["metadata"]["uid"]),
    )
    groups: dict[tuple[Port, ...], dict[str, list[Obj]]] = {}
    for ip, backend in chosen[:MAX_ADDRESSES]:
        group = groups.setdefault(backend.ports, {})
        group.setdefault("addresses" if backend.ready else "notReadyAddresses", []).append(
            _address(service, ip, backend)
        )
    subsets = [
        {**group, **({"ports": [port.as_object() for port in ports]} if ports else {})}
        for ports, group in sorted(groups.items(), key=lambda item: [(port.name, port.number) for port in item[0]])
    ]
    return subsets, len(chosen) > MAX_ADDRESSES


@lru_cache(maxsize=4096)
def _number(address: str) -> int:
    """Where an address stands among those of its family."""
    return int(ipaddress.ip_address(address))


def _has_no_ports(service: Obj) -> bool:
    return backends.is_headless(service) and not service["spec"].get("ports")


def _address(service: Obj, ip: str, backend: Backend) -> Obj:
    address: Obj = {"ip": ip, "targetRef": backend.target}
    if backend.pod["spec"].get("nodeName"):
        address["nodeName"] = backend.pod["spec"]["nodeName"]
    name = backends.hostname(service, backend.pod)
    return {**address, "hostname": name} if name else address


class EndpointsController:
    """Writes the Endpoints of one Service at a time; those of Services without a selector belong to their users."""

    name = "endpoint-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._events = context.events(self.name)
        self._times = TriggerTimes()
        self._watch = ServiceWatch(context, queue)
        self._endpoints = context.watch(kinds.ENDPOINTS, self._endpoints_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one Service's Endpoints in step."""
        namespace, name = meta.split_key(key)
        service, present = self._watch.services.get(name, namespace), self._endpoints.get(name, namespace)
        if service is None:
            self._times.forget(key)
            await self._remove(present)
            return None
        if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return None
        pods = self._watch.backends_of(service)
        wanted = plan(service, pods, present, changed=self._times.of(service, pods))
        if wanted is None:
            return None
        try:
            if present is None:
                await self._client.create(kinds.ENDPOINTS, wanted)
            else:
                await self._client.update(kinds.ENDPOINTS, wanted)
        except (errors.AlreadyExists, errors.Conflict):
            if present is not None:
                raise
            # The cache has not shown our own yet; when it does, its event brings the key back.
        except errors.StatusError as error:
            if refusals.namespace_is_leaving(error):
                return None
            verb = "create" if present is None else "update"
            message = f"Failed to {verb} endpoint {key}: {error}"
            self._events.event(service, kinds.SERVICE, "Warning", f"FailedTo{verb.capitalize()}Endpoint", message)
            raise
        # A list after a missed event may show neither the new ones nor that they went: no event would tell.
        return VERIFY_AFTER_S if present is None else None

    async def _remove(self, present: Obj | None) -> None:
        """The Service is gone: so are the Endpoints that were made for it."""
        if present is None or (present["metadata"].get("labels") or {}).get(MANAGED_BY) != _OURS:
            return
        about = present["metadata"]
        try:
            await self._client.delete(kinds.ENDPOINTS, about["name"], namespace=about["namespace"])
        except errors.NotFound:
            pass

    def _endpoints_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        if obj is not None:
            self._watch.add(meta.key(obj))
