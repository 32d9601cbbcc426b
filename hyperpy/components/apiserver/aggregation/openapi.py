"""OpenAPI of everything: our own documents, and those of the servers behind APIServices beside them.

The index of v3 lists theirs under our URLs, and their documents are fetched when somebody asks. v2 takes in their
definitions and paths; what both have stays ours.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import orjson

from hyperpy.api.wire import Request, Response
from hyperpy.components.apiserver.aggregation import directory as directories
from hyperpy.components.apiserver.aggregation.checking import Checking
from hyperpy.components.apiserver.aggregation.directory import Directory
from hyperpy.components.apiserver.aggregation.proxying import Proxying

Obj = dict[str, Any]

_V2, _V3 = "/openapi/v2", "/openapi/v3"
#: How long what a server told is taken for true.
KEEP_S = 30.0


class AggregatedOpenApi:
    """Lays the documents of others beside ours."""

    def __init__(self, directory: Directory, checking: Checking, proxying: Proxying) -> None:
        self._directory = directory
        self._checking = checking
        self._proxying = proxying
        self._fetched: dict[tuple[str, str], tuple[float, Any]] = {}

    async def document(self, request: Request) -> Response | None:
        """The v3 document of a group and version that another server answers; None when it is ours or none."""
        place = request.path.removeprefix(f"{_V3}/apis/").partition("/")
        if not request.path.startswith(f"{_V3}/apis/"):
            return None
        service = self._directory.remotes.get((place[0], place[2]))
        return None if service is None else await self._proxying.answer(request, service)

    async def merged(self, request: Request, own: Response) -> Response:
        """Our answer to a request for the whole, with what the others add."""
        if not self._directory.remotes or own.status != 200 or own.content_type != "application/json":
            return own
        path = request.path.rstrip("/")
        if path not in (_V2, _V3) or not isinstance(own.body, bytes):
            return own
        found = orjson.loads(own.body)
        services = [each for each in self._directory.remotes.values() if directories.available(each)]
        for service, theirs in zip(
            services, await asyncio.gather(*(self._fetch(each, path) for each in services)), strict=True
        ):
            (_add_v2 if path == _V2 else _add_v3)(found, theirs, service)
        # Our ETag speaks of our part only.
        headers = {name: value for name, value in own.headers.items() if name != "ETag"}
        return Response(200, orjson.dumps(found), own.content_type, headers)

    async def _fetch(self, service: Obj, path: str) -> Obj:
        """A document of another server, {} when it has none."""
        key = service["metadata"]["uid"], path
        known = self._fetched.get(key)
        if known is None or known[0] < monotonic():
            theirs = await self._checking.fetch(service, path)
            self._fetched = {each: told for each, told in self._fetched.items() if told[0] >= monotonic()}
            known = self._fetched[key] = monotonic() + KEEP_S, theirs if isinstance(theirs, dict) else {}
        found: Obj = known[1]
        return found


def _add_v3(own: Obj, theirs: Obj, service: Obj) -> None:
    spec = service["spec"]
    place = f"apis/{spec.get('group')}/{spec['version']}"
    entry = (theirs.get("paths") or {}).get(place)
    if isinstance(entry, dict) and isinstance(entry.get("serverRelativeURL"), str):
        own["paths"][place] = {"serverRelativeURL": entry["serverRelativeURL"]}


def _add_v2(own: Obj, theirs: Obj, service: Obj) -> None:
    spec = service["spec"]
    prefix = f"/apis/{spec.get('group')}/{spec['version']}/"
    paths = {path: item for path, item in (theirs.get("paths") or {}).items() if f"{path}/".startswith(prefix)}
    if paths or theirs.get("definitions"):
        own["paths"] = {**paths, **(own.get("paths") or {})}
        own["definitions"] = {**(theirs.get("definitions") or {}), **(own.get("definitions") or {})}
