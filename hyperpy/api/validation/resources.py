"""Rules of resource names and amounts: what containers may ask for, requests within limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from hyperpy.api import names, quantity
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

_HUGE_PAGES = "hugepages-"
_OF_CONTAINERS = ("cpu", "memory", "ephemeral-storage")
_STANDARD = frozenset((
    *_OF_CONTAINERS, "storage", "pods", "services", "replicationcontrollers", "resourcequotas", "secrets",
    "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    *(f"{side}.{name}" for side in ("requests", "limits") for name in _OF_CONTAINERS), "requests.storage",
))  # fmt: skip
_COUNTED = frozenset((
    "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
))  # fmt: skip
_RESIZABLE = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")


def requirements(given: Obj, path: str, *, claims: Collection[str] = ()) -> Iterator[Cause]:
    """Limits and requests of a container."""
    limits, requests = given.get("limits") or {}, given.get("requests") or {}
    for name, amount in limits.items():
        yield from _amount(name, amount, f"{path}.limits[{name}]")
    for name, amount in requests.items():
        yield from _amount(name, amount, f"{path}.requests[{name}]")
        yield from _within(name, amount, limits, path)
    asked = {*limits, *requests}
    if any(name.startswith(_HUGE_PAGES) for name in asked) and not asked & {"cpu", "memory"}:
        yield cause.forbidden(path, "HugePages require cpu or memory")
    yield from _claims(given.get("claims") or (), f"{path}.claims", claims)


def amounts(given: Mapping[str, str] | None, path: str) -> Iterator[Cause]:
    """Amounts that are only amounts: a node's capacity; none is negative, counts are whole."""
    for name, amount in (given or {}).items():
        yield from value(name, amount, f"{path}.{name}")


def value(name: str, amount: str, path: str) -> Iterator[Cause]:
    """One amount of a resource."""
    if quantity.parse(amount) < 0:
        yield cause.invalid(path, amount, rules.NEGATIVE)
    if (name in _COUNTED or is_extended(name)) and quantity.to_millis(amount) % 1000:
        yield cause.invalid(path, amount, "must be an integer")


def is_native(name: str) -> bool:
    """A resource of Kubernetes itself."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """A resource that somebody else defines, such as `example.com/gpu`."""
    return not is_native(name) and not name.startswith("requests.") and not names.qualified_errors(f"requests.{name}")


def container_name(name: str, path: str) -> Iterator[Cause]:
    """The name of a resource that containers may ask for."""
    yield from _name(name, path)


def any_name(name: str, path: str) -> Iterator[Cause]:
    """The name of a resource of any sort."""
    problems = names.qualified_errors(name)
    for problem in problems:
        yield cause.invalid(path, name, problem)
    if not problems and "/" not in name and name not in _STANDARD and not _is_huge_pages(name):
        yield cause.invalid(path, name, "must be a standard resource type or fully qualified")


def quota_name(name: str, path: str) -> Iterator[Cause]:
    """The name of a resource that a ResourceQuota bounds."""
    problems = list(any_name(name, path))
    yield from problems
    if not problems and "/" not in name and not is_standard_in_quotas(name):
        yield cause.invalid(path, name, "must be a standard resource for quota")


def is_standard_in_quotas(name: str) -> bool:
    """Whether quotas know the resource by itself."""
    return (name in _STANDARD and name != "storage") or _is_huge_pages(name)


def overcommits(name: str) -> bool:
    """Whether containers may be limited to more of it than they request."""
    return is_native(name) and not name.startswith(_HUGE_PAGES)


def _is_huge_pages(name: str) -> bool:
    return name.removeprefix("requests.").startswith(_HUGE_PAGES)


def resize_policies(given: Sequence[Obj], path: str, *, restart_policy: str) -> Iterator[Cause]:
    """What a change of resources in place does to the container."""
    seen = set()
    for i, policy in enumerate(given):
        resource, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if resource in seen:
            yield cause.duplicate(f"{path}[{i}]", resource)
        seen.add(resource)
        yield from rules.one_of(path, resource, _RESIZABLE)
        yield from rules.one_of(path, restart, _RESIZE_POLICIES)
        if restart_policy == "Never" and restart != "NotRequired":
            yield cause.invalid(path, restart, "must be 'NotRequired' when `restartPolicy` is 'Never'")


def _amount(name: str, amount: str, path: str) -> Iterator[Cause]:
    yield from _name(name, path)
    yield from value(name, amount, path)
    if name.startswith(_HUGE_PAGES) and not _is_multiple(name, amount):
        yield cause.invalid(path, amount, f"{amount} is not positive integer multiple of {name}")


def _name(name: str, path: str) -> Iterator[Cause]:
    problems = names.qualified_errors(name)
    for problem in problems:
        yield cause.invalid(path, name, problem)
    huge = name.startswith(_HUGE_PAGES)
    if "/" not in name:
        if not problems and name not in _STANDARD and not huge:
            yield cause.invalid(path, name, "must be a standard resource type or fully qualified")
        if name not in _OF_CONTAINERS and not huge:
            yield cause.invalid(path, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        yield cause.invalid(path, name, "doesn't follow extended resource name standard")


def _within(name: str, amount: str, limits: Mapping[str, str], path: str) -> Iterator[Cause]:
    """A request is at most the limit; what cannot be overcommitted has both, and equal."""
    overcommit = overcommits(name)
    limit = limits.get(name)
    if limit is None:
        if not overcommit:
            yield cause.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    order = quantity.compare(amount, limit)
    if order and not overcommit:
        yield cause.invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limit}")
    elif order > 0:
        yield cause.invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")


def _is_multiple(name: str, amount: str) -> bool:
    """Whether huge pages of the size in the name make up the amount."""
    try:
        page = quantity.to_int(name.removeprefix(_HUGE_PAGES))
    except ValueError:
        return False
    return page > 0 and quantity.to_int(amount) % page == 0


def _claims(given: Sequence[Obj], path: str, known: Collection[str]) -> Iterator[Cause]:
    """Claims of the pod that a container uses, whole or a request of one; nothing twice."""
    used: set[str] = set()
    for i, claim in enumerate(given):
        name, request = claim.get("name") or "", claim.get("request") or ""
        if not name:
            yield cause.required(f"{path}[{i}]")
            continue
        key = f"{name}/{request}" if request else name
        if name in used:
            yield cause.duplicate(f"{path}[{i}]", name)
        else:
            if request:
                yield from rules.formed(f"{path}[{i}].request", request, formats.dns_label)
            if key in used:
                yield cause.duplicate(f"{path}[{i}]", key)
            elif not request:
                for _ in (each for each in used if each.startswith(f"{name}/")):
                    yield cause.duplicate(f"{path}[{i}]", name)
            used.add(key)
        yield from _claim(name, f"{path}[{i}]", known)


def _claim(name: str, path: str, claims: Collection[str]) -> Iterator[Cause]:
    if name not in claims:
        listed = f": {', '.join(sorted(claims))}" if claims else " which is empty"
        text = f"Not found: {cause.shown(name)}: must be one of the names in pod.spec.resourceClaims{listed}"
        yield Cause(path, cause.NOT_FOUND, text)
