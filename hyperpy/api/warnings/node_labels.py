"""Labels of nodes that have newer names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Obj = dict[str, Any]

#: label -> (since which version it is deprecated, the label that took its place)
_RENAMED = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}


def deprecation(label: str) -> str | None:
    """What to use instead of a label, or None when it is a good one."""
    renamed = _RENAMED.get(label)
    return None if renamed is None else f'deprecated since {renamed[0]}; use "{renamed[1]}" instead'


def of_selector(selector: Mapping[str, str] | None, path: str) -> Iterator[str]:
    """A node selector of plain labels."""
    for label in selector or ():
        text = deprecation(label)
        if text is not None:
            yield f"{path}[{label}]: {text}"


def of_term(term: Obj, path: str) -> Iterator[str]:
    """A term of a node selector."""
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        text = deprecation(expression.get("key") or "")
        if text is not None:
            yield f"{path}.matchExpressions[{i}].key: {expression['key']} is {text}"
