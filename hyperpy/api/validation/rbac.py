"""Rules of RBAC's four kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hyperpy.api import names
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause
from hyperpy.api.validation import formats, rules

Obj = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"


def role(obj: Obj) -> Iterator[Cause]:
    """A Role, new or changed."""
    for i, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(rule, f"rules[{i}]", namespaced=True)


def cluster_role(obj: Obj) -> Iterator[Cause]:
    """A ClusterRole, new or changed; it may aggregate others."""
    for i, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(rule, f"rules[{i}]", namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        selectors = aggregation.get("clusterRoleSelectors") or ()
        if not selectors:
            text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            yield cause.required("aggregationRule.clusterRoleSelectors", text)
        for i, selector in enumerate(selectors):
            yield from rules.label_selector(f"aggregationRule.clusterRoleSelectors[{i}]", selector)


def role_binding(obj: Obj) -> Iterator[Cause]:
    """A RoleBinding, new or changed."""
    yield from _binding(obj, ("ClusterRole", "Role"), namespaced=True)


def cluster_role_binding(obj: Obj) -> Iterator[Cause]:
    """A ClusterRoleBinding, new or changed."""
    yield from _binding(obj, ("ClusterRole",), namespaced=False)


def binding_update(new: Obj, old: Obj) -> Iterator[Cause]:
    """A changed binding binds the same role."""
    if new.get("roleRef") != old.get("roleRef"):
        yield cause.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")


def _rule(rule: Obj, path: str, *, namespaced: bool) -> Iterator[Cause]:
    if not rule.get("verbs"):
        yield cause.required(f"{path}.verbs", "verbs must contain at least one value")
    urls, resources = rule.get("nonResourceURLs"), rule.get("resources") or ()
    if urls:
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            yield cause.invalid(f"{path}.nonResourceURLs", urls, text)
        if rule.get("apiGroups") or resources or rule.get("resourceNames"):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            yield cause.invalid(f"{path}.nonResourceURLs", urls, text)
        return
    if not rule.get("apiGroups"):
        yield cause.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not resources:
        yield cause.required(f"{path}.resources", "resource rules must supply at least one resource")


def _binding(obj: Obj, kinds: tuple[str, ...], *, namespaced: bool) -> Iterator[Cause]:
    reference = obj.get("roleRef") or {}
    if reference.get("apiGroup") != GROUP:
        yield cause.not_supported("roleRef.apiGroup", reference.get("apiGroup") or "", (GROUP,))
    if reference.get("kind") not in kinds:
        yield cause.not_supported("roleRef.kind", reference.get("kind") or "", kinds)
    yield from rules.required("roleRef.name", reference.get("name"), formats.path_segment)
    for i, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject(subject, f"subjects[{i}]", namespaced=namespaced)


def _subject(subject: Obj, path: str, *, namespaced: bool) -> Iterator[Cause]:
    name, group = subject.get("name") or "", subject.get("apiGroup") or ""
    if not name:
        yield cause.required(f"{path}.name")
    kind = subject.get("kind") or ""
    if kind == "ServiceAccount":
        yield from rules.optional(f"{path}.name", name, names.subdomain_errors)
        if group:
            yield cause.not_supported(f"{path}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            yield cause.required(f"{path}.namespace")
    elif kind in ("User", "Group"):
        if not name:
            yield cause.invalid(f"{path}.name", name, f"{kind.lower()} name cannot be empty")
        if group != GROUP:
            yield cause.not_supported(f"{path}.apiGroup", group, (GROUP,))
    else:
        yield cause.not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))
