"""Rows of Roles and of what binds them, in a namespace and in the cluster."""

from __future__ import annotations

from typing import Any

from hyperpy.api.printers.columns import AGE, NAME, Column, Obj, Printer, wide
from hyperpy.api.printers.durations import age

_GROUP = "rbac.authorization.k8s.io"
_ROLE = (NAME, Column("Created At", "When it was made."))
_BINDING = (
    NAME,
    Column("Role", "The role that is given."),
    AGE,
    wide("Users", "The users who have it."),
    wide("Groups", "The groups that have it."),
    wide("ServiceAccounts", "The service accounts that have it."),
)


def _role(obj: Obj, now: float) -> list[Any]:
    return [obj["metadata"].get("name", ""), obj["metadata"].get("creationTimestamp", "")]


def _binding(obj: Obj, now: float) -> list[Any]:
    role, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()
    accounts = [f"{s.get('namespace', '')}/{s.get('name')}" for s in subjects if s.get("kind") == "ServiceAccount"]
    return [
        obj["metadata"].get("name", ""),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj["metadata"].get("creationTimestamp"), now=now),
        ", ".join(subject["name"] for subject in subjects if subject.get("kind") == "User"),
        ", ".join(subject["name"] for subject in subjects if subject.get("kind") == "Group"),
        ", ".join(accounts),
    ]


PRINTERS = {
    (_GROUP, "roles"): Printer(_ROLE, _role),
    (_GROUP, "clusterroles"): Printer(_ROLE, _role),
    (_GROUP, "rolebindings"): Printer(_BINDING, _binding),
    (_GROUP, "clusterrolebindings"): Printer(_BINDING, _binding),
}
