"""CSR cleaner: requests that were answered a while ago, or that nobody answered for a day, go.

Watches: CertificateSigningRequest.   Writes: CertificateSigningRequest (deletes).   The planner is `csr_rules`.
"""

from __future__ import annotations

import base64

from hyperpy.api import errors, kinds, meta, x509
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.certificates import csr_rules
from hyperpy.components.controllers.context import Context


class CSRCleanerController:
    """Keys are requests; each comes back when its time is over."""

    name = "certificate-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._requests = context.informers.of(kinds.CERTIFICATE_SIGNING_REQUEST)
        context.watch(kinds.CERTIFICATE_SIGNING_REQUEST, self._changed)

    async def reconcile(self, key: str) -> float | None:
        """Remove one request, as it was when its time was over; returns when that will be."""
        request = self._requests.get(key)
        if request is None or meta.is_deleting(request):
            return None
        kept_s = csr_rules.kept_s(request, now=self._context.clock.now(), not_after=_not_after(request))
        if kept_s is None or kept_s > 0:
            return kept_s
        about = request["metadata"]
        options = DeleteOptions(uid=about["uid"], resource_version=about["resourceVersion"])
        try:
            await self._client.delete(kinds.CERTIFICATE_SIGNING_REQUEST, key, options=options)
        except errors.NotFound:
            pass
        return None

    def _changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if new is not None and event != "DELETED":
            self._queue.add(new["metadata"]["name"])


def _not_after(request: Obj) -> float | None:
    issued = csr_rules.certificate(request)
    try:
        return x509.expiry(base64.b64decode(issued)) if issued else None
    except x509.Unreadable:
        return None  # its other end comes all the same
