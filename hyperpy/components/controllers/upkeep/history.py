"""The revisions of a Pod template, kept as ControllerRevisions: StatefulSets and DaemonSets share them.

A revision's name follows from its template, so that a crash or a stale cache makes no second one. Source: the API
reference of ControllerRevision; `kubectl rollout undo` applies `data` to the owner as a strategic merge patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hyperpy.api import errors, kinds, labels, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import DeleteOptions, Obj
from hyperpy.components.controllers.context import Context
from hyperpy.components.controllers.upkeep import adoption, owner_index, ownership
from hyperpy.components.controllers.upkeep.template_hash import template_hash

#: On Pods: the revision that they were made from.
LABEL = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Revisions:
    """What an owner has.

    Args:
        all: from the oldest number to the newest.
        update: the one of the present template.
        collisions: for `status.collisionCount`.
    """

    all: tuple[Obj, ...]
    update: Obj
    collisions: int

    def named(self, name: str) -> Obj | None:
        """The revision of that name."""
        return next((each for each in self.all if each["metadata"]["name"] == name), None)


def data_of(template: Obj) -> Obj:
    """A template as a patch that puts it in the place of another one."""
    return {"spec": {"template": {**template, "$patch": "replace"}}}


def template_of(revision: Obj) -> Obj:
    """The template that a revision holds."""
    template: dict[str, Any] = revision["data"]["spec"]["template"]
    return {name: value for name, value in template.items() if name != "$patch"}


def in_order(revisions: Sequence[Obj]) -> list[Obj]:
    """From the oldest number to the newest."""
    return sorted(revisions, key=lambda each: (each.get("revision", 0), each["metadata"]["name"]))


def to_forget(revisions: Sequence[Obj], *, live: set[str], limit: int) -> list[Obj]:
    """Of the revisions that nothing uses, the oldest beyond the limit.

    Args:
        live: names of those in use.
    """
    unused = [each for each in in_order(revisions) if each["metadata"]["name"] not in live]
    return unused[: max(0, len(unused) - limit)]


class History:
    """Reads and writes the ControllerRevisions of one kind of owner.

    Args:
        hash_label: the label that carries the hash on the revision itself.
    """

    def __init__(self, context: Context, kind: Kind, *, hash_label: str) -> None:
        self._client = context.client
        self._kind = kind
        self._hash_label = hash_label
        self._revisions = context.informers.of(kinds.CONTROLLER_REVISION)
        owner_index.index_by_controller(self._revisions)

    async def of(self, owner: Obj) -> Revisions:
        """The owner's revisions; the one of its present template is made, or becomes the newest again.

        Raises:
            errors.StatusError: one could not be written.
        """
        found = in_order(await self._claim(owner))
        data = data_of(owner["spec"]["template"])
        collisions = (owner.get("status") or {}).get("collisionCount") or 0
        same = [each for each in found if each.get("data") == data]
        number = max((each.get("revision", 0) for each in found), default=0)
        if not same:
            made, collisions = await self._create(owner, data, number + 1, collisions)
            return Revisions((*(each for each in found if each is not made), made), made, collisions)
        update = same[-1]
        if update is not found[-1]:  # back to an older template
            renewed = await self._client.update(kinds.CONTROLLER_REVISION, {**update, "revision": number + 1})
            found = [*(each for each in found if each is not update), renewed]
            update = renewed
        return Revisions(tuple(found), update, collisions)

    async def forget(self, revisions: Sequence[Obj], *, live: set[str], limit: int) -> None:
        """Delete what is beyond the limit of the history."""
        for each in to_forget(revisions, live=live, limit=limit):
            about = each["metadata"]
            try:
                await self._client.delete(
                    kinds.CONTROLLER_REVISION,
                    about["name"],
                    namespace=about["namespace"],
                    options=DeleteOptions(uid=about["uid"]),
                )
            except (errors.NotFound, errors.Conflict):
                pass

    async def _claim(self, owner: Obj) -> list[Obj]:
        claims = ownership.claim(
            owner,
            owner_index.candidates(self._revisions, owner),
            matches=labels.from_selector(owner["spec"].get("selector")).matches,
        )
        return await adoption.settle(
            self._client, claims, kind=kinds.CONTROLLER_REVISION, owner=owner, owner_kind=self._kind
        )

    async def _create(self, owner: Obj, data: Obj, number: int, collisions: int) -> tuple[Obj, int]:
        """Make a revision; when its name is another template's, the next name is tried."""
        while True:
            wanted = self._revision(owner, data, number, collisions)
            about = wanted["metadata"]
            try:
                return await self._client.create(kinds.CONTROLLER_REVISION, wanted), collisions
            except errors.AlreadyExists:
                there = await self._client.get(kinds.CONTROLLER_REVISION, about["name"], namespace=about["namespace"])
                if there.get("data") == data and ownership.controller_uid(there) == owner["metadata"]["uid"]:
                    return there, collisions
                collisions += 1

    def _revision(self, owner: Obj, data: Obj, number: int, collisions: int) -> Obj:
        about, template = owner["metadata"], owner["spec"]["template"]
        hashed = template_hash(template, collisions=collisions)
        own_labels = {**((template.get("metadata") or {}).get("labels") or {}), self._hash_label: hashed}
        metadata: Obj = {
            "name": f"{about['name']}-{hashed}",
            "namespace": about["namespace"],
            "labels": own_labels,
            "ownerReferences": [meta.owner_reference(self._kind, owner)],
        }
        if about.get("annotations"):
            metadata["annotations"] = about["annotations"]
        return {
            "apiVersion": kinds.CONTROLLER_REVISION.api_version,
            "kind": kinds.CONTROLLER_REVISION.kind,
            "metadata": metadata,
            "data": data,
            "revision": number,
        }
