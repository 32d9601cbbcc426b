"""LimitPodHardAntiAffinityTopology: a Pod keeps others off its node at most, not off its zone (off by default).

Source: the admission controllers reference, "LimitPodHardAntiAffinityTopology".
"""

from __future__ import annotations

from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.admission.chain import CREATE, UPDATE, Attributes, refusal

_HOST = "kubernetes.io/hostname"


class LimitPodHardAntiAffinityTopology:
    def concerns(self, kind: Kind) -> bool:
        """Pods."""
        return not kind.group and kind.plural == "pods"

    async def validate(self, attributes: Attributes) -> None:
        if attributes.operation not in (CREATE, UPDATE) or not attributes.writes_pod or attributes.obj is None:
            return
        affinity = ((attributes.obj["spec"].get("affinity") or {}).get("podAntiAffinity")) or {}
        for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            key = term.get("topologyKey")
            if key != _HOST:
                raise refusal(
                    attributes,
                    f"affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey {key} but only key {_HOST} is "
                    "allowed",
                )
