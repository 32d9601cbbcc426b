"""What a page needs beside its object: the time, events, and other objects of the server."""

from __future__ import annotations

import time
from typing import Any

from hyperpy.api import errors, kinds
from hyperpy.api.kinds import Kind
from hyperpy.client.sync import SyncClient

Obj = dict[str, Any]


class Surroundings:
    """Asks the server for what belongs to one object.

    Args:
        kind: of the object.
        obj: the object.
    """

    def __init__(self, client: SyncClient, kind: Kind, obj: Obj) -> None:
        self._client = client
        self._kind = kind
        self._meta = obj["metadata"]
        self.now = time.time()

    def events(self) -> list[Obj]:
        """The events about the object, the oldest first. The kubelet knows a Node by its name only."""
        wanted = {"involvedObject.kind": self._kind.kind, "involvedObject.name": self._meta["name"]}
        if self._kind != kinds.NODE:
            wanted["involvedObject.uid"] = self._meta["uid"]
        selector = ",".join(f"{field}={value}" for field, value in wanted.items())
        return self.list(kinds.EVENT, namespace=self._meta.get("namespace"), field_selector=selector)

    def list(self, kind: Kind, *, namespace: str | None = None, **selectors: str) -> list[Obj]:
        """Objects of the server; none when this user may not see them."""
        try:
            return self._client.list(kind, namespace=namespace, **selectors)
        except errors.Forbidden:
            return []

    def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Obj | None:
        """One object, or None."""
        try:
            return self._client.get(kind, name, namespace=namespace)
        except (errors.NotFound, errors.Forbidden):
            return None
