"""Whether a webhook or policy is concerned with a request: rules, equivalent resources, selectors.

Source: Dynamic Admission Control, "Matching requests".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import labels
from hyperpy.api.kinds import BUILT_IN, NAMESPACE, Kind, Registry
from hyperpy.api.labels import Selector
from hyperpy.components.apiserver.admission.chain import Attributes
from hyperpy.components.apiserver.admission.dynamic.rules import Rule
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects

EQUIVALENT = "Equivalent"


@dataclass(frozen=True, slots=True)
class Match:
    """What is matched: `matchConstraints` of a policy, `matchResources` of a binding, or the like of a webhook.

    `rules` may be empty for a binding, which then takes over what its policy matches.
    """

    rules: Sequence[Rule]
    excluded: Sequence[Rule]
    equivalent: bool
    namespaces: Selector
    objects: Selector

    @classmethod
    def read(cls, obj: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> Match:
        """Of an object of the API that has been validated."""
        return cls(
            rules=tuple(map(Rule.read, rules)),
            excluded=tuple(map(Rule.read, obj.get("excludeResourceRules") or ())),
            equivalent=(obj.get("matchPolicy") or EQUIVALENT) == EQUIVALENT,
            namespaces=labels.from_selector(obj.get("namespaceSelector") or {}),
            objects=labels.from_selector(obj.get("objectSelector") or {}),
        )


class Matcher:
    """Matches requests; reads a namespace only when its labels matter."""

    def __init__(self, objects: Objects, registry: Registry) -> None:
        self._objects = objects
        self._kinds = registry

    async def matched(self, match: Match, attributes: Attributes) -> Kind | None:
        """The kind in whose version the request is shown, None when it is not concerned.

        Raises:
            NotFound: the request's namespace, whose labels are asked for, is not there.
        """
        if not match.objects.empty and not _selects(match.objects, attributes):
            return None
        if self._kind(match.excluded, attributes, equivalent=match.equivalent) is not None:
            return None
        kind = attributes.kind
        if match.rules:
            found = self._kind(match.rules, attributes, equivalent=match.equivalent)
            if found is None:
                return None
            kind = found
        if not match.namespaces.empty and not await self._in_namespace(match.namespaces, attributes):
            return None
        return kind

    async def namespace(self, name: str) -> Obj:
        """A namespace; raises NotFound."""
        return form.decoded(await self._objects.get(NAMESPACE, None, name))

    def _kind(self, rules: Sequence[Rule], attributes: Attributes, *, equivalent: bool) -> Kind | None:
        """The first kind that a rule names: the request's own, or else one in which the same object can be had."""
        own = attributes.kind
        if _named(rules, own, attributes):
            return own
        if not rules or not equivalent:
            return None
        others = self._others(own)
        for rule in rules:
            for other in others:
                if _named((rule,), other, attributes):
                    return other
        return None

    def _others(self, kind: Kind) -> list[Kind]:
        """The kinds in which objects of this one can be had as well; hardly any has some."""
        if not _has_others(kind):
            return []
        prefix = form.prefix(kind)
        return [
            other for other in self._kinds if other != kind and "get" in other.verbs and form.prefix(other) == prefix
        ]

    async def _in_namespace(self, selector: Selector, attributes: Attributes) -> bool:
        kind = attributes.kind
        if kind.plural == NAMESPACE.plural and not kind.group:
            own = attributes.obj or attributes.old
            if own is None or attributes.subresource:
                own = await self.namespace(attributes.name)
            return selector.matches(own["metadata"].get("labels"))
        if not attributes.namespace:
            return True
        return selector.matches((await self.namespace(attributes.namespace))["metadata"].get("labels"))


_IN_OTHER_FORMS = frozenset((kind.stored.group, kind.stored.plural) for kind in BUILT_IN if kind.stored is not None)


def _has_others(kind: Kind) -> bool:
    return kind.converts or (kind.group, kind.plural) in _IN_OTHER_FORMS


def _named(rules: Sequence[Rule], kind: Kind, attributes: Attributes) -> bool:
    subresource, operation, name = attributes.subresource, attributes.operation, attributes.name
    return any(rule.matches(kind, subresource, operation, name=name) for rule in rules)


def _selects(selector: Selector, attributes: Attributes) -> bool:
    """Either the new or the old object is enough."""
    return any(
        obj is not None and selector.matches((obj.get("metadata") or {}).get("labels"))
        for obj in (attributes.obj, attributes.old)
    )
