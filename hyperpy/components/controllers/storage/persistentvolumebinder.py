"""PersistentVolume binder: gives claims their volumes, and releases volumes whose claims are gone.

Watches: PersistentVolumeClaim, PersistentVolume, StorageClass, Pod.   Writes: PersistentVolume and its status,
PersistentVolumeClaim and its status.

A binding is written in four steps, each of which can be the last before a crash: the volume names the claim, the
volume is Bound, the claim names the volume, the claim is Bound. The first is refused when somebody else was faster, so
no volume has two claims. Volumes are made, and deleted, by provisioners: programs of their own that wait for the
annotation with their name on a claim (and `selected-node`, where the Pod's node matters), and for the phase Released.
Source: Concepts, "Persistent Volumes", "Dynamic Volume Provisioning". The planner is in `persistentvolumebinder_plan`.
"""

from __future__ import annotations

from collections.abc import Iterable

from hyperpy.api import default_class, errors, kinds, meta, pods, volume_binding
from hyperpy.api.kinds import Kind
from hyperpy.client.informer import Informer
from hyperpy.client.protocol import Obj
from hyperpy.client.workqueue import WorkQueue
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.storage import claim_index, persistentvolumebinder_plan
from hyperpy.components.controllers.storage.persistentvolumebinder_plan import Saying, Surroundings, VolumePlan
from hyperpy.components.controllers.upkeep.own_writes import OwnWrites

_FREE, _BY_CLAIM = "free-of-class", "claim-key"
_UNBOUND = "unbound-of-class"
#: Of a claim that names no class: it may get the default one, and any volume without a class.
_ANY = "\n"


class PersistentVolumeBinder:
    """Keys are claims (with a namespace) and volumes (without). One worker: two would only race for the same volume."""

    name = "persistentvolume-binder-controller"

    def __init__(self, context: Context, queue: WorkQueue) -> None:
        self._client = context.client
        self._queue = queue
        self._events = context.events("persistentvolume-controller")
        self._said: dict[str, tuple[str, Saying]] = {}
        self._written_claims, self._written_volumes = OwnWrites(), OwnWrites()
        self._claims = context.informers.of(kinds.PERSISTENT_VOLUME_CLAIM)
        self._claims.add_index(_UNBOUND, _classes_of_unbound)
        self._volumes = context.informers.of(kinds.PERSISTENT_VOLUME)
        self._volumes.add_index(_FREE, _class_of_free)
        self._volumes.add_index(_BY_CLAIM, _claim_key)
        self._classes = context.informers.of(kinds.STORAGE_CLASS)
        self._pods = context.informers.of(kinds.POD)
        claim_index.index_by_claim(self._pods)
        context.watch(kinds.PERSISTENT_VOLUME_CLAIM, self._claim_changed)
        context.watch(kinds.PERSISTENT_VOLUME, self._volume_changed)
        context.watch(kinds.STORAGE_CLASS, self._class_changed)
        context.watch(kinds.POD, self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """See to one claim or volume."""
        namespace, name = meta.split_key(key)
        if namespace is None:
            volume = self._newest(self._volumes, self._written_volumes, name)
            if volume is not None:
                await self._see_to_volume(volume)
        else:
            claim = self._newest(self._claims, self._written_claims, name, namespace)
            if claim is not None:
                await self._see_to_claim(claim)
        return None

    async def _see_to_claim(self, claim: Obj) -> None:
        plan = persistentvolumebinder_plan.claim(claim, await self._around(claim))
        if plan.bind_to is not None:
            await self._bind(plan.bind_to, claim)
            return
        if plan.default_class:
            wanted = {**claim, "spec": {**claim["spec"], "storageClassName": plan.default_class}}
            await self._write_claim(wanted)
            return
        if plan.provisioner:
            claim = await self._ask(claim, plan.provisioner)
        changes = plan.phase and (claim.get("status") or {}).get("phase") != plan.phase
        if changes or (plan.phase and _has_volume_status(claim)):
            rest = {name: v for name, v in (claim.get("status") or {}).items() if name not in _FROM_VOLUME}
            claim = await self._write_claim({**claim, "status": {**rest, "phase": plan.phase}}, "status")
        if plan.saying is not None and (changes or plan.phase != "Lost"):
            self._say(claim, kinds.PERSISTENT_VOLUME_CLAIM, plan.saying)

    async def _around(self, claim: Obj) -> Surroundings:
        key, name = meta.key(claim), volume_binding.class_of(claim)
        there = {
            volume["metadata"]["name"]: self._written_volumes.newest(volume)
            for volume in (*self._volumes.by_index(_FREE, name), *self._volumes.by_index(_BY_CLAIM, key))
        }
        waiting = sorted(
            pod["metadata"]["name"]
            for pod in claim_index.users(self._pods, key)
            if not pod["spec"].get("nodeName") and not pods.is_terminal(pod)
        )
        default = default_class.choose(self._classes.list(), default_class.STORAGE_CLASS)
        return Surroundings(
            volumes=there.values(),
            named=await self._named(claim),
            storage_class=self._classes.get(name) if name else None,
            default_class=default["metadata"]["name"] if default is not None else "",
            waiting_pods=waiting,
        )

    async def _named(self, claim: Obj) -> Obj | None:
        """The volume that a claim names. That one is gone is believed to the API only: the claim would be Lost."""
        name = claim["spec"].get("volumeName")
        found = self._newest(self._volumes, self._written_volumes, name) if name else None
        if found is not None or not name or volume_binding.annotation(claim, volume_binding.BIND_COMPLETED) is None:
            return found
        return await self._get(kinds.PERSISTENT_VOLUME, name)

    async def _bind(self, volume: Obj, claim: Obj) -> None:
        """Write what of a binding is not written yet."""
        bound = volume_binding.bound_volume(volume, claim)
        if bound is not volume:
            volume = await self._write_volume(bound)
        if (volume.get("status") or {}).get("phase") != "Bound":
            volume = await self._write_volume({**volume, "status": _phase(volume, "Bound")}, "status")
        named = volume_binding.bound_claim(claim, volume)
        if named is not claim:
            claim = await self._write_claim(named)
        status = _bound_status(claim, volume)
        if status != (claim.get("status") or {}):
            await self._write_claim({**claim, "status": status}, "status")
        self._said.pop(meta.key(claim), None)

    async def _ask(self, claim: Obj, provisioner: str) -> Obj:
        """Name the provisioner whose turn it is."""
        names = {volume_binding.PROVISIONER: provisioner, volume_binding.PROVISIONER_BETA: provisioner}
        if all(volume_binding.annotation(claim, name) == value for name, value in names.items()):
            return claim
        return await self._write_claim(volume_binding.annotated(claim, names))

    async def _see_to_volume(self, volume: Obj) -> None:
        owner = await self._owner(volume)
        plan = persistentvolumebinder_plan.volume(volume, owner)
        if plan.unbind:
            volume = await self._write_volume(volume_binding.unbound_volume(volume))
        await self._write_phase(volume, plan)
        if plan.claim_saying is not None and owner is not None:
            self._say(owner, kinds.PERSISTENT_VOLUME_CLAIM, plan.claim_saying)
        if plan.look_at_claim:
            for key in _claim_key(volume):
                self._queue.add(key)

    async def _write_phase(self, volume: Obj, plan: VolumePlan) -> None:
        changes = bool(plan.phase) and (volume.get("status") or {}).get("phase") != plan.phase
        if changes:
            status = _phase(volume, plan.phase, plan.message)
            volume = await self._write_volume({**volume, "status": status}, "status")
        if plan.saying is not None and (changes or not plan.phase):
            self._say(volume, kinds.PERSISTENT_VOLUME, plan.saying)

    async def _owner(self, volume: Obj) -> Obj | None:
        """The claim that a volume was bound to. That it is gone is believed to the API only: data may go with it."""
        reference = volume["spec"].get("claimRef") or {}
        if not reference.get("uid"):
            return None
        namespace, name = reference["namespace"], reference["name"]
        found = self._newest(self._claims, self._written_claims, name, namespace)
        if found is None or found["metadata"]["uid"] != reference["uid"]:
            found = await self._get(kinds.PERSISTENT_VOLUME_CLAIM, name, namespace)
        return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None

    async def _get(self, kind: Kind, name: str, namespace: str | None = None) -> Obj | None:
        try:
            return await self._client.get(kind, name, namespace=namespace)
        except errors.NotFound:
            return None

    async def _write_claim(self, claim: Obj, subresource: str = "") -> Obj:
        answer = await self._client.update(kinds.PERSISTENT_VOLUME_CLAIM, claim, subresource=subresource)
        self._written_claims.note(answer)
        return answer

    async def _write_volume(self, volume: Obj, subresource: str = "") -> Obj:
        answer = await self._client.update(kinds.PERSISTENT_VOLUME, volume, subresource=subresource)
        self._written_volumes.note(answer)
        return answer

    @staticmethod
    def _newest(informer: Informer, written: OwnWrites, name: str, namespace: str | None = None) -> Obj | None:
        cached = informer.get(name, namespace)
        return written.newest(cached) if cached is not None else None

    def _say(self, obj: Obj, kind: Kind, saying: Saying) -> None:
        """Tell users, unless that is what they were told last. Remembered as long as there is the object."""
        key, said = meta.key(obj), (obj["metadata"]["uid"], saying)
        if self._said.get(key) != said:
            self._said[key] = said
            self._events.event(obj, kind, saying.type, saying.reason, saying.message)

    def _claim_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        claim = new or old
        assert claim is not None
        key = meta.key(claim)
        self._written_claims.observe(event, claim)
        if event == "DELETED":
            self._said.pop(key, None)
        else:
            self._queue.add(key)
        self._add_volumes(claim)

    def _add_volumes(self, claim: Obj) -> None:
        """The volumes that name a claim, and the one that it names."""
        for volume in self._volumes.by_index(_BY_CLAIM, meta.key(claim)):
            self._queue.add(volume["metadata"]["name"])
        if claim["spec"].get("volumeName"):
            self._queue.add(claim["spec"]["volumeName"])

    def _volume_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        volume = new or old
        assert volume is not None
        name = volume["metadata"]["name"]
        self._written_volumes.observe(event, volume)
        if event == "DELETED":
            self._said.pop(name, None)
        else:
            self._queue.add(name)
        for key in {*_claim_key(volume), *(_claim_key(old) if old is not None else ())}:
            self._queue.add(key)
        if event != "DELETED" and volume["spec"].get("claimRef") is None and not _as_free(old, volume):
            name = volume_binding.class_of(volume)
            for wanted in (name,) if name else ("", _ANY):
                self._add_unbound(wanted)

    def _class_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        storage_class = new or old
        assert storage_class is not None
        for wanted in (storage_class["metadata"]["name"], _ANY):
            self._add_unbound(wanted)

    def _add_unbound(self, wanted: str) -> None:
        for claim in self._claims.by_index(_UNBOUND, wanted):
            self._queue.add(meta.key(claim))

    def _pod_changed(self, event: str, old: Obj | None, new: Obj | None) -> None:
        """A claim that waits for its first Pod says which one it is."""
        pod = new or old
        assert pod is not None
        if event == "MODIFIED" and old is not None and old["spec"].get("nodeName") == pod["spec"].get("nodeName"):
            return
        for key in claim_index.keys(pod):
            namespace, name = meta.split_key(key)
            claim = self._claims.get(name, namespace)
            if claim is not None and not volume_binding.is_bound(claim):
                self._queue.add(key)


#: What a claim's status has from its volume.
_FROM_VOLUME = ("accessModes", "capacity")


def _has_volume_status(claim: Obj) -> bool:
    return any(name in (claim.get("status") or {}) for name in _FROM_VOLUME)


def _phase(volume: Obj, phase: str, message: str = "") -> Obj:
    status = {**(volume.get("status") or {}), "phase": phase, "message": message}
    return {name: value for name, value in status.items() if value}


def _bound_status(claim: Obj, volume: Obj) -> Obj:
    """A claim's status once it is bound. Its capacity is the volume's then; later who resizes it says so."""
    status: Obj = {**(claim.get("status") or {}), "accessModes": volume["spec"].get("accessModes") or []}
    if status.get("phase") != "Bound" or "capacity" not in status:
        status["capacity"] = volume["spec"].get("capacity") or {}
        attributes = volume["spec"].get("volumeAttributesClassName")
        if attributes:
            status["currentVolumeAttributesClassName"] = attributes
    return {**status, "phase": "Bound"}


def _as_free(old: Obj | None, volume: Obj) -> bool:
    """Whether a volume was as free before, and for the same claims: a new status, for example."""
    return (
        old is not None
        and old["spec"] == volume["spec"]
        and old["metadata"].get("labels") == volume["metadata"].get("labels")
    )


def _class_of_free(volume: Obj) -> Iterable[str]:
    return (volume_binding.class_of(volume),) if volume["spec"].get("claimRef") is None else ()


def _claim_key(volume: Obj) -> Iterable[str]:
    reference = volume["spec"].get("claimRef")
    return (f"{reference.get('namespace')}/{reference.get('name')}",) if reference else ()


def _classes_of_unbound(claim: Obj) -> Iterable[str]:
    if volume_binding.annotation(claim, volume_binding.BIND_COMPLETED) is not None:
        return ()
    return (volume_binding.class_of(claim),) if volume_binding.has_class(claim) else (_ANY,)
