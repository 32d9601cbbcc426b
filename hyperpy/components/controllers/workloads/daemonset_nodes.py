"""On which nodes a DaemonSet's Pod belongs, and what that Pod looks like. Pure.

Source: Concepts, "DaemonSet": "How Daemon Pods are scheduled", "Taints and tolerations".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import kinds, node_selection, taints
from hyperpy.client.protocol import Obj
from hyperpy.components.controllers.upkeep import history, pod_control

TEMPLATE_GENERATION = "pod-template-generation"
_GENERATION = "deprecated.daemonset.template.generation"
_NAME_FIELD = "metadata.name"
#: What every daemon Pod bears: it belongs to its node in bad times too.
_BORNE = (
    (taints.NOT_READY, taints.NO_EXECUTE),
    (taints.UNREACHABLE, taints.NO_EXECUTE),
    ("node.kubernetes.io/disk-pressure", taints.NO_SCHEDULE),
    ("node.kubernetes.io/memory-pressure", taints.NO_SCHEDULE),
    ("node.kubernetes.io/pid-pressure", taints.NO_SCHEDULE),
    (taints.UNSCHEDULABLE, taints.NO_SCHEDULE),
)
_BORNE_ON_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", taints.NO_SCHEDULE)


@dataclass(frozen=True, slots=True)
class Fit:
    """`run`: a Pod should be on the node. `stay`: one that is there may stay."""

    run: bool
    stay: bool


def fit(owner: Obj, node: Obj) -> Fit:
    """Whether a node is one for the Pods of a DaemonSet."""
    spec = owner["spec"]["template"]["spec"]
    if spec.get("nodeName") and spec["nodeName"] != node["metadata"]["name"]:
        return Fit(False, False)
    selection = node_selection.required(spec)
    if selection is not None and not selection.matches(node):
        return Fit(False, False)
    borne = tolerations(spec)
    own = taints.of_node(node)
    stays = taints.untolerated(own, borne, effects=(taints.NO_EXECUTE,)) is None
    runs = taints.untolerated(own, borne, effects=(taints.NO_SCHEDULE, taints.NO_EXECUTE)) is None
    return Fit(runs, stays)


def tolerations(spec: Obj) -> list[Obj]:
    """Those of the template, and what every daemon Pod bears."""
    borne = [*_BORNE, *([_BORNE_ON_HOST_NETWORK] if spec.get("hostNetwork") else [])]
    own = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in borne]
    given = spec.get("tolerations") or []
    return [*given, *(each for each in own if each not in given)]


def pod(owner: Obj, node: str, revision: Obj, *, name: str) -> Obj:
    """The Pod for a node, of the present template."""
    made = pod_control.from_template(owner, kinds.DAEMON_SET, name=name)
    metadata = made["metadata"]
    own = {history.LABEL: hash_of(revision)}
    generation = (owner["metadata"].get("annotations") or {}).get(_GENERATION)
    if generation:
        own[TEMPLATE_GENERATION] = generation
    metadata["labels"] = {**(metadata.get("labels") or {}), **own}
    spec = {**made["spec"], "tolerations": tolerations(made["spec"])}
    spec["affinity"] = _bound_to(spec.get("affinity") or {}, node)
    return {**made, "spec": spec}


def hash_of(revision: Obj) -> str:
    """The hash that a revision's Pods carry."""
    return str((revision["metadata"].get("labels") or {}).get(history.LABEL, ""))


def node_of(found: Obj) -> str:
    """The node that a Pod is on, or was made for; "" when it was made for none."""
    spec = found["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    demanded = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in demanded.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == _NAME_FIELD and field["operator"] == "In" and len(field.get("values") or ()) == 1:
                return str(field["values"][0])
    return ""


def _bound_to(affinity: Obj, node: str) -> Obj:
    """The node's name takes the place of what the template demands of nodes: that was looked at already."""
    term: dict[str, Sequence[Any]] = {"matchFields": [{"key": _NAME_FIELD, "operator": "In", "values": [node]}]}
    demanded = {"nodeSelectorTerms": [term]}
    own = {**(affinity.get("nodeAffinity") or {}), "requiredDuringSchedulingIgnoredDuringExecution": demanded}
    return {**affinity, "nodeAffinity": own}
