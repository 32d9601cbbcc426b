"""IPAddresses and ServiceCIDRs say what is true: an address in use stays, and there is one range, this server's.

No flag switches this off. Kubernetes lets ranges be added and repairs addresses later; this server does neither.
"""

from __future__ import annotations

from typing import Any

from hyperpy.api.kinds import SERVICE, Kind
from hyperpy.api.validation.equality import same
from hyperpy.components.apiserver.admission.chain import CREATE, DELETE, UPDATE, Attributes, refusal
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.objects import Objects
from hyperpy.components.apiserver.services.service_claims import owner_of

Obj = dict[str, Any]

RANGE = "kubernetes"
_ONE_RANGE = (
    "this server gives out addresses of --service-cluster-ip-range only: the ServiceCIDR "
    f'"{RANGE}" can be neither changed nor deleted, and no other one be made'
)


class ServiceAddresses:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def concerns(self, kind: Kind) -> bool:
        return kind.group == "networking.k8s.io" and kind.plural in ("ipaddresses", "servicecidrs")

    async def validate(self, attributes: Attributes) -> None:
        if attributes.kind.plural == "ipaddresses":
            if attributes.operation == DELETE and attributes.old is not None:
                await self._deleting(attributes, attributes.old)
        elif attributes.operation in (CREATE, DELETE):
            raise refusal(attributes, _ONE_RANGE)
        elif attributes.operation == UPDATE and not attributes.subresource:
            now, before = ((each or {}).get("spec") for each in (attributes.obj, attributes.old))
            if not same(now, before):
                raise refusal(attributes, _ONE_RANGE)

    async def _deleting(self, attributes: Attributes, address: Obj) -> None:
        owner = owner_of(address)
        if owner is None or not owner.namespace or not owner.name:
            return
        kv = await self._objects.find(SERVICE, owner.namespace, owner.name)
        if kv is None:
            return
        spec = form.decoded(kv).get("spec") or {}
        if attributes.name in (spec.get("clusterIP"), *(spec.get("clusterIPs") or ())):
            why = f"the Service {owner.namespace}/{owner.name} has this address; delete that, and it goes too"
            raise refusal(attributes, why)
