"""Rows of webhook configurations, admission policies and their bindings."""

from __future__ import annotations

from typing import Any

from hyperpy.api.printers.columns import AGE, NAME, UNSET, Column, Obj, Printer, number
from hyperpy.api.printers.durations import age

_GROUP = "admissionregistration.k8s.io"
_WEBHOOKS = (NAME, number("Webhooks", "How many webhooks it configures."), AGE)
_POLICY = (
    NAME,
    number("Validations", "How many expressions must hold."),
    Column("ParamKind", "The kind of its parameters."),
    AGE,
)
_BINDING = (
    NAME,
    Column("PolicyName", "The policy that is put into force."),
    Column("ParamRef", "The parameters it is given."),
    AGE,
)


def _webhooks(obj: Obj, now: float) -> list[Any]:
    return [obj["metadata"].get("name", ""), len(obj.get("webhooks") or ()), _age(obj, now)]


def _policy(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET
    return [obj["metadata"].get("name", ""), len(spec.get("validations") or ()), shown, _age(obj, now)]


def _binding(obj: Obj, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"].get("name", ""), spec.get("policyName") or "", _param(spec.get("paramRef")), _age(obj, now)
    ]  # fmt: skip


def _param(reference: Obj | None) -> str:
    """The parameter's name after its namespace; whether its kind has namespaces cannot be told from here."""
    if not reference:
        return UNSET
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    selector = reference.get("selector")
    if selector is None:
        return UNSET
    wanted = ",".join(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items()))
    return wanted or "*"


def _age(obj: Obj, now: float) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now=now)


PRINTERS = {
    (_GROUP, "validatingwebhookconfigurations"): Printer(_WEBHOOKS, _webhooks),
    (_GROUP, "mutatingwebhookconfigurations"): Printer(_WEBHOOKS, _webhooks),
    (_GROUP, "validatingadmissionpolicies"): Printer(_POLICY, _policy),
    (_GROUP, "validatingadmissionpolicybindings"): Printer(_BINDING, _binding),
}
