"""TaintNodesByCondition: a new Node takes no Pods before the node lifecycle controller has seen that it is ready.

Source: the admission controllers reference, "TaintNodesByCondition".
"""

from __future__ import annotations

from hyperpy.api import taints
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, Attributes

_TAINT = {"key": taints.NOT_READY, "effect": taints.NO_SCHEDULE}


class TaintNodesByCondition:
    def concerns(self, kind: Kind) -> bool:
        """Nodes."""
        return not kind.group and kind.plural == "nodes"

    async def admit(self, attributes: Attributes) -> None:
        if attributes.operation != CREATE or attributes.subresource or attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        present = spec.get("taints") or []
        if not any(taints.is_same(each, _TAINT) for each in present):
            spec["taints"] = [*present, dict(_TAINT)]
