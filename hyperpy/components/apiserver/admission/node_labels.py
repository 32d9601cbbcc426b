"""Which labels a kubelet may put on its own Node. Pure.

Source: the admission controllers reference, "NodeRestriction"; "Well-Known Labels, Annotations and Taints".
"""

from __future__ import annotations

from collections.abc import Mapping

_RESTRICTED = "node-restriction.kubernetes.io"
_KUBERNETES = ("kubernetes.io", "k8s.io")
_ALLOWED = frozenset((
    "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type", "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone", "kubernetes.io/arch",
    "kubernetes.io/hostname", "kubernetes.io/os", "node.kubernetes.io/instance-type", "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
))  # fmt: skip
_ALLOWED_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def forbidden(new: Mapping[str, str] | None, old: Mapping[str, str] | None) -> list[str]:
    """The keys that were added, changed or taken away and are not the kubelet's, in order."""
    now, before = new or {}, old or {}
    changed = {key for key in now.keys() | before.keys() if now.get(key) != before.get(key)}
    return sorted(key for key in changed if _is_forbidden(key))


def _is_forbidden(key: str) -> bool:
    prefix = key.partition("/")[0] if "/" in key else ""
    if _within(prefix, _RESTRICTED):
        return True
    if not any(_within(prefix, each) for each in _KUBERNETES):
        return False
    return key not in _ALLOWED and not any(_within(prefix, each) for each in _ALLOWED_PREFIXES)


def _within(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")
