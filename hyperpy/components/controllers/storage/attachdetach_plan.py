"""Which volumes a node must have attached, and which it must give back. Pure.

a Pod needs it ──▶ VolumeAttachment ──its driver attaches──▶ told in the Node's status ──the Pods are gone, and the
kubelet uses it no more──▶ told no longer ──▶ VolumeAttachment deleted, its driver detaches
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hyperpy.api import meta
from hyperpy.client.protocol import Obj

#: So long a node that does not answer may keep a volume in use. Source: kube-controller-manager.
PATIENCE_S = 360.0
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
_EXCLUSIVE = ({"ReadWriteOnce"}, {"ReadWriteOncePod"})


@dataclass(frozen=True, slots=True)
class Need:
    """A CSI volume that Pods on a node use.

    Args:
        volume: the PersistentVolume.
        pods: those Pods.
        elsewhere: the names of other nodes where it is attached.
    """

    volume: Obj
    pods: tuple[Obj, ...]
    elsewhere: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the PersistentVolume."""
        return str(self.volume["metadata"]["name"])

    @property
    def taken(self) -> bool:
        """Whether it can be on one node only, and is on another one."""
        return bool(self.elsewhere) and set(self.volume["spec"].get("accessModes") or ()) in _EXCLUSIVE


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for one node, in this order.

    Args:
        attached: what the Node's status must tell as attached; None: it does, or there is no Node.
        arrived: needs whose volume is told for the first time.
        attach: VolumeAttachments to create.
        detach: VolumeAttachments to delete.
        taken: needs that wait for another node.
        recheck_s: look again then, or None.
    """

    attached: list[Obj] | None
    arrived: tuple[Need, ...]
    attach: tuple[Obj, ...]
    detach: tuple[Obj, ...]
    taken: tuple[Need, ...]
    recheck_s: float | None = None


def attachment_name(volume: Obj, node: str) -> str:
    """The name of a VolumeAttachment: every controller and kubelet works it out so."""
    csi = volume["spec"]["csi"]
    digest = hashlib.sha256(f"{csi['volumeHandle']}{csi['driver']}{node}".encode()).hexdigest()
    return f"csi-{digest}"


def plan(
    name: str, node: Obj | None, needs: Iterable[Need], attachments: Iterable[Obj], volumes: Mapping[str, Obj], *,
    now: float,
) -> Plan:  # fmt: skip
    """What a node needs.

    Args:
        node: None when it is gone.
        attachments: the VolumeAttachments of this node that controllers made.
        volumes: the PersistentVolumes that those name, by name, as far as there are any.
    """
    wanted = {attachment_name(need.volume, name): need for need in needs}
    there = {each["metadata"]["name"]: each for each in attachments}
    unneeded = [each for key, each in there.items() if key not in wanted and not meta.is_deleting(each)]
    in_use = [each for each in unneeded if _in_use(each, node, volumes)]
    patience_s = _patience_s(node, now) if in_use else 0.0
    kept = in_use if patience_s > 0 else []
    told = sorted(
        _unique_name(each, volumes)
        for each in there.values()
        if _is_attached(each) and (each["metadata"]["name"] in wanted or each in kept) and not meta.is_deleting(each)
    )
    before = {each["name"] for each in ((node or {}).get("status") or {}).get("volumesAttached") or ()}
    missing = [need for key, need in wanted.items() if key not in there]
    return Plan(
        attached=None if node is None or set(told) == before else [{"name": each, "devicePath": ""} for each in told],
        arrived=tuple(
            need
            for key, need in wanted.items()
            if key in there and _is_attached(there[key]) and _unique_name(there[key], volumes) not in before
        ),
        attach=tuple(_attachment(need.volume, name) for need in missing if not need.taken),
        detach=tuple(each for each in unneeded if each not in kept),
        taken=tuple(need for need in missing if need.taken),
        recheck_s=patience_s if kept and patience_s != float("inf") else None,
    )


def _attachment(volume: Obj, node: str) -> Obj:
    source = {"persistentVolumeName": volume["metadata"]["name"]}
    spec = {"attacher": volume["spec"]["csi"]["driver"], "nodeName": node, "source": source}
    return {"metadata": {"name": attachment_name(volume, node)}, "spec": spec}


def _is_attached(attachment: Obj) -> bool:
    return bool((attachment.get("status") or {}).get("attached"))


def _unique_name(attachment: Obj, volumes: Mapping[str, Obj]) -> str:
    """How kubelets name it: by driver and handle; one whose volume is gone by its own name."""
    spec = attachment["spec"]
    volume = volumes.get(spec["source"].get("persistentVolumeName") or "")
    handle = volume["spec"]["csi"]["volumeHandle"] if volume is not None else attachment["metadata"]["name"]
    return f"kubernetes.io/csi/{spec['attacher']}^{handle}"


def _in_use(attachment: Obj, node: Obj | None, volumes: Mapping[str, Obj]) -> bool:
    """Whether the kubelet has it mounted, as far as it has told."""
    used: Sequence[str] = ((node or {}).get("status") or {}).get("volumesInUse") or ()
    return _unique_name(attachment, volumes) in used


def _patience_s(node: Obj | None, now: float) -> float:
    """How long to wait for a node that uses what it need not: not for one that is gone or out of service."""
    if node is None or any(taint["key"] == _OUT_OF_SERVICE for taint in node["spec"].get("taints") or ()):
        return 0.0
    ready = meta.condition(node, "Ready") or {}
    if ready.get("status") == "True" or not ready.get("lastTransitionTime"):
        return float("inf")
    return max(0.0, meta.parse_time(ready["lastTransitionTime"]) + PATIENCE_S - now)
