"""The watch verb: what is there first (when asked), then changes as they are committed, as a stream of whole lines.

open ──join the feed, read the snapshot──▶ initial lines ──▶ live lines ──timeout, error or aclose──▶ closed

Source: API concepts, "Efficient detection of changes", "Watch bookmarks", "Streaming lists" (KEP-3157).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from hyperpy.api import errors
from hyperpy.api.kinds import Kind
from hyperpy.api.wire import Response
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.content.negotiation import Form
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.metrics.watches import Sent, Tally
from hyperpy.components.apiserver.registry import conversion, pages
from hyperpy.components.apiserver.registry.batch import Batch
from hyperpy.components.apiserver.registry.change import ADDED, DELETED, MODIFIED, Change, Mark
from hyperpy.components.apiserver.registry.query import ListOptions
from hyperpy.components.apiserver.registry.selection import Selection
from hyperpy.components.apiserver.registry.subscription import Subscription

_INITIAL_CHUNK = 200


async def handle(core: Core, kind: Kind, selection: Selection, options: ListOptions, form: Form) -> Response:
    """Open a watch. A resourceVersion that is too old gives a stream of one ERROR event, as Kubernetes does.

    Raises:
        Timeout: the resourceVersion has not happened yet.
    """
    try:
        stream = await _open(core, kind, selection, options, form)
    except errors.Expired as expired:
        return Response(200, _Failed(expired))
    return Response(200, stream)


async def _open(core: Core, kind: Kind, selection: Selection, options: ListOptions, form: Form) -> AsyncIterator[bytes]:
    wants_initial = options.send_initial_events
    if wants_initial is None:
        wants_initial = not options.revision
    initial: pages.Page | None = None
    if wants_initial:
        initial = await core.lists.page(selection, ListOptions(revision=options.revision))
        after = initial.revision
    elif options.revision:
        after = options.revision
        current = await core.store.revision()
        if after > current:
            raise pages.too_large(after, current)
    else:
        after = await core.store.revision()
    subscription = await core.feeds.join(kind, selection.namespace, after=after)
    timeout_s = options.timeout_s or core.config.watch_timeout_s * (1 + core.rng.random())
    plan = _Plan(kind, selection, form, options.bookmarks, bool(options.send_initial_events), core.clock.now)
    return WatchStream(plan, subscription, initial=initial, timeout_s=timeout_s, sent=core.watches.of(kind))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a stream shows and how. `marks_end`: a bookmark ends the initial events."""

    kind: Kind
    selection: Selection
    form: Form
    bookmarks: bool
    marks_end: bool
    now: Callable[[], float]


class WatchStream:
    """The chunks of one watch. The transport iterates it and closes it by `aclose()`, also when it never began."""

    def __init__(
        self, plan: _Plan, subscription: Subscription, *, initial: pages.Page | None, timeout_s: float, sent: Sent
    ) -> None:
        self._sent = sent
        self._plan = plan
        self._subscription = subscription
        self._initial = self._initial_chunks(initial) if initial is not None else iter(())
        self._timer = asyncio.get_running_loop().call_later(timeout_s, self._time_is_over)
        self._late = False
        self._columns_said = False
        self._over = False
        self._line_name, self._render = self._renderer(headers=True)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = next(self._initial, b"")
        while not chunk:
            if self._over:
                await self.aclose()
                raise StopAsyncIteration
            chunk = await self._next_changes()
        return chunk

    async def aclose(self) -> None:
        """Leave the feed. Closing twice is fine."""
        self._over = True
        self._timer.cancel()
        self._initial = iter(())
        self._subscription.close()

    def _time_is_over(self) -> None:
        self._late = True
        self._subscription.end()

    async def _next_changes(self) -> bytes:
        try:
            batches = await self._subscription.take()
            if not batches:
                return self._farewell()
            return b"".join([await self._chunk(batch) for batch in batches])
        except errors.StatusError as error:
            self._over = True
            return _error_line(error)

    async def _chunk(self, batch: Batch) -> bytes:
        """The lines of a batch: the same bytes for all who watch the same in the same form."""
        kind = self._plan.kind
        shares = self._plan.selection.selects_all and not kind.converts and not batch.is_mark
        if shares and (self._columns_said or self._plan.form.shape != "Table"):
            lines, tally = batch.shared(self._line_name, self._shared_lines)
            self._sent.again(tally)
            return lines
        items: Sequence[Change | Mark] = batch.items
        if kind.converts:
            items = [await self._converted(item) for item in items]
        own = [line for item in items if (line := self._line(item))]
        self._sent.lines(own)
        return b"".join(own)

    def _shared_lines(self, batch: Batch) -> tuple[bytes, Tally]:
        lines = [
            item.line(item.type, self._line_name, self._render) for item in batch.items if isinstance(item, Change)
        ]
        return b"".join(lines), self._sent.tally(lines)

    async def _converted(self, item: Change | Mark) -> Change | Mark:
        return item if isinstance(item, Mark) else await conversion.change(self._plan.kind, item)

    def _farewell(self) -> bytes:
        """The end; at the end of its time a last bookmark lets the client go on from here."""
        self._over = True
        if not self._late or not self._plan.bookmarks:
            return b""
        return rendering.bookmark_line(self._plan.kind, self._plan.form, self._subscription.revision)

    def _line(self, item: Change | Mark) -> bytes:
        if isinstance(item, Mark):
            if not self._plan.bookmarks:
                return b""
            return rendering.bookmark_line(self._plan.kind, self._plan.form, item.revision)
        event_type = seen_as(item, self._plan.selection)
        if not event_type:
            return b""
        line = item.line(event_type, self._line_name, self._render)
        self._said_columns()
        return line

    def _initial_chunks(self, page: pages.Page) -> Iterator[bytes]:
        pairs = iter(page.kvs)
        while batch := list(itertools.islice(pairs, _INITIAL_CHUNK)):
            lines = [self._initial_line(kv.value, kv.mod_revision) for kv in batch]
            self._sent.lines(lines)
            yield b"".join(lines)
        if self._plan.marks_end:
            yield rendering.bookmark_line(self._plan.kind, self._plan.form, page.revision, initial_end=True)

    def _initial_line(self, value: bytes, revision: int) -> bytes:
        plan = self._plan
        line = rendering.initial_line(
            plan.kind, plan.form, value, revision, now=plan.now(), headers=not self._columns_said
        )
        self._said_columns()
        return line

    def _said_columns(self) -> None:
        """After the first Table of a stream the columns are left out."""
        if not self._columns_said and self._plan.form.shape == "Table":
            self._line_name, self._render = self._renderer(headers=False)
        self._columns_said = True

    def _renderer(self, *, headers: bool) -> tuple[str, rendering.LineRenderer]:
        return rendering.line_renderer(self._plan.kind, self._plan.form, now=self._plan.now, headers=headers)


class _Failed:
    """A stream of one ERROR event."""

    def __init__(self, error: errors.StatusError) -> None:
        self._lines = iter((_error_line(error),))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for line in self._lines:
            return line
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._lines = iter(())


def _error_line(error: errors.StatusError) -> bytes:
    return rendering.event_line("ERROR", orjson.dumps(error.status()))


def _holds(selection: Selection, value: bytes | None) -> bool:
    return bool(value) and selection.may_admit(value or b"")


def seen_as(change: Change, selection: Selection) -> str:
    """The event a selecting watcher sees of a change: an object that stops matching is DELETED, one that begins to
    is ADDED; "" when it concerns the watcher not at all."""
    if selection.selects_all:
        return change.type
    matched = _holds(selection, change.previous) and change.old is not None and selection.matches(change.old)
    matches = _holds(selection, change.value) and change.new is not None and selection.matches(change.new)
    if matches:
        return MODIFIED if matched else ADDED
    return DELETED if matched else ""
