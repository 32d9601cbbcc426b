"""LimitRange: what it fills in, and which Pods and claims are outside of it. Pure.

Source: Concepts, "Limit Ranges"; message texts of Kubernetes v1.34.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hyperpy.api import pod_resources, quantity

Obj = dict[str, Any]

ANNOTATION = "kubernetes.io/limit-ranger"
CONTAINER, POD, CLAIM = "Container", "Pod", "PersistentVolumeClaim"


def fill_in(pod: Obj, limit_range: Obj) -> None:
    """Give the containers of a Pod the requests and limits they lack, in place, and say so in an annotation.

    The Pod has not been validated yet.
    """
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    for item in _items(limit_range, CONTAINER):
        limits |= item.get("default") or {}
        requests |= item.get("defaultRequest") or {}
    notes: list[str] = []
    for field, title in (("containers", "container"), ("initContainers", "init container")):
        for container in (pod.get("spec") or {}).get(field) or ():
            for side, defaults in (("requests", requests), ("limits", limits)):
                names = _complete(container, side, defaults)
                if names:
                    notes.append(f"{', '.join(names)} {side[:-1]} for {title} {container.get('name', '')}")
    if notes:
        annotations = pod["metadata"].get("annotations") or {}
        text = f"LimitRanger plugin set: {'; '.join(notes)}"
        pod["metadata"]["annotations"] = {**annotations, ANNOTATION: text}


def _complete(container: Obj, side: str, defaults: Mapping[str, str]) -> list[str]:
    given = (container.get("resources") or {}).get(side) or {}
    missing = sorted(name for name in defaults if name not in given)
    if missing:
        resources = container.get("resources") or {}
        container["resources"] = {**resources, side: {**given, **{name: defaults[name] for name in missing}}}
    return missing


def pod_problems(pod: Obj, limit_range: Obj) -> list[str]:
    """How a Pod and its containers are outside of a LimitRange."""
    problems: list[str] = []
    for item in _items(limit_range, CONTAINER):
        for field in ("containers", "initContainers"):
            for container in pod["spec"].get(field) or ():
                own = container.get("resources") or {}
                problems += _outside(item, own.get("requests") or {}, own.get("limits") or {})
    for item in _items(limit_range, POD):
        problems += _outside(item, pod_resources.requests(pod), pod_resources.limits(pod))
    return problems


def claim_problems(claim: Obj, limit_range: Obj) -> list[str]:
    """How a PersistentVolumeClaim is outside of a LimitRange: only what it asks for counts."""
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    problems: list[str] = []
    for item in _items(limit_range, CLAIM):
        for name, bound in _sorted(item.get("min")):
            problems += _below(f"minimum {name} usage per {CLAIM} is {bound}", bound, requests.get(name), None)
        for name, bound in _sorted(item.get("max")):
            problems += _asked_above(f"maximum {name} usage per {CLAIM} is {bound}", bound, requests.get(name))
    return problems


def _items(limit_range: Obj, kind: str) -> Iterator[Obj]:
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == kind:
            yield item


def _sorted(amounts: Mapping[str, str] | None) -> Iterable[tuple[str, str]]:
    return sorted((name, quantity.canonical(amount)) for name, amount in (amounts or {}).items())


def _outside(item: Obj, requests: Mapping[str, str], limits: Mapping[str, str]) -> Iterator[str]:
    kind = item["type"]
    for name, bound in _sorted(item.get("min")):
        yield from _below(f"minimum {name} usage per {kind} is {bound}", bound, requests.get(name), limits.get(name))
    for name, bound in _sorted(item.get("max")):
        yield from _above(f"maximum {name} usage per {kind} is {bound}", bound, requests.get(name), limits.get(name))
    for name, bound in _sorted(item.get("maxLimitRequestRatio")):
        rule = f"{name} max limit to request ratio per {kind} is {bound}"
        yield from _spread(rule, bound, requests.get(name), limits.get(name))


def _below(rule: str, bound: str, request: str | None, limit: str | None) -> Iterator[str]:
    if request is None:
        yield f"{rule}.  No request is specified"
    elif quantity.compare(request, bound) < 0:
        yield f"{rule}, but request is {quantity.canonical(request)}"
    elif limit is not None and quantity.compare(limit, bound) < 0:
        yield f"{rule}, but limit is {quantity.canonical(limit)}"


def _above(rule: str, bound: str, request: str | None, limit: str | None) -> Iterator[str]:
    if limit is None:
        yield f"{rule}.  No limit is specified"
    elif quantity.compare(limit, bound) > 0:
        yield f"{rule}, but limit is {quantity.canonical(limit)}"
    elif request is not None and quantity.compare(request, bound) > 0:
        yield f"{rule}, but request is {quantity.canonical(request)}"


def _asked_above(rule: str, bound: str, request: str | None) -> Iterator[str]:
    if request is None:
        yield f"{rule}.  No request is specified"
    elif quantity.compare(request, bound) > 0:
        yield f"{rule}, but request is {quantity.canonical(request)}"


def _spread(rule: str, bound: str, request: str | None, limit: str | None) -> Iterator[str]:
    if request is None or not quantity.parse(request):
        yield f"{rule}, but no request is specified or request is 0"
    elif limit is None or not quantity.parse(limit):
        yield f"{rule}, but no limit is specified or limit is 0"
    elif quantity.parse(limit) / quantity.parse(request) > quantity.parse(bound):
        yield f"{rule}, but provided ratio is {quantity.parse(limit) / quantity.parse(request):.6f}"
