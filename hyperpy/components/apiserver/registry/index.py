"""Indexes of stored objects by label and field: what a selector names is found without reading the rest.

A column holds the value of one label, or of one field, of every object of a kind. It is built when a selector first
names it, and brought up to the newest revision whenever it is asked, so that a read never misses a write that was
answered before it, and a write costs nothing here. Least recently asked columns go first.

This needs a store that has its newest changes at hand (`store.protocol.Recent`, as ours has). With another one
`find` has no answer, and `pages` reads everything and filters.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from hyperpy.api import fields, labels
from hyperpy.api.kinds import Kind
from hyperpy.components.apiserver.registry import form
from hyperpy.components.apiserver.registry.form import Obj
from hyperpy.components.apiserver.registry.selection import Selection
from hyperpy.store.protocol import EventType, Get, KeyValue, Recent, Store, prefix_end

#: Columns kept, of all kinds together.
MAX_COLUMNS = 64
#: Objects read into a new column in one turn of the loop.
_TURN = 200
_ONE_OF = (labels.EQUALS, labels.DOUBLE_EQUALS, labels.IN)


@dataclass(frozen=True, slots=True)
class Found:
    """The selected objects in order of their keys, as of `revision`.

    `fetched` of them were found in the columns, and `evaluated` of those had to be decoded for other conditions.
    """

    kvs: Sequence[KeyValue]
    revision: int
    fetched: int
    evaluated: int


@dataclass(frozen=True, slots=True)
class Term:
    """A condition that an index can answer: the label or field is there and has one of these values."""

    name: str
    is_label: bool
    values: frozenset[str]

    def value_of(self, kind: Kind, obj: Obj) -> str | None:
        """The object's own value; None: a label it has not."""
        if self.is_label:
            return (obj["metadata"].get("labels") or {}).get(self.name)
        return fields.value_of(kind, obj, self.name)


class Indexes:
    """The columns of an API server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._recent = store if isinstance(store, Recent) else None
        self._columns: OrderedDict[tuple[bytes, bool, str], Column] = OrderedDict()
        self._building: set[tuple[bytes, bool, str]] = set()

    def __len__(self) -> int:
        return len(self._columns)

    async def find(self, selection: Selection) -> Found | None:
        """What a selection selects, or None when no index can tell."""
        terms, others = terms_of(selection)
        if not terms or self._recent is None or selection.kind.converts:
            return None
        columns = [await self._column(selection.kind, term) for term in terms]
        known = [column for column in columns if column is not None]
        await self._store.revision()  # other servers may have written
        # From here on nothing waits: all columns are of the same, newest revision.
        if len(known) < len(terms) or not all(self._catch_up(self._recent, column) for column in known):
            return None
        prefix = form.prefix(selection.kind, selection.namespace)
        kvs = _join(known, [term.values for term in terms], prefix)
        fetched = len(kvs)
        if others:
            kvs = [kv for kv in kvs if selection.matches(form.decoded(kv))]
        kvs.sort(key=_key)
        return Found(kvs, known[0].revision, fetched, fetched if others else 0)

    async def _column(self, kind: Kind, term: Term) -> Column | None:
        """A column for a term, built when it is missing; None while somebody else builds it."""
        base = form.prefix(kind)
        name = (base, term.is_label, term.name)
        column = self._columns.get(name)
        if column is not None and self._recent is not None and self._catch_up(self._recent, column):
            self._columns.move_to_end(name)
            return column
        if name in self._building:
            return None
        self._building.add(name)
        try:
            column = self._columns[name] = await self._built(kind, base, term)
        finally:
            self._building.discard(name)
        self._columns.move_to_end(name)
        while len(self._columns) > MAX_COLUMNS:
            self._columns.popitem(last=False)
        return column

    async def _built(self, kind: Kind, base: bytes, term: Term) -> Column:
        found = await self._store.get(Get(base, prefix_end(base)))
        column = Column(kind, base, term, revision=found.revision)
        for number, kv in enumerate(found.kvs, 1):
            column.put(kv)
            if number % _TURN == 0:
                await asyncio.sleep(0)
        return column

    def _catch_up(self, recent: Recent, column: Column) -> bool:
        """Take in what has changed; False when that is no longer known, so that the column is of no use."""
        batch = recent.recent(column.base, prefix_end(column.base), after=column.revision)
        if batch is None:
            return False
        for event in {event.kv.key: event for event in batch.events}.values():
            column.drop(event.kv.key)
            if event.type is EventType.PUT:
                column.put(event.kv)
        column.revision = batch.revision
        return True


class Column:
    """The objects of a kind by the value of one label or field, and by namespace."""

    def __init__(self, kind: Kind, base: bytes, term: Term, *, revision: int) -> None:
        self.base = base
        self.revision = revision
        self._kind = kind
        self._term = term
        # Only objects with this label hold these bytes.
        self._needle = orjson.dumps(term.name) + b":" if term.is_label else b""
        self._value_of: dict[bytes, str] = {}
        self._groups: dict[str, dict[bytes, dict[bytes, KeyValue]]] = {}

    def put(self, kv: KeyValue) -> None:
        """Take in an object that is not there yet."""
        if self._needle not in kv.value:
            return
        value = self._term.value_of(self._kind, form.decoded(kv))
        if value is not None:
            self._value_of[kv.key] = value
            self._groups.setdefault(value, {}).setdefault(_place(kv.key), {})[kv.key] = kv

    def drop(self, key: bytes) -> None:
        """Forget an object, if it is there."""
        value = self._value_of.pop(key, None)
        if value is None:
            return
        places = self._groups[value]
        group = places[_place(key)]
        del group[key]
        if not group:
            del places[_place(key)]
        if not places:
            del self._groups[value]

    def groups(self, values: frozenset[str], prefix: bytes) -> list[dict[bytes, KeyValue]]:
        """The objects with one of these values under a prefix: the kind's own, or that of a namespace."""
        places = [self._groups[value] for value in values if value in self._groups]
        if prefix == self.base:
            return [group for place in places for group in place.values()]
        return [place[prefix] for place in places if prefix in place]

    def has(self, key: bytes, values: frozenset[str]) -> bool:
        """Whether an object has one of these values."""
        return self._value_of.get(key) in values


def _join(columns: Sequence[Column], wanted: Sequence[frozenset[str]], prefix: bytes) -> list[KeyValue]:
    """The objects that every column has under its wanted values; the column with the fewest leads."""
    found = [column.groups(values, prefix) for column, values in zip(columns, wanted, strict=True)]
    first = min(range(len(found)), key=lambda index: sum(map(len, found[index])))
    others = [(column, wanted[index]) for index, column in enumerate(columns) if index != first]
    return [
        kv
        for group in found[first]
        for key, kv in group.items()
        if all(column.has(key, values) for column, values in others)
    ]


def terms_of(selection: Selection) -> tuple[list[Term], bool]:
    """The terms of a selection that an index can answer, and whether there are others."""
    terms: list[Term] = []
    others = False
    for term in _indexable(selection):
        if term is None:
            others = True
        else:
            terms.append(term)
    return terms, others


def _indexable(selection: Selection) -> Iterator[Term | None]:
    if selection.labels is not None:
        if selection.labels.nothing:
            yield None
        for requirement in selection.labels.requirements:
            one_of = requirement.operator in _ONE_OF
            yield Term(requirement.key, True, frozenset(requirement.values)) if one_of else None
    if selection.fields is not None:
        for term in selection.fields.terms:
            yield Term(term.field, False, frozenset((term.value,))) if term.equal else None


def _place(key: bytes) -> bytes:
    """The prefix of the objects beside this one: those of its namespace."""
    return key[: key.rindex(b"/") + 1]


def _key(kv: KeyValue) -> bytes:
    return kv.key
