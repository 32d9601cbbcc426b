"""When the change happened that endpoints are written for: `endpoints.kubernetes.io/last-change-trigger-time`.

Who reads it tells how long a change takes to reach the proxies. A Service's time is its creation, a Pod's the last
change of its readiness. Source: the API reference of the annotation, and kube-controller-manager.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hyperpy.api import meta
from hyperpy.client.protocol import Obj

ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time"


class TriggerTimes:
    """The times seen at the last look at each Service. Bounded by the Services and the Pods behind them."""

    def __init__(self) -> None:
        self._seen: dict[str, Mapping[str, str]] = {}

    def of(self, service: Obj, pods: Sequence[Obj]) -> str:
        """The earliest change since the last look, or "" when the times tell of none (a Pod went)."""
        key, created = meta.key(service), str(service["metadata"].get("creationTimestamp") or "")
        seen = self._seen.get(key)
        times = {pod["metadata"]["name"]: _ready_since(pod) for pod in pods}
        self._seen[key] = {**times, "": created}
        if seen is None:
            return created
        return min((at for name, at in self._seen[key].items() if at > seen.get(name, "")), default="")

    def forget(self, key: str) -> None:
        """The Service is gone."""
        self._seen.pop(key, None)


def annotated(annotations: Mapping[str, str] | None, at: str) -> dict[str, str]:
    """Annotations with the time, or without one when there is none."""
    kept = {name: value for name, value in (annotations or {}).items() if name != ANNOTATION}
    return {**kept, ANNOTATION: at} if at else kept


def _ready_since(pod: Obj) -> str:
    return str((meta.condition(pod, "Ready") or {}).get("lastTransitionTime") or "")
