"""The one Client contract: a component cannot tell a socket from the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hyperpy.api.kinds import Kind

Obj = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A list as it was at `resource_version`; `continue_token` is "" on the last page."""

    items: Sequence[Obj]
    resource_version: str
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK. (An ERROR event is raised as its StatusError instead.)"""

    type: str
    object: Obj


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """None means the kind's own default. `propagation` is Background, Foreground or Orphan."""

    grace_s: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None

    def document(self) -> Obj:
        """As the `DeleteOptions` object that a request carries."""
        body: Obj = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if self.grace_s is not None:
            body["gracePeriodSeconds"] = self.grace_s
        if self.propagation is not None:
            body["propagationPolicy"] = self.propagation
        preconditions = {"uid": self.uid, "resourceVersion": self.resource_version}
        if any(preconditions.values()):
            body["preconditions"] = {name: value for name, value in preconditions.items() if value}
        return body


class Client(Protocol):
    """Objects over the API under one identity. Every method raises `errors.StatusError` subclasses.

    `namespace` is needed for namespaced kinds where a single object is named; it is taken from the object's metadata
    in `create` and `update` when it is there.
    """

    async def get(
        self, kind: Kind, name: str, *, namespace: str | None = None, subresource: str | None = None
    ) -> Obj: ...

    async def list(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> ObjectList: ...

    def watch(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_s: int | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Events after `resource_version`, with bookmarks. Ends when the server ends it; raises `errors.Expired`."""

    async def create(
        self,
        kind: Kind,
        obj: Obj,
        *,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> Obj:
        """POST. With `name` and `subresource`: `pods/NAME/binding` and the like."""

    async def update(self, kind: Kind, obj: Obj, *, subresource: str | None = None) -> Obj: ...

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Any,
        *,
        namespace: str | None = None,
        patch_type: str = MERGE_PATCH,
        subresource: str | None = None,
    ) -> Obj: ...

    async def delete(
        self, kind: Kind, name: str, *, namespace: str | None = None, options: DeleteOptions | None = None
    ) -> Obj: ...

    async def raw(self, method: str, path: str, *, body: bytes = b"", content_type: str = "application/json") -> bytes:
        """Any path, for discovery and health."""

    async def aclose(self) -> None: ...
