"""In which order groups and versions are listed: the priorities of built-in ones. Data only.

Source: kube-apiserver's table of API version priorities (v1.34), and what it gives to custom resources.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Priority:
    """Greater ones come first: groups among each other, versions within their group."""

    group: int
    version: int


#: What groups of custom resources get.
CUSTOM = Priority(1000, 100)
#: The aggregator's own group stands above all others and has no APIService.
OWN_GROUP = "apiregistration.k8s.io"
_OWN = Priority(20_001, 15)

_GROUPS = {
    "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500,
    "node.k8s.io": 16300, "discovery.k8s.io": 16200, "resource.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100,
}  # fmt: skip
_VERSIONS = {("autoscaling", "v2"): 30, ("resource.k8s.io", "v1"): 20, ("flowcontrol.apiserver.k8s.io", "v1"): 21}


def built_in(group: str, version: str) -> Priority | None:
    """The priority of a built-in group and version; None for any other."""
    if not group:
        return Priority(18_000, 1)
    if group == OWN_GROUP:
        return _OWN
    number = _GROUPS.get(group)
    return Priority(number, _VERSIONS.get((group, version), 15)) if number else None
