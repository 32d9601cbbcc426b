"""Changes that are handed out together. What every reader would make of them is made once and shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from hyperpy.components.apiserver.registry.change import Change, Mark

#: About how many bytes of objects a batch holds.
BATCH_BYTES = 64 * 1024

T = TypeVar("T")


class Batch:
    """Changes in order of their revisions, or one progress mark."""

    __slots__ = ("_parts", "_shared", "first", "items", "last", "size")

    def __init__(self, items: Sequence[Change | Mark]) -> None:
        self.items = items
        self.first = items[0].revision
        self.last = items[-1].revision
        self.size = sum([item.size for item in items])
        self._parts: dict[bytes, Batch | None] = {}
        self._shared: dict[object, object] = {}

    def __len__(self) -> int:
        return len(self.items)

    @property
    def is_mark(self) -> bool:
        """Whether it is a progress mark, which concerns everybody."""
        return isinstance(self.items[0], Mark)

    def under(self, prefix: bytes) -> Batch | None:
        """The changes of keys with a prefix, or None when there are none."""
        if prefix not in self._parts:
            items = [item for item in self.items if isinstance(item, Change) and item.key.startswith(prefix)]
            self._parts[prefix] = self if len(items) == len(self.items) else Batch(items) if items else None
        return self._parts[prefix]

    def after(self, revision: int) -> Batch | None:
        """The changes later than a revision, or None when there are none."""
        if revision < self.first:
            return self
        items = [item for item in self.items if item.revision > revision]
        return Batch(items) if items else None

    def shared(self, name: object, make: Callable[[Batch], T]) -> T:
        """What readers of one kind make of the batch, made by the first of them."""
        known = self._shared.get(name)
        if known is None:
            known = self._shared[name] = make(self)
        return known  # type: ignore[return-value]


def batches(changes: Iterable[Change]) -> Iterator[Batch]:
    """Changes in batches of about BATCH_BYTES."""
    run: list[Change] = []
    size = 0
    for change in changes:
        run.append(change)
        size += change.size
        if size >= BATCH_BYTES:
            yield Batch(run)
            run, size = [], 0
    if run:
        yield Batch(run)
