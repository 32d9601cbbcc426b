"""The approval that a definition in a group of the Kubernetes community needs.

Source: KEP-1111 and `GetAPIApprovalState` of Kubernetes v1.34: states and message texts.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

Obj = dict[str, Any]

APPROVED = "api-approved.kubernetes.io"
_WHY_APPROVED = "see https://github.com/kubernetes/enhancements/pull/1111"


def approval_state(crd: Obj) -> tuple[str | None, str]:
    """How a definition stands with its approval, and in words: approved, bypassed, missing, invalid; None: no need."""
    group = crd["spec"].get("group") or ""
    if not any(group == domain or group.endswith(f".{domain}") for domain in ("k8s.io", "kubernetes.io")):
        return None, ""
    given = (crd["metadata"].get("annotations") or {}).get(APPROVED) or ""
    if not given:
        return "missing", f'protected groups must have approval annotation "{APPROVED}", {_WHY_APPROVED}'
    if given.startswith("unapproved"):
        return "bypassed", f'not approved: "{given}"'
    parts = urlsplit(given)
    if parts.scheme and parts.netloc:
        return "approved", f"approved in {given}"
    text = (
        f'protected groups must have approval annotation "{APPROVED}" with either a URL or a reason starting with '
        f'"unapproved", {_WHY_APPROVED}'
    )
    return "invalid", text
