"""Which progress marks are believed, by version and by time."""

from __future__ import annotations

import pytest

from hyperpy.store.etcd.progress import Marks, runs_ahead


@pytest.mark.parametrize(
    ("version", "doubtful"),
    [("3.4.23", True), ("3.4.25", False), ("3.5.7", True), ("3.5.8", False), ("3.6.0", False), ("odd", False)],
)
def test_versions_that_send_marks_too_early_are_known(version: str, doubtful: bool) -> None:
    assert runs_ahead(version) is doubtful


def test_a_doubtful_mark_counts_once_a_second_one_came_later() -> None:
    marks = Marks(0.3)
    assert marks.told(5, asked_for=True, now=10.0) is None
    assert marks.ask_at == 10.3
    assert marks.told(6, asked_for=True, now=10.1) is None  # too soon to confirm anything
    assert marks.told(9, asked_for=True, now=10.4) == 5
    assert marks.ask_at is None
    assert marks.told(9, asked_for=True, now=11.0) is None


def test_a_mark_that_nobody_asked_for_is_in_order() -> None:
    assert Marks(0.3).told(5, asked_for=False, now=0.0) == 5


def test_without_doubt_each_mark_counts() -> None:
    assert Marks(0.0).told(5, asked_for=True, now=0.0) == 5


def test_what_one_stream_was_told_confirms_nothing_of_the_next() -> None:
    marks = Marks(0.3)
    marks.told(5, asked_for=True, now=0.0)
    marks.forget()
    assert (marks.ask_at, marks.told(9, asked_for=True, now=5.0)) == (None, None)
