"""Defaults of FlowSchemas and PriorityLevelConfigurations."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]

_PRECEDENCE = 1000
_SHARES = 30
_QUEUING = {"handSize": 8, "queues": 64, "queueLengthLimit": 50}


def flow_schema(obj: Obj) -> None:
    """In the middle of the order of schemas."""
    spec = obj.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = _PRECEDENCE


def priority_level(obj: Obj) -> None:
    """Shares, what of them may be lent, and queues."""
    spec = obj.setdefault("spec", {})
    exempt, limited = spec.get("exempt"), spec.get("limited")
    if exempt is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if limited is None:
        return
    limited.setdefault("nominalConcurrencyShares", _SHARES)
    limited.setdefault("lendablePercent", 0)
    queuing = (limited.get("limitResponse") or {}).get("queuing")
    if queuing is not None:
        for name, value in _QUEUING.items():
            if not queuing.get(name):
                queuing[name] = value


_GROUP = "flowcontrol.apiserver.k8s.io"
DEFAULTS = {(_GROUP, "FlowSchema"): flow_schema, (_GROUP, "PriorityLevelConfiguration"): priority_level}
