"""The form of default roles and bindings, and how one that was changed is mended: what is missing is added.

Source: "Using RBAC Authorization", "Default roles and role bindings" and "Auto-reconciliation".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"
AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
META: Obj = {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}, "annotations": {AUTO_UPDATE: "true"}}

SYSTEM = "kube-system"
READ = ("get", "list", "watch")
CHANGE = ("create", "delete", "deletecollection", "patch", "update")
ALL_VERBS = (*READ, *CHANGE)


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources of a group, or on URLs that are no resources."""

    verbs: Sequence[str]
    resources: Sequence[str] = ()
    group: str = ""
    urls: Sequence[str] = ()
    names: Sequence[str] = ()

    def obj(self) -> Obj:
        """As a PolicyRule."""
        if self.urls:
            return {"nonResourceURLs": list(self.urls), "verbs": list(self.verbs)}
        rule: Obj = {"apiGroups": [self.group], "resources": list(self.resources), "verbs": list(self.verbs)}
        if self.names:
            rule["resourceNames"] = list(self.names)
        return rule


@dataclass(frozen=True, slots=True)
class Role:
    """A ClusterRole.

    Args:
        part_of: roles that it is aggregated into.
        gathers: whether it holds what is labelled as a part of it; its rules are written here all the same.
    """

    name: str
    rules: Sequence[Rule]
    part_of: Sequence[str] = ()
    gathers: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """Who has a role. `role` is "" when the binding is named like it; `accounts` are those of kube-system."""

    name: str
    groups: Sequence[str] = ()
    users: Sequence[str] = ()
    role: str = ""
    accounts: Sequence[str] = ()


def cluster_role(role: Role) -> Obj:
    """The ClusterRole object."""
    labels = {**META["labels"], **{f"{_AGGREGATE}{name}": "true" for name in role.part_of}}
    obj: Obj = {
        "metadata": {"name": role.name, **META, "labels": labels},
        "rules": [rule.obj() for rule in role.rules],
    }
    if role.gathers:
        selector = {"matchLabels": {f"{_AGGREGATE}{role.name}": "true"}}
        obj["aggregationRule"] = {"clusterRoleSelectors": [selector]}
    return obj


def role(each: Role) -> Obj:
    """The Role object, in kube-system."""
    metadata = {"name": each.name, "namespace": SYSTEM, **META}
    return {"metadata": metadata, "rules": [rule.obj() for rule in each.rules]}


def role_binding(each: Binding) -> Obj:
    """The RoleBinding object, of a Role in kube-system."""
    made = binding(each)
    made["metadata"] = {**made["metadata"], "namespace": SYSTEM}
    made["roleRef"] = {**made["roleRef"], "kind": "Role"}
    return made


def binding(each: Binding) -> Obj:
    """The ClusterRoleBinding object."""
    subjects = [{"kind": "Group", "apiGroup": GROUP, "name": name} for name in each.groups]
    subjects += [{"kind": "User", "apiGroup": GROUP, "name": name} for name in each.users]
    subjects += [{"kind": "ServiceAccount", "name": name, "namespace": SYSTEM} for name in each.accounts]
    return {
        "metadata": {"name": each.name, **META},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": each.role or each.name},
        "subjects": subjects,
    }


def mend_role(current: Obj, wanted: Obj) -> Obj:
    """A role with the default rules, labels and aggregation that it lacks."""
    mended = _with_missing(current, wanted, "rules")
    own = current["metadata"]
    if (own.get("annotations") or {}).get(AUTO_UPDATE) == "false":
        return mended
    labels = {**(own.get("labels") or {}), **wanted["metadata"]["labels"]}
    if labels != own.get("labels"):
        mended = {**mended, "metadata": {**own, "labels": labels}}
    if "aggregationRule" in wanted and not current.get("aggregationRule"):
        mended = {**mended, "aggregationRule": wanted["aggregationRule"]}
    return mended


def mend_binding(current: Obj, wanted: Obj) -> Obj:
    """A binding with the default subjects it lacks."""
    return _with_missing(current, wanted, "subjects")


def _with_missing(current: Obj, wanted: Obj, field: str) -> Obj:
    if (current["metadata"].get("annotations") or {}).get(AUTO_UPDATE) == "false":
        return current
    there = current.get(field) or []
    missing = [entry for entry in wanted[field] if entry not in there]
    return {**current, field: [*there, *missing]} if missing else current
