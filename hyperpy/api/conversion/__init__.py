"""One object in the form of another version: the pure converters of built-in kinds that are served in two forms.

Source: the functions `Convert_*` of Kubernetes' API packages (v1.34), behaviour only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperpy.api.conversion import autoscaling, events
from hyperpy.api.kinds import Kind

Obj = dict[str, Any]

_HPA = "HorizontalPodAutoscaler"
_CONVERTERS: dict[tuple[str, str], Callable[[Obj], Obj]] = {
    (f"autoscaling/v1/{_HPA}", f"autoscaling/v2/{_HPA}"): autoscaling.v2_of_v1,
    (f"autoscaling/v2/{_HPA}", f"autoscaling/v1/{_HPA}"): autoscaling.v1_of_v2,
    ("events.k8s.io/v1/Event", "v1/Event"): events.core_of_events,
    ("v1/Event", "events.k8s.io/v1/Event"): events.events_of_core,
}


def convert(obj: Obj, kind: Kind) -> Obj:
    """The same object as one of this built-in kind; the object given may be shared with it and stays as it is.

    Raises:
        KeyError: there is no way from the object's version to this one.
    """
    source, target = f"{obj['apiVersion']}/{obj['kind']}", f"{kind.api_version}/{kind.kind}"
    return obj if source == target else _CONVERTERS[source, target](obj)
