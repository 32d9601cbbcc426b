"""One change of one object as every watcher of its kind shares it: decoded and rendered at most once."""

from __future__ import annotations

from collections.abc import Callable

from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.store import protocol
from hyperpy.store.protocol import EventType

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


class Change:
    """One change of one object. Decoded objects and rendered lines are made on first use and shared by all readers.

    `versions` keeps the same change in other versions of the kind, by apiVersion.
    """

    __slots__ = ("_lines", "_new", "_old", "key", "previous", "revision", "type", "value", "versions")

    def __init__(self, type: str, key: bytes, revision: int, *, value: bytes, previous: bytes | None) -> None:
        self.type = type
        self.key = key
        self.revision = revision
        self.value = value
        self.previous = previous
        self.versions: dict[str, Change] = {}
        self._new: Obj | None = None
        self._old: Obj | None = None
        self._lines: dict[tuple[str, str], bytes] = {}

    @classmethod
    def read(cls, event: protocol.Event) -> Change:
        """The change that a store event tells of."""
        kv = event.kv
        previous = event.prev.value if event.prev is not None else None
        if event.type is EventType.DELETE:
            return cls(DELETED, kv.key, kv.mod_revision, value=b"", previous=previous)
        return cls(ADDED if kv.version == 1 else MODIFIED, kv.key, kv.mod_revision, value=kv.value, previous=previous)

    @property
    def size(self) -> int:
        """Bytes of the objects it holds."""
        return len(self.value) + len(self.previous or b"")

    def of(self, *, value: bytes, previous: bytes | None) -> Change:
        """The same change with other bytes: the object in another version."""
        return Change(self.type, self.key, self.revision, value=value, previous=previous)

    @property
    def new(self) -> Obj | None:
        """The object after the change; None when it was deleted. Read-only."""
        if self._new is None and self.value:
            self._new = form.decode(self.value, self.revision)
        return self._new

    @property
    def old(self) -> Obj | None:
        """The object before the change, carrying the change's revision as a DELETED event shows it. Read-only."""
        if self._old is None and self.previous is not None:
            self._old = form.decode(self.previous, self.revision)
        return self._old

    def body(self, event_type: str) -> bytes:
        """The object's bytes for an event of this type: what it was for DELETED, else what it is."""
        stored = self.previous if event_type == DELETED else self.value
        return form.splice(stored or b"", self.revision)

    def line(self, event_type: str, form_name: str, render: Callable[[Change, str], bytes]) -> bytes:
        """The watch line in a named form, rendered once for all watchers of that form."""
        line = self._lines.get((event_type, form_name))
        if line is None:
            line = self._lines[event_type, form_name] = render(self, event_type)
        return line


class Mark:
    """A progress mark: every change up to `revision` came before it."""

    __slots__ = ("revision",)

    size = 0

    def __init__(self, revision: int) -> None:
        self.revision = revision
