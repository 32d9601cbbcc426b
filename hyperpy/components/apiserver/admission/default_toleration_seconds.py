"""DefaultTolerationSeconds: a Pod stays 300 s on a node that is not ready or not reachable, unless it says otherwise.

Source: the admission controllers reference, "DefaultTolerationSeconds".
"""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import Attributes, Obj

TOLERATION_S = 300
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_EFFECT = "NoExecute"


class DefaultTolerationSeconds:
    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def admit(self, attributes: Attributes) -> None:
        if not attributes.writes_pod or attributes.obj is None:
            return
        spec = attributes.obj.setdefault("spec", {})
        tolerations = spec.get("tolerations") or []
        missing = [taint for taint in _TAINTS if not any(_covers(each, taint) for each in tolerations)]
        if missing:
            spec["tolerations"] = [*tolerations, *(_toleration(taint) for taint in missing)]


def _covers(toleration: Obj, taint: str) -> bool:
    """Whether a toleration already speaks of the taint (an empty key, or effect, means any)."""
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", _EFFECT)


def _toleration(taint: str) -> Obj:
    return {"key": taint, "operator": "Exists", "effect": _EFFECT, "tolerationSeconds": TOLERATION_S}
