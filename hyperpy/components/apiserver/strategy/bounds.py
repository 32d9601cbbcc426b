"""What scales, bounds and ranks workloads, and devices: which of them count generations, and how they are written."""

from __future__ import annotations

from hyperpy.components.apiserver.strategy.base import Obj, Strategy


def _first_generation(obj: Obj) -> None:
    """A class is of generation 1 and stays so: all that counts in it is immutable."""
    obj["metadata"]["generation"] = 1


_COUNTED = Strategy(generation=True)
STRATEGIES: dict[tuple[str, str], Strategy] = {
    ("autoscaling", "horizontalpodautoscalers"): Strategy(),  # a status, and no generation
    ("policy", "poddisruptionbudgets"): Strategy(generation=True, needs_resource_version=True),
    ("", "resourcequotas"): Strategy(returns_deleted=True),
    ("", "limitranges"): Strategy(create_on_update=True),
    ("scheduling.k8s.io", "priorityclasses"): Strategy(create=_first_generation, create_on_update=True),
    ("node.k8s.io", "runtimeclasses"): Strategy(needs_resource_version=True),
    ("resource.k8s.io", "deviceclasses"): _COUNTED,
    ("resource.k8s.io", "resourceslices"): _COUNTED,
    ("resource.k8s.io", "resourceclaims"): Strategy(),
}
