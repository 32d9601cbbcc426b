"""NamespaceLifecycle: nothing is created in a namespace that is missing or ending, and some namespaces stay.

Source: the admission controllers reference, "NamespaceLifecycle".
"""

from __future__ import annotations

from hyperpy.api import errors
from hyperpy.api.kinds import NAMESPACE
from hyperpy.components.apiserver.admission.chain import CREATE, DELETE, Attributes
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects

PROTECTED = ("default", "kube-system", "kube-public")


class NamespaceLifecycle:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def admit(self, attributes: Attributes) -> None:
        kind = attributes.kind
        if attributes.operation == DELETE and kind.plural == "namespaces" and not kind.group:
            if attributes.name in PROTECTED:
                raise errors.Forbidden(
                    f'namespaces "{attributes.name}" is forbidden: this namespace may not be deleted',
                    details={"name": attributes.name, "kind": "namespaces"},
                )
            return
        if attributes.operation == CREATE and kind.namespaced:
            await self._check(attributes)

    async def _check(self, attributes: Attributes) -> None:
        name = attributes.namespace or ""
        kv = await self._objects.find(NAMESPACE, None, name)
        if kv is None:
            raise errors.not_found("", "namespaces", name)
        if b'"deletionTimestamp"' not in kv.value:
            return
        if form.decoded(kv)["metadata"].get("deletionTimestamp"):
            raise _terminating(attributes, name)


def _terminating(attributes: Attributes, namespace: str) -> errors.Forbidden:
    kind = attributes.kind
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    details = {"name": attributes.name, "group": kind.group, "kind": kind.plural, "causes": [cause]}
    return errors.Forbidden(f'{kind.qualified} "{attributes.name}" is forbidden: {why}', details=details)
