"""Defaults of the kinds that keep Pods running: ReplicationController, those of apps, and PodTemplate."""

from __future__ import annotations

from typing import Any

from hyperpy.api.defaults import persistentvolume, pod, zeros

Obj = dict[str, Any]

REVISIONS_KEPT = 10
_DAEMON_COUNTS = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")


def replication_controller(rc: Obj) -> None:
    """The template's labels are its selector and its own labels, where it has none."""
    spec = _replicated(rc)
    zeros.fill(rc, "replicas")
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
    zeros.fill(rs, "replicas")


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
    spec.setdefault("revisionHistoryLimit", REVISIONS_KEPT)
    spec.setdefault("progressDeadlineSeconds", 600)


def stateful_set(obj: Obj) -> None:
    """One replica, one after the other, updated in order; claims outlive their pods."""
    spec = _replicated(obj)
    if not spec.get("podManagementPolicy"):
        spec["podManagementPolicy"] = "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for when in ("whenDeleted", "whenScaled"):
        if not retention.get(when):
            retention[when] = "Retain"
    spec.setdefault("revisionHistoryLimit", REVISIONS_KEPT)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        persistentvolume.claim(claim)
    zeros.fill(obj, "availableReplicas", "replicas")


def daemon_set(obj: Obj) -> None:
    """A rolling update of one node at a time."""
    spec: Obj = obj.setdefault("spec", {})
    template(spec)
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", REVISIONS_KEPT)
    zeros.fill(obj, *_DAEMON_COUNTS)


def template(holder: Obj) -> None:
    """Defaults of the pod template in the field `template`: of a spec, or of a PodTemplate itself."""
    given = holder.get("template")
    if given is not None:
        pod.template_spec(given.setdefault("spec", {}))


def _replicated(obj: Obj) -> Obj:
    """What all of them share; returns the spec."""
    spec: Obj = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template(spec)
    return spec


DEFAULTS = {
    ("", "ReplicationController"): replication_controller,
    ("", "PodTemplate"): template,
    ("apps", "Deployment"): deployment,
    ("apps", "ReplicaSet"): replica_set,
    ("apps", "StatefulSet"): stateful_set,
    ("apps", "DaemonSet"): daemon_set,
}
