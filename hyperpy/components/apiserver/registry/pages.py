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
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver import conversion
from hyperpy.components.apiserver.registry import form
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


async def read(store: Store, kind: Kind, selection: Selection, options: ListOptions) -> Page:
    """One page of a list.

    Raises:
        BadRequest: a broken continue token.
        Expired: the revision asked for, or the token's, is compacted.
        Timeout: the revision asked for has not happened yet.
    """
    base = form.prefix(kind, selection.namespace)
    start, revision = base, 0
    if options.continue_token:
        start, revision = _open_token(options.continue_token, base)
    elif options.exact:
        revision = options.revision or 0
    try:
        page = await _read(store, kind, selection, _Span(start, base, revision, options.limit))
    except Compacted as compacted:
        if options.continue_token:
            raise ContinueExpired(_token(_LATEST, start, base)) from compacted
        raise errors.Expired("The resourceVersion for the provided list is too old.") from compacted
    except FutureRevision as future:
        raise too_large(revision, await store.revision()) from future
    if options.revision and page.revision < options.revision:
        raise too_large(options.revision, page.revision)
    return page


def too_large(asked: int, current: int) -> errors.Timeout:
    """The error for a resourceVersion this store has not reached."""
    text = f"Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return errors.Timeout(f"Timeout: {text}", details={"causes": [cause]}, retry_after_s=1)


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a page starts, the prefix it stays in, its snapshot (0: the newest) and its size (0: no limit)."""

    start: bytes
    base: bytes
    revision: int
    limit: int


async def _read(store: Store, kind: Kind, selection: Selection, span: _Span) -> Page:
    name = selection.exact_name
    if name and (selection.namespace or not kind.namespaced):
        return await _read_one(store, selection, form.key(kind, selection.namespace, name), span)
    if selection.selects_all:
        found = await _range(store, span.start, span, limit=span.limit)
        return _page(await conversion.served(kind, found.kvs), found, span, found.count - len(found.kvs))
    return await _read_filtered(store, selection, span)


async def _read_one(store: Store, selection: Selection, key: bytes, span: _Span) -> Page:
    found = await store.get(Get(key, revision=span.revision))
    kvs = await conversion.served(selection.kind, found.kvs)
    return Page([kv for kv in kvs if selection.admits(kv)], span.revision or found.revision)


async def _read_filtered(store: Store, selection: Selection, span: _Span) -> Page:
    """Read on until the page is full of matches; without a limit in one read, so from one snapshot either way."""
    kept: list[KeyValue] = []
    start, chunk = span.start, max(span.limit, _FILTER_CHUNK) if span.limit else 0
    while True:
        found = await _range(store, start, span, limit=chunk)
        span = _Span(span.start, span.base, span.revision or found.revision, span.limit)
        for index, kv in enumerate(await conversion.served(selection.kind, found.kvs)):
            if selection.admits(kv):
                kept.append(kv)
                if len(kept) == span.limit:
                    rest = found.more or index + 1 < len(found.kvs)
                    return Page(kept, span.revision, _token(span.revision, kv.key + b"\0", span.base) if rest else "")
        if not found.more or not found.kvs:
            return Page(kept, span.revision)
        start = found.kvs[-1].key + b"\0"


async def _range(store: Store, start: bytes, span: _Span, *, limit: int) -> Range:
    return await store.get(Get(start, prefix_end(span.base), limit=limit, revision=span.revision))


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
