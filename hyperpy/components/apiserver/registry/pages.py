"""Lists: every page of one list comes from one snapshot; the continue token carries its revision and the next key.

Source: API concepts, "Retrieving large results sets in chunks" and "Resource versions".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hyperpy.api import errors
from hyperpy.components.apiserver.registry import conversion, form
from hyperpy.components.apiserver.registry.index import Found, Indexes
from hyperpy.components.apiserver.registry.metrics import ListMetrics
from hyperpy.components.apiserver.registry.query import ListOptions
from hyperpy.components.apiserver.registry.selection import Selection
from hyperpy.store.protocol import Compacted, FutureRevision, Get, KeyValue, Range, Store, prefix_end

_TOKEN_VERSION = "meta.k8s.io/v1"
_LATEST = -1
_FILTER_CHUNK = 500
_CONTINUE_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list as of `revision`. `remaining` is None when it is not known (selectors) or nothing remains."""

    kvs: Sequence[KeyValue]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


class ContinueExpired(errors.Expired):
    """The snapshot of a continue token is gone; the Status carries a token for the inconsistent rest."""

    def __init__(self, token: str) -> None:
        super().__init__(_CONTINUE_TOO_OLD)
        self.token = token

    def status(self) -> dict[str, Any]:
        status = super().status()
        status["metadata"] = {"continue": self.token}
        return status


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a page starts, the prefix it stays in, its snapshot (0: the newest) and its size (0: no limit)."""

    start: bytes
    base: bytes
    revision: int
    limit: int


class Lists:
    """Reads lists from a store, by its indexes where they can tell, and counts what that took."""

    def __init__(self, store: Store, metrics: ListMetrics) -> None:
        self._store = store
        self._indexes = Indexes(store)
        self._metrics = metrics

    async def page(self, selection: Selection, options: ListOptions) -> Page:
        """One page of a list.

        Raises:
            BadRequest: a broken continue token.
            Expired: the revision asked for, or the token's, is compacted.
            Timeout: the revision asked for has not happened yet.
        """
        base = form.prefix(selection.kind, selection.namespace)
        start, revision = base, 0
        if options.continue_token:
            start, revision = _open_token(options.continue_token, base)
        elif options.exact:
            revision = options.revision or 0
        try:
            page = await self._read(selection, _Span(start, base, revision, options.limit))
        except Compacted as compacted:
            if options.continue_token:
                raise ContinueExpired(_token(_LATEST, start, base)) from compacted
            raise errors.Expired("The resourceVersion for the provided list is too old.") from compacted
        except FutureRevision as future:
            raise too_large(revision, await self._store.revision()) from future
        if options.revision and page.revision < options.revision:
            raise too_large(options.revision, page.revision)
        return page

    async def _read(self, selection: Selection, span: _Span) -> Page:
        kind, name = selection.kind, selection.exact_name
        if name and (selection.namespace or not kind.namespaced):
            return await self._read_one(selection, form.key(kind, selection.namespace, name), span)
        if selection.selects_all:
            found = await self._range(span.start, span, limit=span.limit)
            kvs = await conversion.served(kind, found.kvs)
            self._metrics.note(kind, fetched=len(kvs), evaluated=0, returned=len(kvs))
            return _page(kvs, found, span, found.count - len(kvs))
        indexed = await self._indexes.find(selection)
        if indexed is not None and span.revision in (0, indexed.revision):
            page = _cut(indexed, span)
            self._metrics.note(kind, fetched=indexed.fetched, evaluated=indexed.evaluated, returned=len(page.kvs))
            return page
        return await self._read_filtered(selection, span)

    async def _read_one(self, selection: Selection, key: bytes, span: _Span) -> Page:
        found = await self._store.get(Get(key, revision=span.revision))
        kvs = await conversion.served(selection.kind, found.kvs)
        kept = [kv for kv in kvs if selection.admits(kv)]
        self._metrics.note(selection.kind, fetched=len(kvs), evaluated=len(kvs), returned=len(kept))
        return Page(kept, span.revision or found.revision)

    async def _read_filtered(self, selection: Selection, span: _Span) -> Page:
        """Read on until the page is full of matches; without a limit in one read, so from one snapshot either way."""
        kept: list[KeyValue] = []
        fetched = 0
        start, chunk = span.start, max(span.limit, _FILTER_CHUNK) if span.limit else 0
        while True:
            found = await self._range(start, span, limit=chunk)
            span = _Span(span.start, span.base, span.revision or found.revision, span.limit)
            fetched += len(found.kvs)
            rest = False
            for index, kv in enumerate(await conversion.served(selection.kind, found.kvs)):
                if selection.admits(kv):
                    kept.append(kv)
                    if len(kept) == span.limit:
                        rest = found.more or index + 1 < len(found.kvs)
                        break
            else:
                if found.more and found.kvs:
                    start = found.kvs[-1].key + b"\0"
                    continue
            self._metrics.note(selection.kind, fetched=fetched, evaluated=fetched, returned=len(kept))
            return Page(kept, span.revision, _token(span.revision, kept[-1].key + b"\0", span.base) if rest else "")

    async def _range(self, start: bytes, span: _Span, *, limit: int) -> Range:
        return await self._store.get(Get(start, prefix_end(span.base), limit=limit, revision=span.revision))


def _cut(found: Found, span: _Span) -> Page:
    kvs = [kv for kv in found.kvs if kv.key >= span.start] if span.start != span.base else found.kvs
    if not span.limit or len(kvs) <= span.limit:
        return Page(kvs, found.revision)
    kept = kvs[: span.limit]
    return Page(kept, found.revision, _token(found.revision, kept[-1].key + b"\0", span.base))


def too_large(asked: int, current: int) -> errors.Timeout:
    """The error for a resourceVersion this store has not reached."""
    text = f"Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return errors.Timeout(f"Timeout: {text}", details={"causes": [cause]}, retry_after_s=1)


def _page(kvs: Sequence[KeyValue], found: Range, span: _Span, remaining: int) -> Page:
    revision = span.revision or found.revision
    if not found.more or not kvs:
        return Page(kvs, revision)
    return Page(kvs, revision, _token(revision, kvs[-1].key + b"\0", span.base), remaining)


def _token(revision: int, start: bytes, base: bytes) -> str:
    body = {"v": _TOKEN_VERSION, "rv": revision, "start": start[len(base) :].decode()}
    return base64.urlsafe_b64encode(orjson.dumps(body)).decode().rstrip("=")


def _open_token(token: str, base: bytes) -> tuple[bytes, int]:
    """The first key and the revision (0: the newest) of a continue token."""
    try:
        body = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, revision, start = body["v"], body["rv"], body["start"]
        if version != _TOKEN_VERSION or not isinstance(revision, int) or revision == 0 or not start:
            raise ValueError("not a token of this server")
        first = base + start.encode()
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise errors.BadRequest(f"continue key is not valid: {error}") from error
    return first, max(revision, 0)
