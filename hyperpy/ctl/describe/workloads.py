"""The pages of what keeps pods: Deployment, ReplicaSet, ReplicationController."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hyperpy.api import kinds, labels, meta, pods
from hyperpy.api.printers.columns import count
from hyperpy.ctl.describe import podspec, sections
from hyperpy.ctl.describe.page import NONE, Page
from hyperpy.ctl.describe.surroundings import Surroundings

Obj = dict[str, Any]

_CONDITION = [("Type", "type"), ("Status", "status"), ("Reason", "reason")]
_REVISION = "deployment.kubernetes.io/revision"


def deployment(obj: Obj, around: Surroundings) -> Page:
    """Everything about a Deployment."""
    spec, status, page = obj["spec"], obj.get("status") or {}, Page()
    selector = labels.from_selector(spec.get("selector"))
    sections.head(page, obj)
    page.field("CreationTimestamp", sections.moment(obj["metadata"].get("creationTimestamp")))
    sections.labels(page, obj)
    page.field("Selector", selector)
    page.field(
        "Replicas",
        f"{spec.get('replicas', 1)} desired | {count(status, 'updatedReplicas')} updated | "
        f"{count(status, 'replicas')} total | {count(status, 'availableReplicas')} available | "
        f"{count(status, 'unavailableReplicas')} unavailable",
    )
    strategy = spec.get("strategy") or {}
    page.field("StrategyType", strategy.get("type") or "RollingUpdate")
    page.field("MinReadySeconds", spec.get("minReadySeconds") or 0)
    rolling = strategy.get("rollingUpdate")
    if rolling:
        words = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        page.field("RollingUpdateStrategy", words)
    podspec.template(page, spec["template"])
    sections.conditions(page, status.get("conditions") or [], _CONDITION)
    _replica_sets(page, obj, around, str(selector))
    sections.events(page, around.events(), now=around.now)
    return page


def _replica_sets(page: Page, obj: Obj, around: Surroundings, selector: str) -> None:
    """Those that it owns: the one of the newest revision, and older ones that still have pods."""
    found = around.list(kinds.REPLICA_SET, namespace=obj["metadata"]["namespace"], label_selector=selector)
    owned = [each for each in found if (meta.controller_of(each) or {}).get("uid") == obj["metadata"]["uid"]]
    owned.sort(key=lambda each: int((each["metadata"].get("annotations") or {}).get(_REVISION) or 0))
    old = [_created(each) for each in owned[:-1] if count(each.get("status"), "replicas")]
    page.field("OldReplicaSets", ", ".join(old) or NONE)
    page.field("NewReplicaSet", _created(owned[-1]) if owned else NONE)


def _created(replica_set: Obj) -> str:
    have, want = count(replica_set.get("status"), "replicas"), replica_set["spec"].get("replicas", 1)
    return f"{replica_set['metadata']['name']} ({have}/{want} replicas created)"


def replica_set(obj: Obj, around: Surroundings) -> Page:
    """Everything about a ReplicaSet."""
    return _replicas(obj, around, labels.from_selector(obj["spec"].get("selector")))


def replication_controller(obj: Obj, around: Surroundings) -> Page:
    """Everything about a ReplicationController."""
    return _replicas(obj, around, labels.from_map(obj["spec"].get("selector")))


def _replicas(obj: Obj, around: Surroundings, selector: labels.Selector) -> Page:
    spec, status, page = obj["spec"], obj.get("status") or {}, Page()
    sections.head(page, obj)
    page.field("Selector", selector)
    sections.labels(page, obj)
    sections.controller(page, obj)
    page.field("Replicas", f"{count(status, 'replicas')} current / {spec.get('replicas', 1)} desired")
    found = around.list(kinds.POD, namespace=obj["metadata"]["namespace"], label_selector=str(selector))
    mine = [pod for pod in found if (meta.controller_of(pod) or {}).get("uid") == obj["metadata"]["uid"]]
    phases = Counter(pods.phase(pod) for pod in mine)
    page.field(
        "Pods Status",
        f"{phases['Running']} Running / {phases['Pending']} Waiting / {phases['Succeeded']} Succeeded / "
        f"{phases['Failed']} Failed",
    )
    podspec.template(page, spec.get("template") or {})
    sections.conditions(page, status.get("conditions") or [], _CONDITION)
    sections.events(page, around.events(), now=around.now)
    return page
