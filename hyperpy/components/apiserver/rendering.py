"""Answers in the form that was negotiated: objects, lists and watch lines as JSON, Table or PartialObjectMetadata.

The plain form joins stored bytes and decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from hyperpy.api import manifest, printers
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import CHUNK, Pieces, Response
from hyperpy.components.apiserver.content.negotiation import JSON, Form
from hyperpy.components.apiserver.registry import form as stored
from hyperpy.components.apiserver.registry.change import Change
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.pages import Page

_META = "meta.k8s.io"


def warning_headers(warnings: Iterable[str]) -> dict[str, str]:
    """Warnings as the one `Warning` header (RFC 7234 lets a header list several)."""
    texts = [f'299 - "{_quoted(text)}"' for text in dict.fromkeys(warnings)]
    return {"Warning": ", ".join(texts)} if texts else {}


def warn(response: Response, text: str) -> None:
    """Add a warning to an answer."""
    added = warning_headers([text])["Warning"]
    known = response.headers.get("Warning")
    response.headers["Warning"] = f"{added}, {known}" if known else added


def _quoted(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')


def plain(value: Obj, *, status: int = 200, warnings: Iterable[str] = (), media_type: str = JSON) -> Response:
    """A dict as it is: a Status, a Scale."""
    body = orjson.dumps(value) if media_type == JSON else manifest.dump(value).encode()
    return Response(status, body, media_type, warning_headers(warnings))


def one(
    kind: Kind, form: Form, value: bytes, revision: int, *, now: float, status: int = 200, warnings: Iterable[str] = ()
) -> Response:
    """A stored object as an answer; revision 0 means that it was never stored (a dry run)."""
    if not revision:
        return _unsaved(kind, form, orjson.loads(value), now=now, status=status, warnings=warnings)
    if not form.shape and form.media_type == JSON:
        return Response(status, stored.splice(value, revision), JSON, warning_headers(warnings))
    obj = stored.decode(value, revision)
    if form.shape == "Table":
        obj = _table(kind, [obj], form, now, {"resourceVersion": str(revision)})
    elif form.shape:
        obj = _partial(obj, form)
    return plain(obj, status=status, warnings=warnings, media_type=form.media_type)


def _unsaved(kind: Kind, form: Form, obj: Obj, *, now: float, status: int, warnings: Iterable[str]) -> Response:
    if form.shape == "Table":
        obj = _table(kind, [obj], form, now, {})
    elif form.shape:
        obj = _partial(obj, form)
    return plain(obj, status=status, warnings=warnings, media_type=form.media_type)


def list_meta(page: Page) -> dict[str, Any]:
    """The metadata of a list: its version, and how to go on."""
    meta: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.continue_token:
        meta["continue"] = page.continue_token
        if page.remaining:
            meta["remainingItemCount"] = page.remaining
    return meta


def many(kind: Kind, form: Form, page: Page, *, now: float) -> Response:
    """A page of a list as an answer."""
    meta = list_meta(page)
    if not form.shape and form.media_type == JSON:
        return Response(200, _joined(kind, meta, page))
    return _listed(kind, form, [stored.decoded(kv) for kv in page.kvs], meta, now=now)


def computed(kind: Kind, form: Form, items: list[Obj], *, now: float) -> Response:
    """A list of objects that are not stored, so that the list has no version."""
    return _listed(kind, form, items, {}, now=now)


def _listed(kind: Kind, form: Form, items: list[Obj], meta: dict[str, Any], *, now: float) -> Response:
    if form.shape == "Table":
        return plain(_table(kind, items, form, now, meta), media_type=form.media_type)
    if form.shape:
        items = [_partial(item, form) for item in items]
        head = {"kind": "PartialObjectMetadataList", "apiVersion": f"{_META}/{form.version}"}
    else:
        head = {"kind": kind.list_kind, "apiVersion": kind.api_version}
    return plain({**head, "metadata": meta, "items": items}, media_type=form.media_type)


def _joined(kind: Kind, meta: dict[str, Any], page: Page) -> bytes | Pieces:
    head = orjson.dumps({"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": meta})
    body = Pieces(b'%b,"items":[' % head[:-1], stored.spliced(kind, page.kvs), b"]}")
    return body if len(body) > CHUNK else bytes(body)


def _table(kind: Kind, objs: Sequence[Obj], form: Form, now: float, meta: dict[str, Any]) -> Obj:
    table = printers.table(kind, objs, now=now, include=form.include)
    table["apiVersion"] = f"{_META}/{form.version}"
    table["metadata"] = meta
    return table


def _partial(obj: Obj, form: Form) -> Obj:
    head = {"kind": "PartialObjectMetadata", "apiVersion": f"{_META}/{form.version}"}
    return {**head, "metadata": obj["metadata"]}


LineRenderer = Callable[[Change, str], bytes]


def line_renderer(kind: Kind, form: Form, *, now: Callable[[], float], headers: bool) -> tuple[str, LineRenderer]:
    """How a change becomes a watch line in this form, and the name under which watchers share the line.

    Args:
        headers: whether a Table says its columns; only the first one of a stream does.
    """
    if not form.shape:
        return "", _plain_line

    def render(change: Change, event_type: str) -> bytes:
        obj = change.old if event_type == "DELETED" else change.new
        body = _partial(obj or {}, form)
        if form.shape == "Table":
            body = _event_table(kind, obj or {}, form, now(), headers=headers)
        return event_line(event_type, orjson.dumps(body))

    return f"{form.shape}/{form.version}/{form.include}/{headers}", render


def initial_line(kind: Kind, form: Form, value: bytes, revision: int, *, now: float, headers: bool) -> bytes:
    """The ADDED line of an object that was there before the watch began."""
    if not form.shape:
        return event_line("ADDED", stored.splice(value, revision))
    obj = stored.decode(value, revision)
    if form.shape == "Table":
        return event_line("ADDED", orjson.dumps(_event_table(kind, obj, form, now, headers=headers)))
    return event_line("ADDED", orjson.dumps(_partial(obj, form)))


def bookmark_line(kind: Kind, form: Form, revision: int, *, initial_end: bool = False) -> bytes:
    """A BOOKMARK line; with the annotation that ends initial events when asked for (KEP-3157)."""
    meta: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
    if initial_end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    obj: Obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    if form.shape == "Table":
        obj = {"kind": "Table", "apiVersion": f"{_META}/{form.version}", "metadata": meta, "rows": []}
        obj["columnDefinitions"] = None
    elif form.shape:
        obj = _partial(obj, form)
    return event_line("BOOKMARK", orjson.dumps(obj))


def event_line(event_type: str, body: bytes) -> bytes:
    """One line of a watch stream."""
    return b'{"type":"%b","object":%b}\n' % (event_type.encode(), body)


def _plain_line(change: Change, event_type: str) -> bytes:
    return event_line(event_type, change.body(event_type))


def _event_table(kind: Kind, obj: Obj, form: Form, now: float, *, headers: bool) -> Obj:
    table = _table(kind, [obj], form, now, {"resourceVersion": obj["metadata"]["resourceVersion"]})
    if not headers:
        table["columnDefinitions"] = None
    return table
