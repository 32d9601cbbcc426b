"""Pods in quotas: what they ask for, and the scopes they are in.

Source: Concepts, "Resource Quotas", "Quota scopes".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from hyperpy.api import meta, pod_resources
from hyperpy.api import pods as pod_states
from hyperpy.api.quota import selectors
from hyperpy.api.quota.lists import ResourceList
from hyperpy.api.validation import resources

Obj = dict[str, Any]

COUNT = "count/pods"
_NAMES = frozenset((
    COUNT, "pods", "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory",
    "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
))  # fmt: skip
#: A quota on one of these makes it obligatory for every container.
_OBLIGATORY = frozenset(("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"))
_HUGE_PAGES = "hugepages-"
_REQUESTS = "requests."


def measures(name: str) -> bool:
    """Whether a resource name is about Pods: compute resources, huge pages, extended resources, counts."""
    if name in _NAMES or name.startswith((_HUGE_PAGES, _REQUESTS + _HUGE_PAGES)):
        return True
    return name.startswith(_REQUESTS) and not resources.is_native(name)


def usage(pod: Obj, now: float) -> ResourceList:
    """What a Pod uses. One that is over, or should be gone by now, is only counted."""
    used = {COUNT: "1"}
    if pod_states.is_terminal(pod) or _is_overdue(pod, now):
        return used
    return used | _computed(pod_resources.requests(pod), pod_resources.limits(pod))


def _is_overdue(pod: Obj, now: float) -> bool:
    own = pod["metadata"]
    grace_s = own.get("deletionGracePeriodSeconds")
    if not own.get("deletionTimestamp") or grace_s is None:
        return False
    return meta.parse_time(own["deletionTimestamp"]) + grace_s < now


def _computed(requests: Mapping[str, str], limits: Mapping[str, str]) -> ResourceList:
    used = {"pods": "1"}
    for name in ("cpu", "memory", "ephemeral-storage"):
        if name in requests:
            used[name] = used[_REQUESTS + name] = requests[name]
        if name in limits:
            used[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith(_HUGE_PAGES):
            used[name] = used[_REQUESTS + name] = amount
        elif resources.is_extended(name):
            used[_REQUESTS + name] = amount
    return used


def missing(required: Collection[str], pod: Obj) -> str:
    """`must specify limits.cpu for: a,b; requests.memory for: a`, or ""; the Pod may specify it for all of them."""
    obligatory = _OBLIGATORY.intersection(required) - _specified(pod["spec"])
    lacking: dict[str, set[str]] = {}
    for container in _containers(pod):
        for name in obligatory - _specified(container):
            lacking.setdefault(name, set()).add(container["name"])
    if not lacking:
        return ""
    return "must specify " + "; ".join(f"{name} for: {','.join(sorted(lacking[name]))}" for name in sorted(lacking))


def _specified(holder: Obj) -> set[str]:
    own = holder.get("resources") or {}
    return set(_computed(own.get("requests") or {}, own.get("limits") or {}))


def _containers(pod: Obj) -> Iterator[Obj]:
    yield from pod["spec"].get("containers") or ()
    yield from pod["spec"].get("initContainers") or ()


def in_scope(selector: Obj, pod: Obj) -> bool:
    """Whether a Pod is in the scope that a selector of a quota names."""
    spec, scope = pod["spec"], selector.get("scopeName")
    if scope in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) is (scope == "Terminating")
    if scope in ("BestEffort", "NotBestEffort"):
        best_effort = (pod.get("status") or {}).get("qosClass") == "BestEffort"
        return best_effort is (scope == "BestEffort")
    if scope == "PriorityClass":
        name = spec.get("priorityClassName")
        return selectors.selects(selector, {name} if name else ())
    return scope == "CrossNamespacePodAffinity" and _looks_into_other_namespaces(spec)


def _looks_into_other_namespaces(spec: Obj) -> bool:
    affinity = spec.get("affinity") or {}
    for side in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(side) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [each.get("podAffinityTerm") or {} for each in weighted]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False
