"""Terms of pod affinity: which Pods a Pod wants to be near or away from, and in what sense of near. Pure.

Source: Concepts, "Inter-pod affinity and anti-affinity"; the API reference of PodAffinityTerm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperpy.api import labels
from hyperpy.api.labels import Requirement, Selector
from hyperpy.client.protocol import Obj

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Term:
    """Pods of some namespaces that a selector matches, within one topology.

    Args:
        namespaces: those named; together with those whose labels `namespace_selector` matches (None: none more).
    """

    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector | None
    topology_key: str

    def matches(self, pod_labels: Mapping[str, str], namespace: str, namespace_labels: Mapping[str, str]) -> bool:
        """Whether a Pod with these labels in this namespace is meant."""
        if namespace not in self.namespaces and not (
            self.namespace_selector is not None and self.namespace_selector.matches(namespace_labels)
        ):
            return False
        return self.selector.matches(pod_labels)


def required(pod: Obj, side: str) -> tuple[Term, ...]:
    """The terms that must hold. `side` is podAffinity or podAntiAffinity."""
    group = (pod["spec"].get("affinity") or {}).get(side) or {}
    return tuple(_term(each, pod) for each in group.get(_REQUIRED) or ())


def preferred(pod: Obj) -> tuple[tuple[Term, int], ...]:
    """The terms that are wished for, with their weights: negative for anti-affinity."""
    affinity = pod["spec"].get("affinity") or {}
    found = []
    for side, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
        for wish in (affinity.get(side) or {}).get(_PREFERRED) or ():
            found.append((_term(wish["podAffinityTerm"], pod), sign * int(wish["weight"])))
    return tuple(found)


def with_label_keys(selector: Selector, pod: Obj, *, match: list[str], mismatch: list[str] | None = None) -> Selector:
    """The selector narrowed to Pods with the same values of some labels (or with other ones) as this Pod has."""
    own = pod["metadata"].get("labels") or {}
    more = [Requirement(key, labels.IN, (own[key],)) for key in match if key in own]
    more += [Requirement(key, labels.NOT_IN, (own[key],)) for key in mismatch or () if key in own]
    return Selector([*selector.requirements, *more], nothing=selector.nothing) if more else selector


def _term(term: Obj, pod: Obj) -> Term:
    """Without namespaces and without a namespace selector the Pod's own namespace is meant."""
    namespaces = frozenset(term.get("namespaces") or ())
    other = term.get("namespaceSelector")
    if not namespaces and other is None:
        namespaces = frozenset([pod["metadata"]["namespace"]])
    selector = with_label_keys(
        labels.from_selector(term.get("labelSelector")),
        pod,
        match=term.get("matchLabelKeys") or [],
        mismatch=term.get("mismatchLabelKeys") or [],
    )
    return Term(selector, namespaces, labels.from_selector(other) if other is not None else None, term["topologyKey"])
