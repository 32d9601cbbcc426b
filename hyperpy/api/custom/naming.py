"""The status of a CustomResourceDefinition: which of its names it may have, and whether its kind is served. Pure.

    made ──▶ NamesAccepted ──▶ Established ──delete──▶ Terminating ──objects gone──▶ gone
                 └ False: a name is another definition's of the same group; what was accepted before stays served

Source: the conditions, reasons and messages of apiextensions-apiserver's controllers (naming, establishing, approval).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hyperpy.api import meta
from hyperpy.api.custom.approval import approval_state

Obj = dict[str, Any]

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_RESOURCES = (("plural", "PluralConflict"), ("singular", "SingularConflict"))
_KINDS = (("kind", "KindConflict"), ("listKind", "ListKindConflict"))


def status(crd: Obj, others: Iterable[Obj], *, now: str) -> Obj:
    """The status that a definition should have.

    Args:
        others: the other definitions of its group.
        now: a `Time`, for conditions that change.
    """
    old = crd.get("status") or {}
    accepted, conflict = _accept(crd["spec"]["names"], old.get("acceptedNames") or {}, others)
    conditions = [dict(each) for each in old.get("conditions") or ()]
    if conflict:
        meta.set_condition(conditions, _condition("NamesAccepted", "False", *conflict), now=now)
    else:
        fine = _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")
        meta.set_condition(conditions, fine, now=now)
    established = meta.find_condition(conditions, "Established")
    if not conflict and (established is None or established["status"] != "True"):
        new = _condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
        meta.set_condition(conditions, new, now=now)
    elif established is None:
        new = _condition("Established", "False", "NotAccepted", "not all names are accepted")
        meta.set_condition(conditions, new, now=now)
    approval = _approval(crd)
    if approval is not None:
        meta.set_condition(conditions, approval, now=now)
    return {**old, "acceptedNames": accepted, "conditions": conditions}


def is_true(crd: Obj, condition: str) -> bool:
    """Whether a condition of a definition holds."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == condition and each.get("status") == "True" for each in conditions)


def terminating(crd: Obj, *, now: str, reason: str, message: str, done: bool = False) -> Obj:
    """The status with the condition Terminating."""
    old = crd.get("status") or {}
    conditions = [dict(each) for each in old.get("conditions") or ()]
    meta.set_condition(conditions, _condition("Terminating", "False" if done else "True", reason, message), now=now)
    return {**old, "conditions": conditions}


def _condition(kind: str, value: str, reason: str, message: str) -> Obj:
    return {"type": kind, "status": value, "reason": reason, "message": message}


def _accept(wanted: Obj, accepted: Obj, others: Iterable[Obj]) -> tuple[Obj, tuple[str, str] | None]:
    """The names that are accepted now, and the reason and message of the last conflict."""
    resources, kinds = _taken(others)
    result, conflict = dict(accepted), None
    for name, reason in _RESOURCES:
        if wanted.get(name) != accepted.get(name) and wanted.get(name) in resources:
            conflict = reason, f'"{wanted[name]}" is already in use'
        else:
            result[name] = wanted.get(name)
    shorts = [name for name in wanted.get("shortNames") or () if name not in (accepted.get("shortNames") or ())]
    taken = [name for name in shorts if name in resources]
    if taken:
        texts = [f'"{name}" is already in use' for name in taken]
        conflict = "ShortNamesConflict", texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    else:
        result["shortNames"] = wanted.get("shortNames")
    for name, reason in _KINDS:
        if wanted.get(name) != accepted.get(name) and wanted.get(name) in kinds:
            conflict = reason, f'"{wanted[name]}" is already in use'
        else:
            result[name] = wanted.get(name)
    result["categories"] = wanted.get("categories")
    # A name that is not accepted yet is "" on the wire.
    result = {name: value for name, value in result.items() if value or name in ("kind", "plural")}
    return {"kind": "", "plural": "", **result}, conflict


def _taken(others: Iterable[Obj]) -> tuple[set[str], set[str]]:
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources.update(name for name in (names.get("plural"), names.get("singular")) if name)
        resources.update(names.get("shortNames") or ())
        kinds.update(name for name in (names.get("kind"), names.get("listKind")) if name)
    return resources, kinds


def _approval(crd: Obj) -> Obj | None:
    """How a definition in a group of the Kubernetes community stands with its approval; None in any other group."""
    state, text = approval_state(crd)
    if state is None:
        return None
    reasons = {
        "approved": ("True", "ApprovedAnnotation"),
        "bypassed": ("False", "UnapprovedAnnotation"),
        "missing": ("False", "MissingAnnotation"),
        "invalid": ("False", "InvalidAnnotation"),
    }
    value, reason = reasons[state]
    return _condition("KubernetesAPIApprovalPolicyConformant", value, reason, text)
