"""How large the steps of a long job become."""

from __future__ import annotations

from hyperpy.store.sql.pace import Pace


def test_a_step_grows_to_what_fits_into_its_time() -> None:
    pace = Pace(amount=100, least=10, most=1000, aim_s=0.01)
    pace.took(0.008)
    assert pace.amount == 125
    pace.took(0.02)
    assert pace.amount == 62


def test_one_odd_step_changes_the_next_by_a_factor_of_two_at_most() -> None:
    pace = Pace(amount=100, least=10, most=1000, aim_s=0.01)
    pace.took(5)
    assert pace.amount == 50
    pace.took(0)
    assert pace.amount == 100


def test_a_step_stays_within_its_limits() -> None:
    pace = Pace(amount=100, least=80, most=120, aim_s=0.01)
    pace.took(1)
    assert pace.amount == 80
    pace.took(0.0001)
    assert pace.amount == 120
