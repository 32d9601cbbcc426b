"""ValidatingAdmissionPolicy: evaluates the policies that bindings put into force, and refuses, warns or notes.

Source: Validating Admission Policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import NAMESPACE, Kind
from hyperpy.components.apiserver.admission.chain import Attributes, refusal
from hyperpy.components.apiserver.admission.dynamic import asking, conditions, policy
from hyperpy.components.apiserver.admission.dynamic.collection import Collection
from hyperpy.components.apiserver.admission.dynamic.matching import Matcher
from hyperpy.components.apiserver.admission.dynamic.params import Misconfigured, Params
from hyperpy.components.apiserver.admission.dynamic.policy import Binding, Denial, Policy
from hyperpy.components.apiserver.admission.dynamic.request import shown
from hyperpy.components.apiserver.admission.dynamic.rules import GROUP, is_exempt
from hyperpy.components.apiserver.admission.world import World
from hyperpy.components.apiserver.audit import remarks
from hyperpy.components.apiserver.registry.form import Obj

_POLICIES, _BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
_FAILURE = "validation.policy.admission.k8s.io/validation_failure"
_REASONS: dict[str, type[errors.StatusError]] = {
    "Unauthorized": errors.Unauthorized,
    "Forbidden": errors.Forbidden,
    "RequestEntityTooLarge": errors.RequestEntityTooLarge,
}


@dataclass(slots=True)
class _Findings:
    """What the policies have to say so far. The first denial is the answer."""

    denied: list[tuple[Policy, Binding | None, Denial]] = field(default_factory=list)
    annotations: dict[str, list[str]] = field(default_factory=dict)


class ValidatingAdmissionPolicy:
    def __init__(self, world: World) -> None:
        self._world = world
        self._matcher = Matcher(world.objects, world.kinds)
        self._params = Params(world.objects, world.kinds)
        self._metrics = world.metrics.policies
        self._policies = Collection(
            _kind(world, _POLICIES), objects=world.objects, feeds=world.feeds, clock=world.clock, make=Policy
        )
        self._bindings = Collection(
            _kind(world, _BINDINGS),
            objects=world.objects,
            feeds=world.feeds,
            clock=world.clock,
            make=policy.read_binding,
        )

    def concerns(self, kind: Kind) -> bool:
        """Its own configuration too, but only to know of changes."""
        return not is_exempt(kind) or kind.plural in (_POLICIES, _BINDINGS)

    async def validate(self, attributes: Attributes) -> None:
        if is_exempt(attributes.kind):
            (self._policies if attributes.kind.plural == _POLICIES else self._bindings).touched()
            return
        bindings = await self._bindings.items()
        if not bindings:
            return
        findings = _Findings()
        for each in await self._policies.items():
            bound = [binding for binding in bindings if binding.policy == each.name]
            if bound:
                await self._judge(each, bound, attributes, findings)
        if findings.denied:
            raise _refusal(attributes, *findings.denied[0])

    async def _judge(self, each: Policy, bound: list[Binding], attributes: Attributes, findings: _Findings) -> None:
        kind = await self._matcher.matched(each.match, attributes)
        if kind is None:
            return
        values: Obj | None = None
        findings.annotations = {}
        for binding in bound:
            if binding.match is not None and await self._matcher.matched(binding.match, attributes) is None:
                continue
            try:
                params = await self._params.of(each, binding, attributes.namespace or "")
            except Misconfigured as error:
                if not each.ignores_failure:
                    at_policy = str(error).startswith("failed to configure policy")
                    findings.denied.append((each, None if at_policy else binding, Denial(str(error))))
                continue
            if values is None:
                values = await self._values(attributes, kind)
            for param in params:
                self._take(each, binding, {**values, "params": param}, attributes, findings)
        for key, texts in findings.annotations.items():
            remarks.add(f"{each.name}/{key}", ", ".join(texts))

    def _take(
        self, each: Policy, binding: Binding, values: Mapping[str, Any], attributes: Attributes, findings: _Findings
    ) -> None:
        """Evaluate a policy and do what the binding's actions say."""
        verdict = each.judge(values)
        for denial in verdict.denials:
            for action in binding.actions:
                self._metrics.checked(each.name, binding.name, action.lower())
            if "Deny" in binding.actions:
                findings.denied.append((each, binding, denial))
            if "Audit" in binding.actions:
                _note(each, binding, denial)
            if "Warn" in binding.actions:
                attributes.warnings.append(
                    f"Validation failed for ValidatingAdmissionPolicy '{each.name}' with binding '{binding.name}': "
                    f"{denial.message}"
                )
        for key, text in verdict.annotations:
            texts = findings.annotations.setdefault(key, [])
            if text not in texts:
                texts.append(text)
        findings.denied += [(each, binding, failure) for failure in verdict.failures]

    async def _values(self, attributes: Attributes, kind: Kind) -> Obj:
        request = await shown(attributes, kind)
        authority = asking.authority(self._world.authorizer, request)
        namespace = None
        if attributes.namespace and attributes.kind.plural != NAMESPACE.plural:
            namespace = _exposed(await self._matcher.namespace(attributes.namespace))
        return conditions.values(request, authority=authority, namespace=namespace)


def _kind(world: World, plural: str) -> Kind:
    kind = world.kinds.resource(GROUP, "v1", plural)
    assert kind is not None
    return kind


def _note(each: Policy, binding: Binding, denial: Denial) -> None:
    failure = {
        "message": denial.message,
        "policy": each.name,
        "binding": binding.name,
        "expressionIndex": denial.index,
        "validationActions": list(binding.actions),
    }
    remarks.add(_FAILURE, orjson.dumps([failure]).decode())


def _refusal(attributes: Attributes, each: Policy, binding: Binding | None, denial: Denial) -> errors.StatusError:
    bound = f" with binding '{binding.name}'" if binding is not None else ""
    message = f"ValidatingAdmissionPolicy '{each.name}'{bound} denied request: {denial.message}"
    forbidden = refusal(attributes, message, causes=[{"message": message}])
    return _REASONS.get(denial.reason, errors.Invalid)(forbidden.message, details=forbidden.details)


_METADATA = (
    "name", "generateName", "namespace", "labels", "annotations", "creationTimestamp", "deletionGracePeriodSeconds",
    "deletionTimestamp", "generation", "resourceVersion", "finalizers",
)  # fmt: skip


def _exposed(namespace: Obj) -> Obj:
    """A namespace as expressions see it."""
    own = namespace["metadata"]
    metadata = {name: own[name] for name in _METADATA if name in own}
    metadata["UID"] = own.get("uid", "")
    return {"metadata": metadata, "spec": namespace.get("spec") or {}, "status": namespace.get("status") or {}}
