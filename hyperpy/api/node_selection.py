"""Which nodes a Pod or a volume insists on or prefers: nodeSelector and node affinity. Pure.

Source: Concepts, "Assigning Pods to Nodes"; the API reference of NodeAffinity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import labels
from hyperpy.api.labels import Requirement

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """One alternative: every expression on labels and every one on fields (the node's name) must hold."""

    on_labels: tuple[Requirement, ...]
    on_fields: tuple[Requirement, ...]

    def matches(self, node: Obj) -> bool:
        """Whether the node is of this kind. A term without expressions matches no node."""
        if not self.on_labels and not self.on_fields:
            return False
        about = node["metadata"]
        own = about.get("labels") or {}
        fields = {"metadata.name": about["name"]}
        return all(each.matches(own) for each in self.on_labels) and all(
            each.matches(fields) for each in self.on_fields
        )


@dataclass(frozen=True, slots=True)
class NodeSelection:
    """The nodes a Pod insists on: the labels of `selector`, and one of the terms (None: no terms were given)."""

    selector: Mapping[str, str]
    terms: tuple[NodeTerm, ...] | None

    def matches(self, node: Obj) -> bool:
        """Whether the Pod may run there."""
        if self.selector:
            own = node["metadata"].get("labels") or {}
            for name, value in self.selector.items():
                if own.get(name) != value:
                    return False
        return self.terms is None or any(term.matches(node) for term in self.terms)

    def node_names(self) -> frozenset[str] | None:
        """The only nodes that can match, when every term names its own; else None."""
        if not self.terms:
            return None
        names: set[str] = set()
        for term in self.terms:
            named = [set(each.values) for each in term.on_fields if each.operator == labels.IN]
            if not named:
                return None
            names |= set.intersection(*named)
        return frozenset(names)


def required(spec: Obj) -> NodeSelection | None:
    """What a Pod's spec insists on, or None when every node will do."""
    selector = spec.get("nodeSelector") or {}
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    demanded = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not selector and demanded is None:
        return None
    terms = None if demanded is None else tuple(map(_term, demanded.get("nodeSelectorTerms") or ()))
    return NodeSelection(selector, terms)


def of_selector(selector: Obj) -> NodeSelection:
    """The nodes that a NodeSelector names, such as the one of a volume."""
    return NodeSelection({}, tuple(map(_term, selector.get("nodeSelectorTerms") or ())))


def preferred(spec: Obj) -> list[tuple[NodeTerm, int]]:
    """The terms a Pod would like its node to match, with their weights."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    wishes: Sequence[Obj] = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return [(_term(wish["preference"]), int(wish["weight"])) for wish in wishes if wish.get("weight")]


def _term(term: Obj) -> NodeTerm:
    return NodeTerm(
        tuple(labels.from_expression(each) for each in term.get("matchExpressions") or ()),
        tuple(labels.from_expression(each) for each in term.get("matchFields") or ()),
    )
