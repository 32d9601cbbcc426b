"""Which requests a rule of a webhook or policy is about. Pure.

Source: the API reference, "RuleWithOperations" and "NamedRuleWithOperations" (admissionregistration.k8s.io/v1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hyperpy.api.kinds import Kind

Obj = Mapping[str, Any]

GROUP = "admissionregistration.k8s.io"
#: Kinds that configure admission are let through by it, or nobody could repair a cluster that it has closed.
_EXEMPT = frozenset(
    (
        "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies",
        "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
    )
)  # fmt: skip


def is_exempt(kind: Kind) -> bool:
    """Whether no webhook and no policy is asked about objects of this kind."""
    return kind.group == GROUP and kind.plural in _EXEMPT


@dataclass(frozen=True, slots=True)
class Rule:
    """`*` stands for everything; resources may be `pods`, `pods/log`, `pods/*`, `*/scale`, `*` or `*/*`."""

    operations: Collection[str]
    groups: Collection[str]
    versions: Collection[str]
    resources: Collection[str]
    scope: str = "*"
    names: Collection[str] = ()

    @classmethod
    def read(cls, obj: Obj) -> Rule:
        """The rule as an object of the API has it."""
        return cls(
            operations=frozenset(obj.get("operations") or ()),
            groups=frozenset(obj.get("apiGroups") or ()),
            versions=frozenset(obj.get("apiVersions") or ()),
            resources=frozenset(obj.get("resources") or ()),
            scope=obj.get("scope") or "*",
            names=frozenset(obj.get("resourceNames") or ()),
        )

    def matches(self, kind: Kind, subresource: str, operation: str, *, name: str = "") -> bool:
        """Whether the rule is about an operation on (a subresource of) an object of a kind."""
        return (
            _has(self.operations, operation)
            and _has(self.groups, kind.group)
            and _has(self.versions, kind.version)
            and self._scope(kind)
            and self._resource(kind.plural, subresource)
            and (not self.names or name in self.names)
        )

    def _scope(self, kind: Kind) -> bool:
        """A Namespace is in no namespace, its subresources neither."""
        return self.scope == "*" or (self.scope == "Namespaced") == kind.namespaced

    def _resource(self, resource: str, subresource: str) -> bool:
        """`pods/*` is about pods too, `*` about no subresource."""
        wanted = (f"{resource}/{subresource}", f"*/{subresource}") if subresource else (resource, "*")
        return any(pattern in self.resources for pattern in (*wanted, f"{resource}/*", "*/*"))


def _has(given: Collection[str], wanted: str) -> bool:
    return "*" in given or wanted in given
