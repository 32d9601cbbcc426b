"""What a request asks for: the parts of its URL path, and its verb in Kubernetes' sense.

Source: Kubernetes' documentation, "Authorization overview: Determine the request verb", and the rules of the
API server's RequestInfo resolver. The deprecated `/watch/` prefix is understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperpy.api import fields

_PREFIXES = ("api", "apis")
_PATH_VERBS = ("proxy", "watch")
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_TRUE = ("1", "t", "T", "true", "TRUE", "True")


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request, taken apart. Where `is_resource` is False only `verb` (the method in lower case) and `path` are set.

    Args:
        verb: get, list, watch, create, update, patch, delete, deletecollection.
        prefix: `api` or `apis`; `group` is "" for the former.
        namespace: of the objects; for a Namespace its own name.
        name: also when a list or watch asks for one object by `fieldSelector=metadata.name=`.
        parts: resource, name, subresource and whatever follows (a proxy's path).
    """

    verb: str
    path: str
    is_resource: bool = False
    prefix: str = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()


def parse(method: str, path: str, query: Mapping[str, tuple[str, ...]]) -> RequestInfo:
    """Take a request apart.

    Args:
        method: upper-case HTTP method.
        path: the decoded URL path.
        query: every value of every parameter.
    Raises:
        ValueError: the path names a verb and nothing after it.
    """
    pieces = path.strip("/").split("/")
    if pieces[0] not in _PREFIXES or len(pieces) < (3 if pieces[0] == "api" else 4):
        return RequestInfo(method.lower(), path)
    prefix = pieces[0]
    group = "" if prefix == "api" else pieces[1]
    version, *parts = pieces[1:] if prefix == "api" else pieces[2:]
    verb = _VERBS.get(method, "")
    if parts[0] in _PATH_VERBS:
        verb, *parts = parts
        if not parts:
            raise ValueError(f"unable to determine kind and namespace from url, {path}")
    namespace, parts = _namespace(parts)
    name = parts[1] if len(parts) > 1 else ""
    if not name:
        verb, name = _collection(verb, query)
    return RequestInfo(
        verb=verb,
        path=path,
        is_resource=True,
        prefix=prefix,
        group=group,
        version=version,
        namespace=namespace,
        resource=parts[0],
        subresource=parts[2] if len(parts) > 2 and verb != "proxy" else "",
        name=name,
        parts=tuple(parts),
    )


def _namespace(parts: list[str]) -> tuple[str, list[str]]:
    """The namespace, and the parts from the resource on. `namespaces/x` alone is the Namespace x itself."""
    if parts[0] != "namespaces" or len(parts) < 2:
        return "", parts
    if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
        return parts[1], parts[2:]
    return parts[1], parts


def _collection(verb: str, query: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """The verb on a collection, and the one name that its field selector asks for, if any."""
    if verb == "delete":
        return "deletecollection", ""
    if verb == "get":
        watching = query.get("watch", ("",))[0] in _TRUE
        return ("watch" if watching else "list"), _selected_name(query)
    return verb, ""


def _selected_name(query: Mapping[str, tuple[str, ...]]) -> str:
    text = query.get("fieldSelector", ("",))[0]
    if "metadata.name" not in text:
        return ""
    try:
        name = fields.parse(text).required.get("metadata.name", "")
    except ValueError:
        return ""
    return "" if name in (".", "..") or "/" in name or "%" in name else name
