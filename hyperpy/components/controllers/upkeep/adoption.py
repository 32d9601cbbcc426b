"""Carries out claims: writes and removes the owner references by which a controller takes or lets go of objects."""

from __future__ import annotations

from hyperpy.api import errors, meta
from hyperpy.api.kinds import Kind
from hyperpy.client.protocol import Client, Obj
from hyperpy.components.controllers.upkeep.ownership import Claims


async def settle(client: Client, claims: Claims, *, kind: Kind, owner: Obj, owner_kind: Kind) -> list[Obj]:
    """Adopt and release as planned.

    Args:
        kind: of the claimed objects.
        owner: asked for once more from the API before the first adoption: the cache may not know yet that it is going.
    Returns:
        What the owner controls now, adopted objects in their new form.
    Raises:
        errors.Conflict: an object changed meanwhile; the next pass sees it.
    """
    owned = list(claims.owned)
    for obj in claims.release:
        uid = owner["metadata"]["uid"]
        kept = [ref for ref in obj["metadata"].get("ownerReferences") or () if ref["uid"] != uid]
        await _write(client, kind, obj, kept)
    if not claims.adopt or not await _is_staying(client, owner, owner_kind):
        return owned
    for obj in claims.adopt:
        references = obj["metadata"].get("ownerReferences") or []
        adopted = await _write(client, kind, obj, [*references, meta.owner_reference(owner_kind, owner)])
        if adopted is not None:
            owned.append(adopted)
    return owned


async def _is_staying(client: Client, owner: Obj, kind: Kind) -> bool:
    name, namespace = owner["metadata"]["name"], owner["metadata"].get("namespace")
    try:
        fresh = await client.get(kind, name, namespace=namespace)
    except errors.NotFound:
        return False
    return fresh["metadata"]["uid"] == owner["metadata"]["uid"] and not meta.is_deleting(fresh)


async def _write(client: Client, kind: Kind, obj: Obj, references: list[Obj]) -> Obj | None:
    """Replace the owner references of exactly this version of the object; None when it is gone."""
    seen = obj["metadata"]
    body = {
        "metadata": {
            "uid": seen["uid"],
            "resourceVersion": seen["resourceVersion"],
            "ownerReferences": references or None,
        }
    }
    try:
        return await client.patch(kind, seen["name"], body, namespace=seen.get("namespace"))
    except errors.NotFound:
        return None
