"""ValidatingAdmissionPolicy status controller: tells the authors of policies about misspelt fields.

Watches: ValidatingAdmissionPolicy.   Writes: ValidatingAdmissionPolicy/status.
"""

from __future__ import annotations

from hyperpy.api import errors, kinds, meta
from hyperpy.api.kinds import Registry
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context


def plan(policy: Obj | None, registry: Registry) -> Obj | None:
    """The policy with the status it should have, or None when this version of it was checked already."""
    if policy is None:
        return None
    status, generation = policy.get("status") or {}, policy["metadata"].get("generation") or 0
    if generation <= (status.get("observedGeneration") or 0):
        return None
    from hyperpy.api.cel import type_checking

    warnings = [{"fieldRef": each.field, "warning": each.text} for each in type_checking.check(policy, registry)]
    checked: Obj = {"expressionWarnings": warnings} if warnings else {}
    return {**policy, "status": {**status, "observedGeneration": generation, "typeChecking": checked}}


class ValidatingAdmissionPolicyStatusController:
    """Keys are policies."""

    name = "validatingadmissionpolicy-status-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._registry = context.registry
        self._queue = queue
        self._policies = context.watch(kinds.VALIDATING_ADMISSION_POLICY, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """Check one policy."""
        wanted = plan(self._policies.get(key), self._registry)
        if wanted is not None:
            try:
                await self._client.update(kinds.VALIDATING_ADMISSION_POLICY, wanted, subresource="status")
            except errors.NotFound:
                pass
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self._queue.add(meta.key(new))
