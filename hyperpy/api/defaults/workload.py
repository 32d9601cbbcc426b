"""Defaults of the kinds that keep Pods: ReplicationController, ReplicaSet, Deployment."""

from __future__ import annotations

from typing import Any

from hyperpy.api.defaults import pod

Obj = dict[str, Any]


def replication_controller(rc: Obj) -> None:
    """The template's labels are its selector and its own labels, where it has none."""
    spec = _replicated(rc)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        meta = rc.setdefault("metadata", {})
        if not meta.get("labels"):
            meta["labels"] = dict(labels)


def replica_set(rs: Obj) -> None:
    """One replica."""
    _replicated(rs)


def deployment(obj: Obj) -> None:
    """One replica, a rolling update of a quarter at a time, ten old versions kept, ten minutes to get on."""
    spec = _replicated(obj)
    strategy = spec.setdefault("strategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _replicated(obj: Obj) -> Obj:
    """What all of them share; returns the spec."""
    spec: Obj = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template = spec.get("template")
    if template is not None:
        pod.template_spec(template.setdefault("spec", {}))
    return spec
