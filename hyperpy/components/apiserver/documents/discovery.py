"""Discovery: which groups, versions, kinds and subresources there are, in the old form and aggregated.

/api  /apis  /api/v1  /apis/GROUP  /apis/GROUP/VERSION; `/api` and `/apis` answer with everything at once when the
Accept header asks for APIGroupDiscoveryList (KEP-3352).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind, Registry
from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.aggregation.directory import Directory

_DISCOVERY_GROUP = "apidiscovery.k8s.io"
_AGGREGATED_VERSIONS = ("v2", "v2beta1")

_EDIT = ("get", "patch", "update")
_CONNECT = ("create", "get")
_PROXY = ("create", "delete", "get", "patch", "update")
#: Subresource -> (group, version, kind) of its objects and its verbs. An empty kind is the parent's own; `*` in a kind
#: is replaced by the parent's.
_SUBRESOURCES: dict[str, tuple[tuple[str, str, str], tuple[str, ...]]] = {
    "status": (("", "", ""), _EDIT),
    "ephemeralcontainers": (("", "", ""), _EDIT),
    "resize": (("", "", ""), _EDIT),
    "approval": (("", "", ""), _EDIT),
    "finalize": (("", "", ""), ("update",)),
    "scale": (("autoscaling", "v1", "Scale"), _EDIT),
    "binding": (("", "", "Binding"), ("create",)),
    "eviction": (("policy", "v1", "Eviction"), ("create",)),
    "token": (("authentication.k8s.io", "v1", "TokenRequest"), ("create",)),
    "log": (("", "", ""), ("get",)),
    "exec": (("", "", "*ExecOptions"), _CONNECT),
    "attach": (("", "", "*AttachOptions"), _CONNECT),
    "portforward": (("", "", "*PortForwardOptions"), _CONNECT),
    "proxy": (("", "", "*ProxyOptions"), _PROXY),
}


class Discovery:
    """Answers discovery requests from the registry and for the servers behind APIServices; documents are made once,
    and again when one of these changes.

    Args:
        server_address: what `/api` tells clients: `host:port`.
        directory: the order of groups and versions, and what other servers answer.
    """

    def __init__(self, registry: Registry, *, server_address: str, directory: Directory | None = None) -> None:
        self._registry = registry
        self._server_address = server_address
        self._directory = directory or Directory()
        self._generation = 0
        self._kinds: tuple[Kind, ...] = ()
        self._documents: dict[str, _Document] = {}

    def answer(self, request: Request) -> Response | None:
        """The answer to a request for a discovery path, or None when the path is not one."""
        parts = request.path.strip("/").split("/")
        if parts[0] not in ("api", "apis") or len(parts) > (2 if parts[0] == "api" else 3):
            return None
        if request.method not in ("GET", "HEAD"):
            raise errors.MethodNotAllowed(f"{request.method} is not allowed on {request.path}")
        version = _aggregated(request.headers.get("accept", "")) if len(parts) == 1 else ""
        return self._document("/".join(parts), version).answer(request)

    def paths(self) -> list[str]:
        """The path of every group and version."""
        found = {"/api/v1"}
        for kind in self._registry:
            if kind.group:
                found |= {f"/apis/{kind.group}", f"/apis/{kind.group}/{kind.version}"}
        for group, version in self._directory.remotes:
            found |= {f"/apis/{group}", f"/apis/{group}/{version}"}
        return sorted(found)

    def _document(self, path: str, aggregated: str) -> _Document:
        kinds = tuple(self._registry)
        if kinds != self._kinds or self._generation != self._directory.generation:
            self._kinds = kinds
            self._generation = self._directory.generation
            self._documents.clear()
        key = f"{path};{aggregated}"
        found = self._documents.get(key)
        if found is None:
            found = self._documents[key] = self._make(path, aggregated)
        return found

    def _make(self, path: str, aggregated: str) -> _Document:
        root, _, rest = path.partition("/")
        if aggregated:
            content_type = f"application/json;g={_DISCOVERY_GROUP};v={aggregated};as=APIGroupDiscoveryList"
            return _Document(self._aggregate(core=root == "api", version=aggregated), content_type)
        if root == "api":
            return _Document(self._api_version(rest))
        return _Document(self._api_group(rest))

    def _api_version(self, version: str) -> dict[str, Any]:
        core = [kind for kind in self._kinds if not kind.group]
        if not version:
            address = {"clientCIDR": "0.0.0.0/0", "serverAddress": self._server_address}
            versions = self._versions("")
            return {"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": [address]}
        return _resource_list(version, [kind for kind in core if kind.version == version])

    def _api_group(self, rest: str) -> dict[str, Any]:
        if not rest:
            groups = [_group(name, self._versions(name)) for name in self._groups() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        group, _, version = rest.partition("/")
        if not version:
            versions = self._versions(group)
            if not group or not versions:
                raise _unknown()
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}
        return _resource_list(f"{group}/{version}", self._members(group, version))

    def _aggregate(self, *, core: bool, version: str) -> dict[str, Any]:
        """An APIGroupDiscoveryList. The core group has the name ""."""
        remote = self._directory.discovered()
        items = []
        for group in self._groups():
            if core != (not group):
                continue
            versions = [
                remote.get((group, name))
                or {
                    "version": name,
                    "resources": [_discovered(kind) for kind in _sorted(self._members(group, name))],
                    "freshness": "Current",
                }
                for name in self._versions(group)
            ]
            meta = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
            items.append({"metadata": meta, "versions": versions})
        api_version = f"{_DISCOVERY_GROUP}/{version}"
        return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}

    def _members(self, group: str, version: str) -> list[Kind]:
        return [kind for kind in self._kinds if (kind.group, kind.version) == (group, version)]

    def _places(self) -> set[tuple[str, str]]:
        return {(kind.group, kind.version) for kind in self._kinds} | self._directory.remotes.keys()

    def _groups(self) -> list[str]:
        """Every group, those of the greatest priority first."""
        highest: dict[str, int] = {}
        for group, version in self._places():
            highest[group] = max(highest.get(group, 0), self._directory.priority(group, version).group)
        return sorted(highest, key=lambda group: (-highest[group], group))

    def _versions(self, group: str) -> list[str]:
        """The versions of a group, the preferred one first: by priority, then as v2, v1, v1beta2, v1alpha1."""
        found = [version for name, version in self._places() if name == group]
        return sorted(
            found, key=lambda version: (-self._directory.priority(group, version).version, _maturity(version))
        )


class _Document:
    """An encoded document with its ETag."""

    def __init__(self, value: dict[str, Any], content_type: str = "application/json") -> None:
        self._body = orjson.dumps(value)
        self._content_type = content_type
        self._etag = f'"{hashlib.sha512(self._body).hexdigest().upper()}"'

    def answer(self, request: Request) -> Response:
        headers = {"ETag": self._etag, "Vary": "Accept", "Cache-Control": "public"}
        if self._etag in request.headers.get("if-none-match", ""):
            return Response(304, b"", self._content_type, headers)
        return Response(200, self._body, self._content_type, headers)


def _aggregated(accept: str) -> str:
    """The version of aggregated discovery that is asked for before plain JSON, or ""."""
    for clause in accept.split(","):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        if media_type not in ("application/json", "*/*", "application/*"):
            continue
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if given.get("as") != "APIGroupDiscoveryList":
            return ""
        if given.get("g") == _DISCOVERY_GROUP and given.get("v") in _AGGREGATED_VERSIONS:
            return given["v"]
    return ""


def _sorted(kinds: Iterable[Kind]) -> list[Kind]:
    return sorted(kinds, key=lambda kind: kind.plural)


def _maturity(version: str) -> tuple[int, int, int, str]:
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if match is None:
        return (3, 0, 0, version)
    major, stage, minor = int(match[1]), match[2], int(match[3] or 0)
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -major, -minor, "")


def _group(name: str, versions: Sequence[str]) -> dict[str, Any]:
    told = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": told, "preferredVersion": told[0]}


def _resource_list(group_version: str, kinds: Sequence[Kind]) -> dict[str, Any]:
    if not kinds:
        raise _unknown()
    resources = []
    for kind in _sorted(kinds):
        resources.append(_resource(kind))
        resources += [_subresource(kind, name) for name in sorted(kind.subresources)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _resource(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
        **({"storageVersionHash": _storage_version(kind)} if "create" in kind.verbs and "get" in kind.verbs else {}),
    }


def _storage_version(kind: Kind) -> str:
    """By which clients see that objects are stored in another version than before."""
    stored = kind.storage
    text = f"{stored.group}/{stored.version}/{stored.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _subresource(kind: Kind, name: str) -> dict[str, Any]:
    (group, version, of), verbs = _SUBRESOURCES[name]
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        **({"group": group, "version": version} if group else {}),
        "kind": of.replace("*", kind.kind) or kind.kind,
        "verbs": list(verbs),
    }


def _discovered(kind: Kind) -> dict[str, Any]:
    subresources = []
    for name in sorted(kind.subresources):
        (group, version, of), verbs = _SUBRESOURCES[name]
        response = {"group": group, "version": version, "kind": of.replace("*", kind.kind) or kind.kind}
        subresources.append({"subresource": name, "responseKind": response, "verbs": list(verbs)})
    return {
        "resource": kind.plural,
        "responseKind": {"group": "", "version": "", "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
        **({"subresources": subresources} if subresources else {}),
    }


def _unknown() -> errors.NotFound:
    return errors.NotFound("the server could not find the requested resource")
