"""Which EndpointSlices to create, change and delete so that they say what is behind a Service, with few writes. Pure.

Source: the documentation of EndpointSlices ("Distribution of EndpointSlices") and the API reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hyperpy.api import kinds, meta
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.network import backends, trigger_time
from hyperpy.components.controllers.network.backends import Backend

MAX_ENDPOINTS = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
CONTROLLER = "endpointslice-controller.k8s.io"


@dataclass(frozen=True, slots=True)
class Plan:
    """Slices to write. Those to create have no name yet."""

    create: tuple[Obj, ...]
    update: tuple[Obj, ...]
    delete: tuple[Obj, ...]


@dataclass(slots=True)
class _Slice:
    """A present slice while it is being worked over."""

    obj: Obj
    endpoints: list[Obj]
    changed: bool

    @property
    def room(self) -> int:
        return MAX_ENDPOINTS - len(self.endpoints)


@dataclass(slots=True)
class _Group:
    """Endpoints of one address family that answer on the same ports, by Pod uid."""

    family: str
    ports: list[Obj]
    wanted: dict[str, Obj] = field(default_factory=dict)


def plan(
    service: Obj, candidates: Sequence[Obj], present: Sequence[Obj], *, zones: Mapping[str, str], changed: str = ""
) -> Plan:
    """Compare what is behind a Service with its slices.

    Args:
        candidates: the Pods that the Service selects.
        present: the slices that are ours and not leaving.
        zones: the zone of each node.
        changed: when the change happened that this look is for, or "" when that is not known.
    """
    groups = _groups(service, candidates, zones=zones)
    create: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    left = list(present)
    for group in groups:
        mine = [each for each in left if _belongs(each, group)]
        left = [each for each in left if not _belongs(each, group)]
        slices, remaining = _keep(group, mine)
        remaining = _fill(slices, remaining)
        for each in slices:
            _sort_out(service, each, update=update, delete=delete)
        create += [
            _new(service, group, remaining[start : start + MAX_ENDPOINTS])
            for start in range(0, len(remaining), MAX_ENDPOINTS)
        ]
    create, recycled, delete = _recycled(create, [*delete, *left])
    found = Plan(*_with_placeholders(service, create, [*update, *recycled], delete, present))
    stamped = [tuple(_stamped(each, changed) for each in each_of) for each_of in (found.create, found.update)]
    return Plan(stamped[0], stamped[1], found.delete)


def families_of(service: Obj) -> list[str]:
    """The address families of a Service."""
    return list(service["spec"].get("ipFamilies") or [backends.IPV4])


def _groups(service: Obj, candidates: Sequence[Obj], *, zones: Mapping[str, str]) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    for backend in backends.selected(service, candidates):
        if not backend.ports and service["spec"].get("ports"):
            continue
        for family in families_of(service):
            ip = backends.address(backend.pod, family)
            if ip is not None:
                ports = [port.as_object() for port in backend.ports]
                group = groups.setdefault((family, backend.ports), _Group(family, ports))
                group.wanted[backend.pod["metadata"]["uid"]] = _endpoint(service, ip, backend, zones=zones)
    return list(groups.values())


def _endpoint(service: Obj, ip: str, backend: Backend, *, zones: Mapping[str, str]) -> Obj:
    endpoint: Obj = {
        "addresses": [ip],
        "conditions": {"ready": backend.ready, "serving": backend.serving, "terminating": backend.leaving},
        "targetRef": backend.target,
    }
    node = backend.pod["spec"].get("nodeName")
    if node:
        endpoint["nodeName"] = node
    if node in zones:
        endpoint["zone"] = zones[node]
    hints = _hints(service, endpoint)
    if hints:
        endpoint["hints"] = hints
    name = backends.hostname(service, backend.pod)
    return {**endpoint, "hostname": name} if name else endpoint


def _hints(service: Obj, endpoint: Obj) -> Obj:
    """From where the Service wants a ready endpoint to be reached first. Source: KEP-3015."""
    near, hints = service["spec"].get("trafficDistribution"), {}
    if not near or not endpoint["conditions"]["ready"]:
        return {}
    if endpoint.get("zone"):
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if near == "PreferSameNode" and endpoint.get("nodeName"):
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    return hints


def _belongs(present: Obj, group: _Group) -> bool:
    ports = [{"name": "", "protocol": "TCP", **port} for port in present.get("ports") or ()]
    return bool(present.get("addressType") == group.family and ports == group.ports)


def _keep(group: _Group, mine: Sequence[Obj]) -> tuple[list[_Slice], list[Obj]]:
    """Leave every endpoint that is still wanted where it is; what has no place yet comes second."""
    missing = dict(group.wanted)
    slices = []
    for obj in mine:
        before = obj.get("endpoints") or []
        after = [missing.pop(uid) for uid in map(_uid, before) if uid in missing]
        slices.append(_Slice(obj, after, after != before))
    return slices, list(missing.values())


def _fill(slices: Sequence[_Slice], remaining: list[Obj]) -> list[Obj]:
    """Put endpoints into slices that are written anyway, then into one other if all of them fit there."""
    for each in sorted(slices, key=lambda each: each.room):
        if each.changed and each.endpoints:
            taken, remaining = remaining[: each.room], remaining[each.room :]
            each.endpoints += taken
    fitting = [each for each in slices if each.room >= len(remaining)]
    if remaining and fitting:
        target = min(fitting, key=lambda each: each.room)
        target.endpoints += remaining
        target.changed = True
        return []
    return remaining


def _sort_out(service: Obj, each: _Slice, *, update: list[Obj], delete: list[Obj]) -> None:
    if not each.endpoints:
        delete.append(each.obj)
        return
    labels = _labels(service)
    if each.changed or each.obj["metadata"].get("labels") != labels:
        metadata = {**each.obj["metadata"], "labels": labels}
        update.append({**each.obj, "metadata": metadata, "endpoints": each.endpoints})


def _recycled(create: Sequence[Obj], delete: Sequence[Obj]) -> tuple[list[Obj], list[Obj], list[Obj]]:
    """What is still to create, what is written over a slice that would go, and what goes. So slices keep their names
    when all endpoints or ports change, as they do when a node starts again."""
    new, update, gone = [], [], list(delete)
    for obj in create:
        old = next((each for each in gone if each["addressType"] == obj["addressType"]), None)
        if old is None:
            new.append(obj)
            continue
        gone.remove(old)
        update.append({**old, **obj, "metadata": {**old["metadata"], "labels": obj["metadata"]["labels"]}})
    return new, update, gone


def _with_placeholders(
    service: Obj, create: list[Obj], update: list[Obj], delete: list[Obj], present: Sequence[Obj]
) -> tuple[tuple[Obj, ...], tuple[Obj, ...], tuple[Obj, ...]]:
    """A family with no endpoint at all keeps one empty slice, so that readers tell "none" from "not yet known"."""
    going = {each["metadata"]["name"] for each in delete}
    staying = {each["addressType"] for each in present if each["metadata"]["name"] not in going}
    for family in families_of(service):
        if family in staying or any(each["addressType"] == family for each in create):
            continue
        empty = _new(service, _Group(family, []), [])
        reused = next((each for each in delete if each["addressType"] == family), None)
        if reused is None:
            create.append(empty)
            continue
        delete.remove(reused)
        placeholder = {
            **reused,
            "metadata": {**reused["metadata"], "labels": _labels(service)},
            "ports": [],
            "endpoints": [],
        }
        if reused.get("ports") or reused.get("endpoints") or placeholder["metadata"] != reused["metadata"]:
            update.append(placeholder)
    return tuple(create), tuple(update), tuple(delete)


def _new(service: Obj, group: _Group, endpoints: list[Obj]) -> Obj:
    return {
        "apiVersion": kinds.ENDPOINT_SLICE.api_version,
        "kind": kinds.ENDPOINT_SLICE.kind,
        "metadata": {
            "namespace": service["metadata"]["namespace"],
            "labels": _labels(service),
            "ownerReferences": [meta.owner_reference(kinds.SERVICE, service)],
        },
        "addressType": group.family,
        "ports": group.ports,
        "endpoints": endpoints,
    }


def _stamped(obj: Obj, changed: str) -> Obj:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "annotations"}
    annotations = trigger_time.annotated(obj["metadata"].get("annotations"), changed)
    return {**obj, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def _labels(service: Obj) -> dict[str, str]:
    own = {k: v for k, v in (service["metadata"].get("labels") or {}).items() if k not in (HEADLESS, MANAGED_BY)}
    headless = {HEADLESS: ""} if backends.is_headless(service) else {}
    return {**own, **headless, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: CONTROLLER}


def _uid(endpoint: Obj) -> str:
    return str((endpoint.get("targetRef") or {}).get("uid", ""))
