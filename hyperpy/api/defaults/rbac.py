"""Defaults of RoleBindings and ClusterRoleBindings: the API group of what they name."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"


def binding(obj: Obj) -> None:
    """Roles, users and groups are of RBAC's group; service accounts of the core group."""
    reference = obj.setdefault("roleRef", {})
    if not reference.get("apiGroup"):
        reference["apiGroup"] = GROUP
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = GROUP
