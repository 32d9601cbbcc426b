"""Patches: which kind a request sends, and the document it makes of another. Pure but for the decoding.

Source: the API reference, "PATCH operations".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from hyperpy.api import errors, patch
from hyperpy.api.schema import Node
from hyperpy.api.schema.cause import invalid as invalid_cause
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.content import negotiation

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_TAKEN = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)
_LISTED = ", ".join((*_TAKEN, APPLY_PATCH))

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Patch:
    """A decoded patch. `repeated` are the paths of keys it holds twice."""

    media_type: str
    content: Any
    raw: bytes
    repeated: tuple[str, ...] = ()

    def apply(self, doc: Doc, node: Node | None) -> Doc:
        """The patched document; `doc` stays as it is.

        Args:
            node: the root of the kind's schema, for a strategic merge.
        Raises:
            BadRequest: the patch makes no sense.
            Invalid: it does not apply to this document.
        """
        try:
            result = self._applied(doc, node)
        except patch.MalformedPatch as error:
            raise errors.BadRequest(str(error)) from error
        except patch.PatchError as error:
            raise errors.Invalid(f"the server rejected our request due to an error in our request: {error}") from error
        if not isinstance(result, dict):
            raise errors.BadRequest("the patch makes something else than an object of the whole document")
        return result

    @property
    def touches_managers(self) -> bool:
        """Whether the patch may read or write `metadata.managedFields`: most do not, and need not carry it along."""
        if b"managedFields" in self.raw or b"\\u" in self.raw:
            return True
        if self.media_type != JSON_PATCH:
            return False
        places = (op.get(key) for op in self.content if isinstance(op, dict) for key in ("path", "from"))
        return any(place in ("", "/metadata") for place in places)

    def _applied(self, doc: Doc, node: Node | None) -> Any:
        if self.media_type == JSON_PATCH:
            return patch.json_patch(doc, self.content)
        if self.media_type == MERGE_PATCH:
            return patch.merge_patch(doc, self.content)
        return patch.strategic_merge(doc, self.content, node)

    def rejection(self, why: str) -> errors.Invalid:
        """The 422 for a patch whose result is not a good object."""
        cause = invalid_cause("patch", self.raw.decode(errors="replace"), why)
        return errors.Invalid(f' "" is invalid: {cause}', details={"causes": [cause.detail()]})


def media_type(request: Request) -> str:
    """The kind of patch that a request says it sends."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read(request: Request, *, find_repeated: bool) -> Patch:
    """The patch in a request's body.

    Raises:
        UnsupportedMediaType: it is of no kind that is taken here.
        BadRequest: it does not parse.
    """
    sent = media_type(request)
    if sent not in _TAKEN:
        raise errors.UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {_LISTED}"
        )
    if sent == JSON_PATCH:
        return Patch(sent, _operations(request.body), request.body)
    body = negotiation.decode_json(request.body, find_repeated=find_repeated)
    return Patch(sent, body.value, request.body, body.repeated)


def check_custom(content: Patch) -> None:
    """Refuse a strategic merge patch: objects of custom kinds have no merge keys. Raises UnsupportedMediaType."""
    if content.media_type == STRATEGIC_PATCH:
        listed = ", ".join((JSON_PATCH, MERGE_PATCH, APPLY_PATCH))
        raise errors.UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {listed}"
        )


def _operations(raw: bytes) -> list[Any]:
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise errors.BadRequest(f"error decoding patch: {error}") from error
    if not isinstance(content, list):
        raise errors.BadRequest("error decoding patch: a JSON patch is a list of operations")
    return content
