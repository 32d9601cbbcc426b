"""Ranges that hold a key, against looking at every range."""

from __future__ import annotations

import random

import pytest

from hyperpy.store.engine.keyspace import in_range
from hyperpy.store.engine.range_index import RangeIndex
from hyperpy.store.protocol import prefix_end


def _name(rng: random.Random) -> bytes:
    return bytes(rng.choice((0x00, 0x61, 0x62, 0xFF)) for _ in range(rng.randint(1, 4)))


def _range(rng: random.Random) -> tuple[bytes, bytes]:
    key = _name(rng)
    return key, rng.choice((prefix_end(key), prefix_end(key), b"\0", _name(rng)))


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_the_ranges_that_hold_a_key_while_ranges_come_and_go(seed: int) -> None:
    rng = random.Random(seed)
    index: RangeIndex[object] = RangeIndex()
    present: dict[tuple[bytes, bytes], object] = {}
    for _ in range(300):
        if present and rng.random() < 0.45:
            where = rng.choice(list(present))
            index.remove(*where, present.pop(where))
        elif (where := _range(rng)) not in present:
            present[where] = object()
            index.add(*where, present[where])
        name = _name(rng)
        expected = {id(value) for (key, end), value in present.items() if in_range(name, key, end)}
        found = index.at(name)
        assert {id(value) for value in found} == expected and len(found) == len(expected)


def test_it_keeps_nothing_of_ranges_that_are_gone() -> None:
    index: RangeIndex[object] = RangeIndex()
    values = {prefix: object() for prefix in (b"/a/", b"/a/b/", b"/a/b/c/", b"/b/", b"\xff", b"/a")}
    for prefix, value in values.items():
        index.add(prefix, prefix_end(prefix), value)
    for prefix, value in values.items():
        index.remove(prefix, prefix_end(prefix), value)
    assert index._starts == [b""] and index._found == [()]
