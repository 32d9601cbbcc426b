"""The volumes of one Pod: which of its claims are bound, and what the others would get on a node. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from hyperpy.api import labels, meta, quantity, volume_binding
from hyperpy.client.protocol import Obj
from hyperpy.components.scheduler.node_info import NodeInfo
from hyperpy.components.scheduler.pod_info import PodInfo
from hyperpy.components.scheduler.volumes import Volumes

NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"
WRONG_NODE = "node(s) had volume node affinity conflict"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
NO_SPACE = "node(s) did not have enough free storage"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
_HOSTNAME = "kubernetes.io/hostname"


@dataclass(frozen=True, slots=True)
class Placement:
    """What the unbound claims of a Pod get on one node.

    Args:
        static: claims, each with the volume that is there for it.
        provision: claims for which a volume is to be made.
    """

    static: tuple[tuple[Obj, Obj], ...] = ()
    provision: tuple[Obj, ...] = ()


@dataclass(frozen=True, slots=True)
class Unbound:
    """A claim that is bound where its Pod goes.

    Args:
        kept: the volume that is kept for it; it gets no other one.
        on_host: volumes that it can have on the hosts that they name, the best first, with their ranks.
        anywhere: volumes that do not name hosts, likewise.
    """

    claim: Obj
    kept: Obj | None = None
    on_host: dict[str, list[tuple[int, Obj]]] = field(default_factory=dict)
    anywhere: Sequence[tuple[int, Obj]] = ()


@dataclass(frozen=True, slots=True)
class PodVolumes:
    """What a Pod needs of storage, before any node is looked at."""

    bound: tuple[Obj, ...]
    unbound: tuple[Unbound, ...]


def problem(pod: PodInfo, volumes: Volumes) -> str:
    """Why the Pod can go nowhere as its claims are, in the words of users; "" when it is a matter of nodes."""
    for name, _, ephemeral in pod.claims:
        claim = volumes.claims.get(f"{pod.namespace}/{name}")
        if claim is None and ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if (claim.get("status") or {}).get("phase") == "Lost":
            lost = claim["spec"].get("volumeName", "")
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{lost}"'
        if meta.is_deleting(claim):
            return f'persistentvolumeclaim "{name}" is being deleted'
        foreign = volume_binding.not_for_pod(claim, pod.obj) if ephemeral else ""
        if foreign:
            return foreign
        if not volume_binding.is_bound(claim) and not _waits(claim, volumes):
            return UNBOUND
    return ""


def of_pod(pod: PodInfo, volumes: Volumes) -> PodVolumes:
    """The claims of a Pod that has no `problem`, the smaller ones first, so that each gets the smallest that fits."""
    claims = [claim for key in pod.claim_keys if (claim := volumes.claims.get(key)) is not None]
    claims.sort(key=lambda claim: quantity.parse(volume_binding.wanted(claim)))
    bound = tuple(claim for claim in claims if volume_binding.is_bound(claim))
    return PodVolumes(bound, tuple(_unbound(claim, volumes) for claim in claims if claim not in bound))


def place(needs: PodVolumes, node: NodeInfo, volumes: Volumes) -> Placement | list[str]:
    """What the claims get on a node, or the reasons why it cannot be this one."""
    reasons = _bound_problems(needs.bound, node, volumes)
    static: list[tuple[Obj, Obj]] = []
    provision: list[Obj] = []
    for each in needs.unbound:
        found = _volume_on(each, node, volumes, {volume["metadata"]["name"] for _, volume in static})
        if found is not None:
            static.append((each.claim, found))
            continue
        why = _cannot_provision(each, node, volumes)
        if why:
            return [*reasons, why]
        provision.append(each.claim)
    return reasons or Placement(tuple(static), tuple(provision))


def fits_node(volume: Obj, node: NodeInfo, volumes: Volumes) -> bool:
    """Whether a node can use a volume."""
    selection = volumes.selection(volume)
    return selection is None or selection.matches(node.node)


def _waits(claim: Obj, volumes: Volumes) -> bool:
    """Whether it is for the scheduler to find a volume."""
    storage_class = volumes.classes.get(volume_binding.class_of(claim))
    return volume_binding.waits_for_consumer(storage_class) and not claim["spec"].get("volumeName")


def _unbound(claim: Obj, volumes: Volumes) -> Unbound:
    if volume_binding.annotation(claim, volume_binding.SELECTED_NODE) is not None:
        return Unbound(claim)  # a volume is being made for it
    fit = volume_binding.candidates(claim, volumes.for_claim(claim))
    if fit and volume_binding.is_kept_for(fit[0], claim):
        return Unbound(claim, kept=fit[0])
    on_host: defaultdict[str, list[tuple[int, Obj]]] = defaultdict(list)
    anywhere: list[tuple[int, Obj]] = []
    for ranked in enumerate(fit):
        hosts = volume_binding.hostnames(ranked[1])
        if hosts is None:
            anywhere.append(ranked)
        for host in hosts or ():
            on_host[host].append(ranked)
    return Unbound(claim, None, on_host, anywhere)


def _volume_on(each: Unbound, node: NodeInfo, volumes: Volumes, taken: set[str]) -> Obj | None:
    if each.kept is not None:
        return each.kept if fits_node(each.kept, node, volumes) else None
    local = each.on_host.get(node.labels.get(_HOSTNAME, ""), ())
    for _, volume in heapq.merge(local, each.anywhere, key=itemgetter(0)):
        if volume["metadata"]["name"] not in taken and fits_node(volume, node, volumes):
            return volume
    return None


def _bound_problems(claims: Iterable[Obj], node: NodeInfo, volumes: Volumes) -> list[str]:
    for claim in claims:
        volume = volumes.volumes.get(claim["spec"]["volumeName"])
        if volume is None:
            return [NO_VOLUME]
        if not fits_node(volume, node, volumes):
            return [WRONG_NODE]
    return []


def _cannot_provision(each: Unbound, node: NodeInfo, volumes: Volumes) -> str:
    """Why no volume can be made for a claim on a node, "" when one can."""
    chosen = volume_binding.annotation(each.claim, volume_binding.SELECTED_NODE)
    if each.kept is not None or chosen not in (None, node.name):
        return NOTHING_TO_BIND
    storage_class = volumes.classes.get(volume_binding.class_of(each.claim)) or {}
    if storage_class.get("provisioner") in (None, "", volume_binding.NO_PROVISIONER):
        return NOTHING_TO_BIND
    topologies = storage_class.get("allowedTopologies") or ()
    if topologies and not any(_allows(term, node) for term in topologies):
        return NOTHING_TO_BIND
    return "" if _has_space(each.claim, storage_class, node, volumes) else NO_SPACE


def _allows(term: Obj, node: NodeInfo) -> bool:
    rules = term.get("matchLabelExpressions") or ()
    return bool(rules) and all(node.labels.get(rule["key"]) in (rule.get("values") or ()) for rule in rules)


def _has_space(claim: Obj, storage_class: Obj, node: NodeInfo, volumes: Volumes) -> bool:
    """Whether the driver says that it has room near the node; only drivers that want to be asked are."""
    driver = volumes.drivers.get(storage_class["provisioner"])
    if driver is None or not driver["spec"].get("storageCapacity"):
        return True
    for each in volumes.capacities.values():
        limit = each.get("maximumVolumeSize") or each.get("capacity")
        if (
            each.get("storageClassName") == storage_class["metadata"]["name"]
            and limit is not None
            and quantity.compare(limit, volume_binding.wanted(claim)) >= 0
            and labels.from_selector(each.get("nodeTopology")).matches(node.labels)
        ):
            return True
    return False
