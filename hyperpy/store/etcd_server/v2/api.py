"""/v2 over HTTP: from a request to an answer, and the members, machines and statistics beside the keys."""

from __future__ import annotations

import asyncio
import posixpath
from pathlib import Path
from urllib.parse import quote, unquote

from aiohttp import web

from hyperpy.store.etcd_server.identity import TERM, Identity
from hyperpy.store.etcd_server.v2 import rendering, statistics
from hyperpy.store.etcd_server.v2.errors import Code, Refused
from hyperpy.store.etcd_server.v2.keyspace import Answer, V2KeySpace, open_keyspace
from hyperpy.store.etcd_server.v2.request import KeysRequest, parse, parse_form, takes_form
from hyperpy.store.protocol import Unavailable

MAX_BODY_BYTES = 1_572_864
_KEYS = "/v2/keys"
_MEMBERS = "/v2/members"
_JSON = "application/json"


class V2Api:
    """The v2 API of one server, shared by its listeners. `start`, then `aclose`.

    Args:
        file: holds the keys; made at the first request that needs it.
    """

    def __init__(self, file: Path, identity: Identity) -> None:
        self._file = file
        self._identity = identity
        self._opening = asyncio.Lock()
        self._keyspace: V2KeySpace | None = None
        self._stopped = False

    async def start(self) -> None:
        """Open the file when it is there: nodes in it may have to end. Raises Unavailable."""
        if self._file.exists():
            await self._opened()

    def stop_waiting(self) -> None:
        """Answer the clients that wait for changes: the server stops."""
        self._stopped = True
        if self._keyspace is not None:
            self._keyspace.stop_waiting()

    async def aclose(self) -> None:
        """Let go of the file."""
        self._stopped = True
        async with self._opening:
            if self._keyspace is not None:
                await self._keyspace.aclose()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request whose path begins with /v2."""
        raw, _, query = request.raw_path.encode("utf-8", "surrogateescape").decode("utf-8", "replace").partition("?")
        path = unquote(raw)
        if (cleaned := _cleaned(path)) != path:
            location = quote(cleaned) + (f"?{query}" if query else "")
            return web.Response(status=301, headers={"Location": location})
        if path == _KEYS or path.startswith(f"{_KEYS}/"):
            return await self._keys(request, path.removeprefix(_KEYS), query)
        if path == _MEMBERS or path.startswith(f"{_MEMBERS}/"):
            return self._members(request.method, path.removeprefix(_MEMBERS).strip("/"))
        if path == "/v2/machines":
            return _allowed(request.method, "GET", "HEAD") or web.Response(text=", ".join(self._identity.client_urls))
        if path.startswith("/v2/stats/"):
            return await self._stats(request.method, path)
        return _not_served(path)

    # -- keys

    async def _keys(self, request: web.BaseRequest, path: str, query: str) -> web.StreamResponse:
        refusal = _allowed(request.method, "HEAD", "GET", "PUT", "POST", "DELETE")
        if refusal is not None:
            return refusal
        try:
            keyspace = await self._opened()
            asked = parse(request.method, path, await _form(request, query), now=keyspace.now())
            if asked.wait:
                return await self._wait(request, asked, keyspace)
            answer = keyspace.get(asked) if asked.method in ("GET", "HEAD") else await keyspace.change(asked)
            return self._answered(answer)
        except Refused as refused:
            return self._refused(refused)
        except Unavailable as error:
            return self._refused(Refused(Code.RAFT_INTERNAL, str(error)))

    async def _wait(self, request: web.BaseRequest, asked: KeysRequest, keyspace: V2KeySpace) -> web.StreamResponse:
        """Headers at once, then one event, or with `stream` one after another, until the client goes."""
        waiter = await keyspace.wait(asked)
        try:
            response = web.StreamResponse(headers=self._headers(waiter.index))
            await response.prepare(request)
            async for record in waiter:
                await response.write(record.body)
            await response.write_eof()
        except ConnectionError:
            pass  # the client has gone
        finally:
            waiter.close()
        return response

    def _answered(self, answer: Answer) -> web.Response:
        return web.Response(
            status=201 if answer.created else 200, body=answer.body, headers=self._headers(answer.index)
        )

    def _headers(self, index: int) -> dict[str, str]:
        """There is no Raft; the index stands in for Raft's."""
        return {
            "Content-Type": _JSON,
            "X-Etcd-Cluster-Id": f"{self._identity.cluster_id:x}",
            "X-Etcd-Index": str(index),
            "X-Raft-Index": str(index),
            "X-Raft-Term": str(TERM),
        }

    def _refused(self, refused: Refused) -> web.Response:
        headers = {
            "Content-Type": _JSON,
            "X-Etcd-Cluster-Id": f"{self._identity.cluster_id:x}",
            "X-Etcd-Index": str(refused.index),
        }
        return web.Response(status=refused.status, body=rendering.error(refused), headers=headers)

    async def _opened(self) -> V2KeySpace:
        if self._keyspace is None:
            async with self._opening:
                if self._stopped:
                    raise Unavailable("the server stops")
                if self._keyspace is None:
                    self._keyspace = await open_keyspace(self._file)
        return self._keyspace

    # -- beside the keys

    def _members(self, method: str, rest: str) -> web.Response:
        refusal = _allowed(method, "GET", "POST", "DELETE", "PUT")
        if refusal is not None:
            return refusal
        identity = self._identity
        headers = {"Content-Type": _JSON, "X-Etcd-Cluster-Id": f"{identity.cluster_id:x}"}
        member = {
            "id": f"{identity.member_id:x}",
            "name": identity.name,
            "peerURLs": list(identity.peer_urls),
            "clientURLs": list(identity.client_urls),
        }
        if method != "GET":
            body = {"message": f"hyperpy etcd does not serve {method} of {_MEMBERS}: it is a cluster of one member"}
            return web.Response(status=409, body=rendering.encode(body, newline=False), headers=headers)
        if rest not in ("", "leader"):
            body = {"message": "Not found"}
            return web.Response(status=404, body=rendering.encode(body, newline=False), headers=headers)
        return web.Response(body=rendering.encode(member if rest else {"members": [member]}), headers=headers)

    async def _stats(self, method: str, path: str) -> web.Response:
        refusal = _allowed(method, "GET")
        if refusal is not None:
            return refusal
        member = f"{self._identity.member_id:x}"
        try:
            keyspace = await self._opened()
        except Unavailable as error:
            return self._refused(Refused(Code.RAFT_INTERNAL, str(error)))
        told = keyspace.statistics
        if path == "/v2/stats/store":
            body = told.store(watchers=keyspace.events.waiting)
        elif path == "/v2/stats/self":
            body = told.self(name=self._identity.name, member=member, now=keyspace.now())
        elif path == "/v2/stats/leader":
            body = statistics.leader(member)
        else:
            return _not_served(path)
        return web.Response(body=body, headers={"Content-Type": _JSON})


async def _form(request: web.BaseRequest, query: str) -> dict[str, list[str]]:
    """Body and query as one form; the body's fields count first. Raises Refused."""
    if not takes_form(request.method, request.headers.get("Content-Type", "")):
        return parse_form(query)
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Refused(Code.INVALID_FORM, f"http: request body too large, more than {MAX_BODY_BYTES} bytes")
    return parse_form(body.decode("utf-8", "replace"), query)


def _allowed(method: str, *methods: str) -> web.Response | None:
    """None, or the refusal of a method that is not among those."""
    if method in methods:
        return None
    return web.Response(status=405, text="Method Not Allowed\n", headers={"Allow": ",".join(methods)})


def _not_served(path: str) -> web.Response:
    message = f"{path} is not served: of etcd's v2 API this server has keys, members, machines, stats/store|self|leader"
    return web.Response(
        status=404, body=rendering.encode({"message": message}, newline=False), headers={"Content-Type": _JSON}
    )


def _cleaned(path: str) -> str:
    """Without empty, `.` and `..` parts; a slash at the end stays."""
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned
