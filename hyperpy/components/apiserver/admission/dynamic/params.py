"""The parameters of a policy's binding: objects of the policy's kind, read when a request needs them.

Source: Validating Admission Policy, "Parameter resources".
"""

from __future__ import annotations

from collections.abc import Sequence

from hyperpy.api.kinds import Kind, Registry
from hyperpy.components.apiserver.admission.dynamic.policy import Binding, ParamRef, Policy
from hyperpy.components.apiserver.registry import conversion
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.objects import Objects


class Misconfigured(Exception):
    """A policy or binding cannot be put to use; the message says which, and why."""


class Params:
    def __init__(self, objects: Objects, registry: Registry) -> None:
        self._objects = objects
        self._kinds = registry

    async def of(self, policy: Policy, binding: Binding, namespace: str) -> Sequence[Obj | None]:
        """The parameters to evaluate a policy with, one after the other; `[None]` where it is to be without.

        Args:
            namespace: of the request, "" for none.
        Raises:
            Misconfigured: they cannot be looked for, or are missing and must not be.
        """
        wanted, reference = policy.param_kind, binding.param
        if wanted is None:
            return (None,)
        kind = self._kinds.find(wanted.get("apiVersion") or "", wanted.get("kind") or "")
        if kind is None:
            named = f"{wanted.get('apiVersion')}, Kind={wanted.get('kind')}"
            raise Misconfigured(
                f"failed to configure policy: failed to find resource referenced by paramKind: '{named}'"
            )
        if reference is None:
            return (None,)
        found = await self._found(kind, reference, _place(kind, reference, namespace))
        if not found and reference.denies_missing:
            raise Misconfigured(
                "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
            )
        return found

    async def _found(self, kind: Kind, reference: ParamRef, namespace: str | None) -> list[Obj]:
        if reference.name:
            kv = await self._objects.find(kind, namespace, reference.name)
            return [await conversion.decoded(kind, kv)] if kv is not None else []
        everything = await self._objects.everything(kind, namespace)
        decoded = [await conversion.decoded(kind, kv) for kv in everything.kvs]
        selector = reference.selector
        return [each for each in decoded if selector is None or selector.matches(each["metadata"].get("labels"))]


def _place(kind: Kind, reference: ParamRef, namespace: str) -> str | None:
    if not kind.namespaced:
        if reference.namespace:
            raise Misconfigured(
                "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
            )
        return None
    place = reference.namespace or namespace
    if not place:
        raise Misconfigured(
            "failed to configure binding: cannot use namespaced paramRef in policy binding that matches "
            "cluster-scoped resources"
        )
    return place
