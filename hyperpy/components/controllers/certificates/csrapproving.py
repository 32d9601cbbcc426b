"""CSR approving: a kubelet's client certificate is approved when whoever asks has the right to it.

Watches: CertificateSigningRequest.   Writes: CertificateSigningRequest/approval.   The planner is `csr_rules`.

Rights may come later than the request, and nothing tells of that: one that was recognized and not allowed is looked at
again when it has become twice as old.
"""

from __future__ import annotations

import base64
import logging

from hyperpy.api import errors, kinds, meta, x509
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.certificates import csr_rules
from hyperpy.components.controllers.context import Context

log = logging.getLogger(__name__)

_SOONEST_S, _LATEST_S = 0.2, 1000.0


class CSRApprovingController:
    """Keys are requests."""

    name = "certificate-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._requests = context.informers.of(kinds.CERTIFICATE_SIGNING_REQUEST)
        context.watch(kinds.CERTIFICATE_SIGNING_REQUEST, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one request."""
        request = self._requests.get(key)
        if request is None or not csr_rules.is_open(request):
            return None
        try:
            asked = x509.read_request(base64.b64decode(request["spec"]["request"]))
        except x509.Unreadable as error:
            log.warning("certificate request %s cannot be read: %s", key, error)
            return None
        tried = list(csr_rules.permissions(request, asked))
        for permission in tried:
            if await self._may(request, permission.subresource):
                await self._approve(request, permission.message)
                return None
        if not tried:
            return None
        age_s = self._context.clock.now() - meta.parse_time(request["metadata"]["creationTimestamp"])
        return min(max(age_s, _SOONEST_S), _LATEST_S)

    async def _may(self, request: Obj, subresource: str) -> bool:
        spec = request["spec"]
        question = {
            "group": kinds.CERTIFICATE_SIGNING_REQUEST.group, "version": "*", "verb": "create",
            "resource": kinds.CERTIFICATE_SIGNING_REQUEST.plural, "subresource": subresource,
        }  # fmt: skip
        who = {"user": spec.get("username"), "uid": spec.get("uid")}
        more = {"groups": spec.get("groups"), "extra": spec.get("extra")}
        asking = {name: value for name, value in {**who, **more}.items() if value}
        review = {"spec": {**asking, "resourceAttributes": question}}
        answer = await self._client.create(kinds.SUBJECT_ACCESS_REVIEW, review)
        return bool(answer["status"].get("allowed"))

    async def _approve(self, request: Obj, message: str) -> None:
        condition = {"type": csr_rules.APPROVED, "status": "True", "reason": "AutoApproved", "message": message}
        status = request.get("status") or {}
        written = {**request, "status": {**status, "conditions": [*(status.get("conditions") or ()), condition]}}
        try:
            await self._client.update(kinds.CERTIFICATE_SIGNING_REQUEST, written, subresource="approval")
        except errors.NotFound:
            pass

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED" and csr_rules.is_open(new):
            self._queue.add(new["metadata"]["name"])
