"""The object in the body of a review or token request: decoded, and made sure to be the kind that the URL names."""

from __future__ import annotations

from typing import Any

from hyperpy.api import errors
from hyperpy.api.wire import Request
from hyperpy.components.apiserver import negotiation


def decode(request: Request, *, api_version: str, kind: str) -> dict[str, Any]:
    """The posted object, with its apiVersion and kind filled in.

    Raises:
        UnsupportedMediaType: the body is neither JSON nor YAML.
        BadRequest: it does not parse, or is of another kind.
    """
    obj = negotiation.decode(request, find_repeated=False).value
    given = obj.get("apiVersion") or api_version, obj.get("kind") or kind
    if given != (api_version, kind):
        raise errors.BadRequest(f"the object in the body is {given[1]}.{given[0]}, expected {kind}.{api_version}")
    if not isinstance(obj.get("spec", {}), dict) or not isinstance(obj.get("metadata", {}), dict):
        raise errors.BadRequest(f"{kind}: metadata and spec must be objects")
    return {**obj, "apiVersion": api_version, "kind": kind}
