"""Defaults of webhook configurations, admission policies and their bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Obj = dict[str, Any]

_GROUP = "admissionregistration.k8s.io"
_TIMEOUT_S = 10
_HTTPS = 443


def validating_webhooks(obj: Obj) -> None:
    """What a validating webhook does not say."""
    for hook in obj.get("webhooks") or ():
        _webhook(hook)


def mutating_webhooks(obj: Obj) -> None:
    """What a mutating webhook does not say."""
    for hook in obj.get("webhooks") or ():
        _webhook(hook)
        _given(hook, "reinvocationPolicy", "Never")


def policy(obj: Obj) -> None:
    """Fail closed, and match everything that the rules name."""
    spec = obj["spec"]
    _given(spec, "failurePolicy", "Fail")
    if spec.get("matchConstraints") is not None:
        _match(spec["matchConstraints"])


def binding(obj: Obj) -> None:
    """A binding that narrows nothing down, and denies where its parameters are missing."""
    spec = obj["spec"]
    if spec.get("matchResources") is not None:
        _match(spec["matchResources"])
    if spec.get("paramRef") is not None:
        _given(spec["paramRef"], "parameterNotFoundAction", "Deny")


def _webhook(hook: Obj) -> None:
    _given(hook, "failurePolicy", "Fail")
    _match(hook, rules=("rules",))
    if hook.get("timeoutSeconds") is None:
        hook["timeoutSeconds"] = _TIMEOUT_S
    service = (hook.get("clientConfig") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = _HTTPS


def _match(match: Obj, *, rules: Iterable[str] = ("resourceRules", "excludeResourceRules")) -> None:
    _given(match, "matchPolicy", "Equivalent")
    for selector in ("namespaceSelector", "objectSelector"):
        if match.get(selector) is None:
            match[selector] = {}
    for name in rules:
        for rule in match.get(name) or ():
            _given(rule, "scope", "*")


def _given(obj: Obj, name: str, value: str) -> None:
    if not obj.get(name):
        obj[name] = value


DEFAULTS: dict[tuple[str, str], Callable[[Obj], None]] = {
    (_GROUP, "ValidatingWebhookConfiguration"): validating_webhooks,
    (_GROUP, "MutatingWebhookConfiguration"): mutating_webhooks,
    (_GROUP, "ValidatingAdmissionPolicy"): policy,
    (_GROUP, "ValidatingAdmissionPolicyBinding"): binding,
}
