"""Counters, gauges, histograms."""

import pytest

from hyperpy.components.instruments import Buckets, Instruments


@pytest.fixture
def instruments():
    return Instruments()


def test_children_are_kept_by_their_labels(instruments):
    family = instruments.counter("x_total", "X.", ("verb", "code"))
    family.child("GET", "200").inc()
    family.child("GET", "200").inc(2)
    family.child("PUT", "200").inc()
    (snapshot,) = instruments.snapshot()
    assert snapshot.labels == ("verb", "code")
    assert dict(snapshot.samples) == {("GET", "200"): 3, ("PUT", "200"): 1}


def test_an_observation_falls_into_the_first_bucket_that_holds_it(instruments):
    child = instruments.histogram("x_seconds", "X.", bounds=(0.1, 1)).child()
    for value in (0.05, 0.1, 0.5, 3):
        child.observe(value)
    (snapshot,) = instruments.snapshot()
    assert snapshot.samples == [((), Buckets((0.1, 1), (2, 1, 1), pytest.approx(3.65)))]


def test_what_never_happened_is_left_out(instruments):
    instruments.gauge("x", "X.", ("a",))
    assert instruments.snapshot() == []


def test_a_gauge_forgets(instruments):
    family = instruments.gauge("x", "X.", ("a",))
    family.child("1").set(5)
    family.child("2").set(6)
    family.forget("1")
    assert dict(instruments.snapshot()[0].samples) == {("2",): 6}
    family.clear()
    assert instruments.snapshot() == []


def test_a_name_is_given_once(instruments):
    instruments.counter("x_total", "X.")
    with pytest.raises(AssertionError, match="there already"):
        instruments.gauge("x_total", "X.")
