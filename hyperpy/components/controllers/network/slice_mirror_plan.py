"""EndpointSlices that say what an Endpoints object says, which somebody wrote by hand or by an old controller. Pure.

Source: Concepts, "EndpointSlices" (mirroring), and the labels and messages of kube-controller-manager.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.api import kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.network import backends
from hyperpy.components.controllers.network.slice_plan import MANAGED_BY, SERVICE_NAME, Plan

#: Addresses taken of a subset.
MAX_OF_SUBSET = 1000
CONTROLLER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_NOT_COPIED = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_SAME = ("addresses", "nodeName", "hostname", "targetRef")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What to write, how many addresses were no IP addresses, and how many were more than are taken."""

    plan: Plan
    invalid: int = 0
    skipped: int = 0


@dataclass(slots=True)
class _Group:
    """Endpoints of one address family that answer on the same ports; one that is told twice counts once."""

    family: str
    ports: list[Obj]
    endpoints: dict[str, Obj] = field(default_factory=dict)


def is_mirrored(endpoints: Obj | None, service: Obj | None) -> bool:
    """They are there for a Service without a selector, and not kept out nor a leader's record."""
    if endpoints is None or service is None or service["spec"].get("selector"):
        return False
    about = endpoints["metadata"]
    return (about.get("labels") or {}).get(SKIP) != "true" and _LEADER not in (about.get("annotations") or {})


def removal(present: Sequence[Obj]) -> Plan:
    """What to write when nothing is mirrored any more."""
    return Plan((), (), tuple(present))


def plan(endpoints: Obj, present: Sequence[Obj]) -> Mirrored:
    """Compare Endpoints with the slices that mirror them.

    Args:
        present: the slices that are ours and not leaving.
    """
    groups: dict[str, _Group] = {}
    invalid = skipped = 0
    for subset in endpoints.get("subsets") or ():
        wrong, more = _take(subset, groups)
        invalid, skipped = invalid + wrong, skipped + more
    create: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    left = list(present)
    for group in groups.values():
        mine = [each for each in left if _belongs(each, group)]
        left = [each for each in left if not _belongs(each, group)]
        kept = max(mine, key=lambda each: len(each.get("endpoints") or ()), default=None)
        delete += [each for each in mine if each is not kept]
        wanted = _slice(endpoints, group)
        if kept is None:
            create.append(wanted)
        elif _said(kept) != _said(wanted):
            update.append({**wanted, "metadata": {**kept["metadata"], **wanted["metadata"]}})
    return Mirrored(Plan(tuple(create), tuple(update), (*delete, *left)), invalid, skipped)


def _take(subset: Obj, groups: dict[str, _Group]) -> tuple[int, int]:
    """Put a subset's addresses into their groups; returns how many are invalid, and how many too many."""
    ports = [_port(port) for port in subset.get("ports") or ()]
    told = [(each, True) for each in subset.get("addresses") or ()]
    told += [(each, False) for each in subset.get("notReadyAddresses") or ()]
    taken = invalid = 0
    for address, ready in told:
        if taken >= MAX_OF_SUBSET:
            break
        try:
            family = backends.family_of(address["ip"])
        except ValueError:
            invalid += 1
            continue
        group = groups.setdefault(_key(family, ports), _Group(family, ports))
        endpoint = _endpoint(address, ready=ready)
        group.endpoints[repr([endpoint.get(name) for name in _SAME])] = endpoint
        taken += 1
    return invalid, len(told) - taken - invalid


def _endpoint(address: Obj, *, ready: bool) -> Obj:
    endpoint: Obj = {"addresses": [str(ipaddress.ip_address(address["ip"]))], "conditions": {"ready": ready}}
    for name in ("nodeName", "hostname", "targetRef"):
        if address.get(name):
            endpoint[name] = address[name]
    return endpoint


def _port(port: Mapping[str, object]) -> Obj:
    return {"name": "", "protocol": "TCP", **port}


def _key(family: str, ports: Sequence[Obj]) -> str:
    return repr((family, sorted(sorted(port.items()) for port in ports)))


def _belongs(present: Obj, group: _Group) -> bool:
    ports = [_port(port) for port in present.get("ports") or ()]
    return _key(present.get("addressType", ""), ports) == _key(group.family, group.ports)


def _slice(endpoints: Obj, group: _Group) -> Obj:
    about = endpoints["metadata"]
    own = {SERVICE_NAME: about["name"], MANAGED_BY: CONTROLLER}
    annotations = {k: v for k, v in (about.get("annotations") or {}).items() if k not in _NOT_COPIED}
    return {
        "apiVersion": kinds.ENDPOINT_SLICE.api_version,
        "kind": kinds.ENDPOINT_SLICE.kind,
        "metadata": {
            "namespace": about["namespace"],
            "labels": {**(about.get("labels") or {}), **own},
            "annotations": annotations,
            "ownerReferences": [meta.owner_reference(kinds.ENDPOINTS, endpoints)],
        },
        "addressType": group.family,
        "ports": group.ports,
        "endpoints": list(group.endpoints.values())[:MAX_OF_SUBSET],
    }


def _said(each: Obj) -> tuple[object, ...]:
    """What of a slice is compared."""
    about = each["metadata"]
    owners = [owner.get("uid") for owner in about.get("ownerReferences") or ()]
    return each.get("endpoints") or [], about.get("labels") or {}, about.get("annotations") or {}, owners
