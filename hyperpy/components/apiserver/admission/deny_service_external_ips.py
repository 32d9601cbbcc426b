"""DenyServiceExternalIPs: no Service takes addresses that the cluster did not give it (off by default).

Source: the admission controllers reference, "DenyServiceExternalIPs".
"""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, refusal


class DenyServiceExternalIPs:
    def concerns(self, kind: Kind) -> bool:
        """Services."""
        return not kind.group and kind.plural == "services"

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation not in (CREATE, UPDATE) or attributes.subresource:
            return
        new, old = (
            ((each or {}).get("spec") or {}).get("externalIPs") or () for each in (attributes.obj, attributes.old)
        )
        if not set(new) <= set(old):
            raise refusal(attributes, "Use of external IPs is denied by admission control")
