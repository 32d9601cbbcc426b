"""CSR signing: requests to Kubernetes' own signers that were approved get their certificates, or are told why not.

Watches: CertificateSigningRequest.   Writes: CertificateSigningRequest/status.   The planner is `csr_rules`.
"""

from __future__ import annotations

import base64

from hyperpy.api import errors, kinds, x509
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.certificates import csr_rules
from hyperpy.components.controllers.context import Context


class CSRSigningController:
    """Keys are requests. Without an authority in the options it signs nothing."""

    name = "certificate-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._authority = context.options.authority
        self._requests = context.informers.of(kinds.CERTIFICATE_SIGNING_REQUEST)
        if self._authority is not None:
            context.watch(kinds.CERTIFICATE_SIGNING_REQUEST, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one request. Raises CannotSign when the authority cannot be used now."""
        request = self._requests.get(key)
        if request is None or not csr_rules.is_to_sign(request):
            return None
        try:
            status = self._answer(request)
            await self._client.update(
                kinds.CERTIFICATE_SIGNING_REQUEST, {**request, "status": status}, subresource="status"
            )
        except errors.NotFound:
            pass
        return None

    def _answer(self, request: Obj) -> Obj:
        """The status with the certificate, or with the condition that says why there is none."""
        assert self._authority is not None, "nothing is watched without one"
        status, spec = request["status"], request["spec"]
        pem = base64.b64decode(spec["request"])
        try:
            objection = csr_rules.objection(request, x509.read_request(pem))
        except x509.Unreadable as error:
            objection = str(error)
        if objection is not None:
            reason = "SignerValidationFailure"
            failed = {"type": csr_rules.FAILED, "status": "True", "reason": reason, "message": objection}
            return {**status, "conditions": [*status["conditions"], failed]}
        lifetime_s = csr_rules.lifetime_s(request, longest_s=self._context.options.certificate_lifetime_s)
        issued = self._authority.issue(
            pem, usages=spec.get("usages") or (), now=self._context.clock.now(), lifetime_s=lifetime_s
        )
        return {**status, "certificate": base64.b64encode(issued).decode()}

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED" and csr_rules.is_to_sign(new):
            self._queue.add(new["metadata"]["name"])
