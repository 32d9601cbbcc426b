"""The Client over anything that answers wire requests: paths, queries, decoding, errors. Transports add the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Handler, Request, Response
from hyperpy.client.protocol import MERGE_PATCH, DeleteOptions, Obj, ObjectList, WatchEvent
from hyperpy.client.refusals import refusal

_JSON = {"accept": "application/json", "content-type": "application/json"}
_PAGE = 500


class RestClient:
    """`Client` over a handler.

    Args:
        handler: answers requests; may raise `StatusError` or answer with a Status body.
        close: lets go of the transport.
    """

    def __init__(self, handler: Handler, *, close: Callable[[], Awaitable[None]] | None = None) -> None:
        self._handler = handler
        self._close = close

    async def get(self, kind: Kind, name: str, *, namespace: str | None = None, subresource: str | None = None) -> Obj:
        return await self._object("GET", kind.path(namespace=namespace, name=name, subresource=subresource))

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
    ) -> ObjectList:
        query = _query(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=str(limit) if limit else "",
            resourceVersion=resource_version,
            **{"continue": continue_token},
        )
        body = await self._object("GET", kind.path(namespace=namespace), query=query)
        meta = body.get("metadata") or {}
        items = body.get("items") or []
        for item in items:
            item.setdefault("apiVersion", kind.api_version)
            item.setdefault("kind", kind.kind)
        return ObjectList(items, meta.get("resourceVersion", ""), meta.get("continue", ""))

    async def list_all(
        self, kind: Kind, *, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> ObjectList:
        """Every page of a list as one, from one consistent snapshot."""
        items: list[Obj] = []
        token = ""
        while True:
            page = await self.list(
                kind,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                limit=_PAGE,
                continue_token=token,
            )
            items.extend(page.items)
            token = page.continue_token
            if not token:
                return ObjectList(items, page.resource_version)

    async def watch(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_s: int | None = None,
    ) -> AsyncIterator[WatchEvent]:
        query = _query(
            watch="true",
            allowWatchBookmarks="true",
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            timeoutSeconds="" if timeout_s is None else str(timeout_s),
        )
        response = await self._send(Request("GET", kind.path(namespace=namespace), query, _JSON))
        if isinstance(response.body, bytes):
            raise errors.InternalError(f"the watch of {kind.qualified} was answered without a stream")
        chunks = response.body
        try:
            async for line in _lines(chunks):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise errors.from_status(event["object"])
                yield WatchEvent(event["type"], event["object"])
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
            if response.ended is not None:
                response.ended()

    async def create(
        self,
        kind: Kind,
        obj: Obj,
        *,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> Obj:
        namespace = namespace or (obj.get("metadata") or {}).get("namespace")
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return await self._object("POST", path, body=orjson.dumps(obj))

    async def update(self, kind: Kind, obj: Obj, *, subresource: str | None = None) -> Obj:
        meta = obj["metadata"]
        path = kind.path(namespace=meta.get("namespace"), name=meta["name"], subresource=subresource)
        return await self._object("PUT", path, body=orjson.dumps(obj))

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Any,
        *,
        namespace: str | None = None,
        patch_type: str = MERGE_PATCH,
        subresource: str | None = None,
    ) -> Obj:
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return await self._object("PATCH", path, body=orjson.dumps(body), content_type=patch_type)

    async def delete(
        self, kind: Kind, name: str, *, namespace: str | None = None, options: DeleteOptions | None = None
    ) -> Obj:
        path = kind.path(namespace=namespace, name=name)
        return await self._object("DELETE", path, body=orjson.dumps(options.document()) if options else b"")

    async def raw(self, method: str, path: str, *, body: bytes = b"", content_type: str = "application/json") -> bytes:
        bare, _, text = path.partition("?")
        query = {k: (v,) for k, _, v in (pair.partition("=") for pair in text.split("&") if pair)}
        headers = {"accept": "application/json, */*", "content-type": content_type}
        response = await self._send(Request(method, bare, query, headers, body))
        return await _whole(response)

    async def aclose(self) -> None:
        if self._close is not None:
            await self._close()

    async def _object(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, tuple[str, ...]] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> Obj:
        headers = _JSON if content_type == _JSON["content-type"] else {**_JSON, "content-type": content_type}
        response = await self._send(Request(method, path, query or {}, headers, body))
        return cast(Obj, orjson.loads(await _whole(response)))

    async def _send(self, request: Request) -> Response:
        response = await self._handler(request)
        if response.status < 400:
            return response
        raise refusal(response.status, await _whole(response), f"{request.method} {request.path}")


async def _whole(response: Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    try:
        return b"".join([chunk async for chunk in response.body])
    finally:
        if response.ended is not None:
            response.ended()


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Whole lines of a stream whose chunks may cut them anywhere."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk if rest else chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


def _query(**params: str) -> dict[str, tuple[str, ...]]:
    return {name: (value,) for name, value in params.items() if value}
