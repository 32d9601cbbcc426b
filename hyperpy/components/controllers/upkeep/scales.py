"""The `scale` subresource of whatever kind has one, built-in, custom or of another server."""

from __future__ import annotations

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind, Registry
from hyperpy.client.protocol import Client, Obj

SCALE = "scale"


class Scales:
    """Finds kinds and reads and writes their objects' Scales. Kinds that are not built in are asked about each time.

    Args:
        registry: every built-in kind.
    """

    def __init__(self, client: Client, registry: Registry) -> None:
        self._client = client
        self._known = {(kind.group, kind.kind): kind for kind in registry if kind.stored is None}

    async def kind_of(self, api_version: str, kind: str) -> Kind | None:
        """The kind that a reference names, in the version it names or the one its group prefers; None: nobody has it.

        `Kind.subresources` tells whether it can be scaled.

        Raises:
            StatusError: the API did not tell.
        """
        group, _, version = api_version.rpartition("/")
        known = self._known.get((group, kind))
        if known is not None or not group:
            return known
        found = await self._listed(group, version, kind)
        if found is not None:
            return found
        try:
            preferred = orjson.loads(await self._client.raw("GET", f"/apis/{group}"))["preferredVersion"]["version"]
        except errors.NotFound:
            return None
        return await self._listed(group, preferred, kind) if preferred != version else None

    async def get(self, kind: Kind, name: str, namespace: str) -> Obj:
        """The Scale of an object. Raises StatusError."""
        return await self._client.get(kind, name, namespace=namespace, subresource=SCALE)

    async def update(self, kind: Kind, scale: Obj, replicas: int) -> Obj:
        """Write how many replicas are wanted into a Scale as it was read. Raises StatusError."""
        wanted = {**scale, "spec": {**(scale.get("spec") or {}), "replicas": replicas}}
        return await self._client.update(kind, wanted, subresource=SCALE)

    async def _listed(self, group: str, version: str, kind: str) -> Kind | None:
        try:
            listed = orjson.loads(await self._client.raw("GET", f"/apis/{group}/{version}"))
        except errors.NotFound:
            return None
        names = {each["name"]: each for each in listed.get("resources") or ()}
        for name, each in names.items():
            if each["kind"] == kind and "/" not in name:
                parts = (SCALE,) if f"{name}/{SCALE}" in names else ()
                return Kind(group, version, kind, name, bool(each.get("namespaced")), subresources=parts)
        return None
