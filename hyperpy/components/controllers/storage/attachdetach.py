"""Attach and detach: asks CSI drivers, by VolumeAttachments, for the volumes of a node's Pods.

Watches: Pod, Node, VolumeAttachment, PersistentVolumeClaim, PersistentVolume, CSIDriver.   Writes: VolumeAttachment,
Node/status (volumesAttached), Event.

Only volumes of CSI drivers that attach at all (`attachRequired`). The drivers' own attachers carry it out and write the
status. The planner is in `attachdetach_plan`. Source: the API reference of VolumeAttachment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hyperpy.api import errors, kinds, meta, pods
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.storage import attachdetach_plan, claim_index
from hyperpy.components.controllers.storage.attachdetach_plan import Need, Plan

_WITH_CLAIMS, _BY_NODE, _BY_VOLUME = "with-claims-on-node", "node", "volume"


class AttachDetachController:
    """Keys are nodes. One without volumes costs nothing."""

    name = "persistentvolume-attach-detach-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._clock = context.clock
        self._queue = queue
        self._events = context.events("attachdetach-controller")
        #: The failures told last, by volume, of a VolumeAttachment or a Pod (its uid); they go with it.
        self._told: dict[str, dict[str, str]] = {}
        self._pods = context.informers.of(kinds.POD)
        claim_index.index_by_claim(self._pods)
        self._pods.add_index(_WITH_CLAIMS, _node_with_claims)
        self._nodes = context.informers.of(kinds.NODE)
        self._claims = context.informers.of(kinds.PERSISTENT_VOLUME_CLAIM)
        self._volumes = context.informers.of(kinds.PERSISTENT_VOLUME)
        self._drivers = context.informers.of(kinds.CSI_DRIVER)
        self._attachments = context.informers.of(kinds.VOLUME_ATTACHMENT)
        self._attachments.add_index(_BY_NODE, lambda each: (each["spec"]["nodeName"],))
        self._attachments.add_index(_BY_VOLUME, lambda each: (_volume_name(each),))
        context.watch(kinds.POD, self._pod_changed)
        context.watch(kinds.NODE, self._node_changed)
        context.watch(kinds.VOLUME_ATTACHMENT, self._attachment_changed)
        context.watch(kinds.PERSISTENT_VOLUME, self._volume_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one node's attachments in step."""
        made = [each for each in self._attachments.by_index(_BY_NODE, key) if _is_ours(each)]
        named = {_volume_name(each) for each in made}
        volumes = {name: volume for name in named if (volume := self._volumes.get(name)) is not None}
        node, needs = self._nodes.get(key), self._needs(key)
        plan = attachdetach_plan.plan(key, node, needs, made, volumes, now=self._clock.now())
        await self._carry_out(key, plan)
        self._tell(plan, needs, made)
        return plan.recheck_s

    async def _carry_out(self, node: str, plan: Plan) -> None:
        if plan.attached is not None:
            body = {"status": {"volumesAttached": plan.attached}}
            try:
                await self._client.patch(kinds.NODE, node, body, subresource="status")
            except errors.NotFound:
                pass
        for each in plan.attach:
            try:
                await self._client.create(kinds.VOLUME_ATTACHMENT, each)
            except errors.AlreadyExists:
                pass
        for each in plan.detach:
            try:
                await self._client.delete(kinds.VOLUME_ATTACHMENT, each["metadata"]["name"])
            except errors.NotFound:
                pass

    def _needs(self, node: str) -> list[Need]:
        """The volumes that the Pods of a node use, and that have to be attached."""
        users: defaultdict[str, list[Obj]] = defaultdict(list)
        for pod in self._pods.by_index(_WITH_CLAIMS, node):
            for key in claim_index.keys(pod):
                namespace, name = meta.split_key(key)
                claim = self._claims.get(name, namespace)
                users[(claim or {"spec": {}})["spec"].get("volumeName") or ""].append(pod)
        found = []
        for name, used_by in sorted(users.items()):
            volume = self._volumes.get(name)
            if volume is not None and self._has_to_be_attached(volume):
                on = {each["spec"]["nodeName"] for each in self._attachments.by_index(_BY_VOLUME, name)}
                found.append(Need(volume, tuple(used_by), tuple(sorted(on - {node}))))
        return found

    def _has_to_be_attached(self, volume: Obj) -> bool:
        csi = volume["spec"].get("csi")
        driver = self._drivers.get(csi["driver"]) if csi is not None else None
        return csi is not None and (driver is None or driver["spec"].get("attachRequired", True))

    def _tell(self, plan: Plan, needs: Iterable[Need], made: Iterable[Obj]) -> None:
        for need in plan.arrived:
            self._event(
                need, "Normal", "SuccessfulAttachVolume", f'AttachVolume.Attach succeeded for volume "{need.name}"'
            )
        for need in plan.taken:
            text = f'Multi-Attach error for volume "{need.name}" {self._who_has(need)}'
            for pod in need.pods:
                self._tell_once(pod["metadata"]["uid"], text, Need(need.volume, (pod,)))
        by_volume = {need.name: need for need in needs}
        for each in made:
            error = ((each.get("status") or {}).get("attachError") or {}).get("message")
            waiting = by_volume.get(_volume_name(each))
            if waiting is not None and error:
                text = f'AttachVolume.Attach failed for volume "{waiting.name}" : {error}'
                self._tell_once(each["metadata"]["name"], text, waiting)

    def _tell_once(self, key: str, text: str, need: Need) -> None:
        told = self._told.setdefault(key, {})
        if told.get(need.name) != text:
            told[need.name] = text
            self._event(need, "Warning", "FailedAttachVolume", text)

    def _event(self, need: Need, type: str, reason: str, message: str) -> None:
        for pod in need.pods:
            self._events.event(pod, kinds.POD, type, reason, message)

    def _who_has(self, need: Need) -> str:
        reference = need.volume["spec"].get("claimRef") or {}
        key = f"{reference.get('namespace')}/{reference.get('name')}"
        others = sorted(
            pod["metadata"]["name"]
            for pod in claim_index.users(self._pods, key)
            if pod["spec"].get("nodeName") in need.elsewhere and not pods.is_terminal(pod)
        )
        if others:
            return f"Volume is already used by pod(s) {', '.join(others)}"
        return "Volume is already exclusively attached to one node and can't be attached to another"

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        if event == "DELETED":
            self._told.pop(pod["metadata"]["uid"], None)
        if pod["spec"].get("nodeName") and claim_index.keys(pod):
            self._queue.add(pod["spec"]["nodeName"])

    def _node_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        name = node["metadata"]["name"]
        same = event == "MODIFIED" and old is not None and new is not None and _says(old) == _says(new)
        if not same and self._attachments.by_index(_BY_NODE, name):
            self._queue.add(name)

    def _attachment_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        attachment = new or old
        assert attachment is not None
        self._queue.add(attachment["spec"]["nodeName"])
        if event == "DELETED":
            self._told.pop(attachment["metadata"]["name"], None)
            volume = self._volumes.get(_volume_name(attachment))
            if volume is not None:
                self._add_users(volume)

    def _volume_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        if event != "DELETED" and new is not None and new["spec"].get("csi") is not None:
            self._add_users(new)

    def _add_users(self, volume: Obj) -> None:
        """The nodes of the Pods that use a volume."""
        reference = volume["spec"].get("claimRef") or {}
        for pod in claim_index.users(self._pods, f"{reference.get('namespace')}/{reference.get('name')}"):
            if pod["spec"].get("nodeName"):
                self._queue.add(pod["spec"]["nodeName"])


def _node_with_claims(pod: Obj) -> Iterable[str]:
    node = pod["spec"].get("nodeName")
    return (node,) if node and claim_index.keys(pod) and not pods.is_terminal(pod) else ()


def _volume_name(attachment: Obj) -> str:
    return attachment["spec"]["source"].get("persistentVolumeName") or ""


def _is_ours(attachment: Obj) -> bool:
    """Whether a controller of this kind made it, and not a user."""
    return attachment["metadata"]["name"].startswith("csi-") and bool(_volume_name(attachment))


def _says(node: Obj) -> tuple[object, ...]:
    """What of a node matters: what it uses, what it is told to have, and whether it answers."""
    status = node.get("status") or {}
    ready = (meta.condition(node, "Ready") or {}).get("status")
    return status.get("volumesInUse"), status.get("volumesAttached"), ready, node["spec"].get("taints")
