"""Rows of Pods and of the kinds that keep them running: ReplicationController and those of apps."""

from __future__ import annotations

from typing import Any

from hyperpy.api import labels, meta, pods
from hyperpy.api.printers.columns import AGE, NAME, NONE, Column, Obj, Printer, count, labels_text, number, wide
from hyperpy.api.printers.durations import age

_CONTAINERS = (
    wide("Containers", "Names of each container in the template."),
    wide("Images", "Images referenced by each container in the template."),
    wide("Selector", "The pods it selects."),
)
_REPLICAS = (
    NAME,
    number("Desired", "How many pods there should be."),
    number("Current", "How many pods there are."),
    number("Ready", "How many of them are ready."),
    AGE,
    *_CONTAINERS,
)
_POD = (
    NAME,
    Column("Ready", "How many containers are ready, of how many."),
    Column("Status", "What the containers do, in a word."),
    Column("Restarts", "How often containers were restarted, and how long ago the last time was."),
    AGE,
    wide("IP", "The pod's address."),
    wide("Node", "The node it was bound to."),
    wide("Nominated Node", "The node on which pods are being preempted for it."),
    wide("Readiness Gates", "How many further conditions of readiness hold, of how many."),
)
_DEPLOYMENT = (
    NAME,
    Column("Ready", "How many pods are ready, of how many."),
    number("Up-to-date", "How many pods have the newest template."),
    number("Available", "How many pods have been ready long enough."),
    AGE,
    *_CONTAINERS,
)
_STATEFUL_SET = (
    NAME,
    Column("Ready", "How many pods are ready, of how many."),
    AGE,
    *_CONTAINERS[:2],
)
_DAEMON_SET = (
    NAME,
    number("Desired", "How many nodes should run a pod."),
    number("Current", "How many nodes run one."),
    number("Ready", "On how many it is ready."),
    number("Up-to-date", "On how many it has the newest template."),
    number("Available", "On how many it has been ready long enough."),
    Column("Node Selector", "The nodes it runs on."),
    AGE,
    *_CONTAINERS,
)
_CONTROLLER_REVISION = (
    NAME,
    Column("Controller", "Whose revision it is."),
    Column("Revision", "Its number."),
    AGE,
)
_POD_TEMPLATE = (
    NAME,
    Column("Containers", "Names of each container in the template."),
    Column("Images", "Images referenced by each container in the template."),
    Column("Pod Labels", "The labels of its pods."),
)
_OVER = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def _pod(pod: Obj, now: float) -> list[Any]:
    spec, status, summary = pod.get("spec") or {}, pod.get("status") or {}, pods.summarize(dict(pod))
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts += f" ({age(summary.last_restart, now=now)} ago)"
    addresses = status.get("podIPs") or [{"ip": status.get("podIP")}]
    return [
        pod["metadata"].get("name", ""),
        f"{summary.ready}/{summary.total}",
        summary.reason,
        restarts,
        age(pod["metadata"].get("creationTimestamp"), now=now),
        addresses[0].get("ip") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec.get("readinessGates") or [], status.get("conditions") or []),
    ]


def _gates(gates: list[Obj], conditions: list[Obj]) -> str:
    if not gates:
        return NONE
    true = {condition.get("type") for condition in conditions if condition.get("status") == "True"}
    return f"{sum(gate.get('conditionType') in true for gate in gates)}/{len(gates)}"


def _pod_conditions(pod: Obj) -> list[dict[str, Any]]:
    """A pod that is over says so, for clients that hide such rows."""
    phase = pods.phase(dict(pod))
    if phase not in _OVER:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _OVER[phase]}]


def containers(template: Obj | None) -> list[str]:
    """Names and images of the containers of a pod template."""
    given = ((template or {}).get("spec") or {}).get("containers") or []
    return [",".join(one.get(field) or "" for one in given) for field in ("name", "image")]


def _template(obj: Obj, selector: str) -> list[Any]:
    return [*containers(obj["spec"].get("template")), selector]


def _replicas(obj: Obj, now: float, selector: str) -> list[Any]:
    status = obj.get("status")
    return [
        obj["metadata"].get("name", ""),
        obj["spec"].get("replicas", 1),
        count(status, "replicas"),
        count(status, "readyReplicas"),
        age(obj["metadata"].get("creationTimestamp"), now=now),
        *_template(obj, selector),
    ]


def _replication_controller(obj: Obj, now: float) -> list[Any]:
    return _replicas(obj, now, labels_text(obj["spec"].get("selector")))


def _replica_set(obj: Obj, now: float) -> list[Any]:
    return _replicas(obj, now, _selector(obj))


def _deployment(obj: Obj, now: float) -> list[Any]:
    status = obj.get("status")
    return [
        obj["metadata"].get("name", ""),
        f"{count(status, 'readyReplicas')}/{obj['spec'].get('replicas', 1)}",
        count(status, "updatedReplicas"),
        count(status, "availableReplicas"),
        age(obj["metadata"].get("creationTimestamp"), now=now),
        *_template(obj, _selector(obj)),
    ]


def _stateful_set(obj: Obj, now: float) -> list[Any]:
    return [
        obj["metadata"].get("name", ""),
        f"{count(obj.get('status'), 'readyReplicas')}/{obj['spec'].get('replicas', 1)}",
        age(obj["metadata"].get("creationTimestamp"), now=now),
        *containers(obj["spec"].get("template")),
    ]


def _daemon_set(obj: Obj, now: float) -> list[Any]:
    pod, status = (obj["spec"].get("template") or {}).get("spec") or {}, obj.get("status")
    return [
        obj["metadata"].get("name", ""),
        count(status, "desiredNumberScheduled"),
        count(status, "currentNumberScheduled"),
        count(status, "numberReady"),
        count(status, "updatedNumberScheduled"),
        count(status, "numberAvailable"),
        labels_text(pod.get("nodeSelector")),
        age(obj["metadata"].get("creationTimestamp"), now=now),
        *_template(obj, _selector(obj)),
    ]


def _controller_revision(obj: Obj, now: float) -> list[Any]:
    owner, controller = meta.controller_of(dict(obj)), NONE
    if owner is not None:
        group = owner.get("apiVersion", "").rpartition("/")[0]
        controller = f"{owner['kind']}.{group}".rstrip(".").lower() + f"/{owner['name']}"
    return [
        obj["metadata"].get("name", ""),
        controller,
        obj.get("revision") or 0,
        age(obj["metadata"].get("creationTimestamp"), now=now),
    ]


def _pod_template(obj: Obj, now: float) -> list[Any]:
    template = obj.get("template") or {}
    shown = labels_text((template.get("metadata") or {}).get("labels"))
    return [obj["metadata"].get("name", ""), *containers(template), shown]


def _selector(obj: Obj) -> str:
    return selector_text(obj["spec"].get("selector"))


def selector_text(selector: Obj | None) -> str:
    """A LabelSelector in one line, or `<none>`."""
    if selector is None:
        return NONE
    try:
        return str(labels.from_selector(selector)) or NONE
    except ValueError:
        return "<error>"


PRINTERS = {
    ("", "pods"): Printer(_POD, _pod, _pod_conditions),
    ("", "replicationcontrollers"): Printer(_REPLICAS, _replication_controller),
    ("apps", "replicasets"): Printer(_REPLICAS, _replica_set),
    ("", "podtemplates"): Printer(_POD_TEMPLATE, _pod_template),
    ("apps", "deployments"): Printer(_DEPLOYMENT, _deployment),
    ("apps", "statefulsets"): Printer(_STATEFUL_SET, _stateful_set),
    ("apps", "daemonsets"): Printer(_DAEMON_SET, _daemon_set),
    ("apps", "controllerrevisions"): Printer(_CONTROLLER_REVISION, _controller_revision),
}
