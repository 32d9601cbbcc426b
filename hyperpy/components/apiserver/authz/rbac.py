"""RBAC rules, pure: which rule allows which request, which subject is whom.

Source: API reference, rbac.authorization.k8s.io/v1 (PolicyRule, Subject).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperpy.api.wire import UserInfo

Rule = Mapping[str, Any]

SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question: may somebody do `verb` to a resource, or (with `path`) to a URL that is not one."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def combined(self) -> str:
        """`pods` or `pods/log`, as rules name it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule allows of a question: every object (`names` None) or only those named."""

    names: frozenset[str] | None


def scope(rule: Rule, asked: Attributes) -> Scope | None:
    """What a rule allows of a question whatever object it names, or None for nothing."""
    if not _has(rule.get("verbs"), asked.verb):
        return None
    if asked.path:
        return Scope(None) if any(_url(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ()) else None
    if not _has(rule.get("apiGroups"), asked.group) or not _resource(rule.get("resources") or (), asked):
        return None
    names = rule.get("resourceNames")
    return Scope(frozenset(names) if names else None)


def subject_keys(binding: Mapping[str, Any]) -> Iterable[str]:
    """Index values of a binding: one for each subject, in the form of `user_keys`."""
    namespace = binding["metadata"].get("namespace", "")
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name", "")
        if kind == "User":
            yield f"u:{name}"
        elif kind == "Group":
            yield f"g:{name}"
        elif kind == "ServiceAccount":
            yield f"u:{SERVICE_ACCOUNT_PREFIX}{subject.get('namespace') or namespace}:{name}"


def user_keys(user: UserInfo) -> list[str]:
    """The index values under which bindings name this user or a group of it."""
    return [f"u:{user.name}", *(f"g:{group}" for group in user.groups)]


def _has(values: Iterable[str] | None, wanted: str) -> bool:
    return bool(values) and (wanted in values or "*" in values)  # type: ignore[operator]


def _resource(patterns: Iterable[str], asked: Attributes) -> bool:
    combined = asked.combined
    any_parent = f"*/{asked.subresource}" if asked.subresource else None
    return any(pattern in ("*", combined) or pattern == any_parent for pattern in patterns)


def _url(pattern: str, path: str) -> bool:
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1]))
