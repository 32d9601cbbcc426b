"""Observations by bucket."""

from __future__ import annotations

from hyperpy.store.engine.tally import Tally
from hyperpy.store.protocol import Spread


def test_an_observation_counts_in_the_first_bucket_that_holds_it() -> None:
    tally = Tally((1, 2, 4))
    for value in (0.5, 1, 3, 4, 9):
        tally.add(value)
    assert tally.spread() == Spread((1, 2, 4), (2, 0, 2, 1), 17.5)
