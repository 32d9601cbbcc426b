"""APIServices: a local one is available from the start; whether another server answers is found out."""

from __future__ import annotations

from hyperpy.components.apiserver.strategy.base import Obj, Strategy

#: Source: kube-aggregator's `NewLocalAvailableAPIServiceCondition`.
LOCAL = {
    "type": "Available",
    "status": "True",
    "reason": "Local",
    "message": "Local APIServices are always available",
}


def _create(obj: Obj) -> None:
    obj["status"] = {}
    if not (obj.get("spec") or {}).get("service"):
        now = obj["metadata"].get("creationTimestamp")
        obj["status"] = {"conditions": [{**LOCAL, "lastTransitionTime": now}]}


API_SERVICE = Strategy(create=_create)
