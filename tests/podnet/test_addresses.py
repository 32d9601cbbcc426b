"""The address pool: none twice, none lost over a restart, all usable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.podnet.addresses import AddressPool
from hyperpy.podnet.protocol import NetworkFailure


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_no_address_is_held_twice_whatever_comes_and_goes(tmp_path_factory, steps):
    state = tmp_path_factory.mktemp("pool") / "addresses.json"
    pool = AddressPool("10.1.0.0/28", state)
    for give, number in steps:
        if give:
            pool.give(f"s{number}")
        else:
            pool.take_back(f"s{number}")
        held = list(pool.given().values())
        assert len(held) == len(set(held))
        assert not {"10.1.0.0", "10.1.0.1", "10.1.0.15"} & set(held)
        assert AddressPool("10.1.0.0/28", state).given() == pool.given()


def test_every_address_is_given_before_the_pool_says_that_it_is_empty(tmp_path):
    pool = AddressPool("10.1.0.0/29", tmp_path / "a.json")
    assert sorted(pool.give(str(n)) for n in range(5)) == [f"10.1.0.{n}" for n in range(2, 7)]
    with pytest.raises(NetworkFailure, match="no free address left in the pod CIDR 10.1.0.0/29"):
        pool.give("one more")


def test_a_freed_address_is_not_given_again_at_once(tmp_path):
    pool = AddressPool("10.1.0.0/24", tmp_path / "a.json")
    first = pool.give("a")
    pool.take_back("a")
    assert pool.give("b") != first


def test_the_file_of_another_range_is_begun_anew(tmp_path):
    AddressPool("10.1.0.0/24", tmp_path / "a.json").give("a")
    assert AddressPool("10.2.0.0/24", tmp_path / "a.json").given() == {}


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(NetworkFailure, match=r"a\.json is damaged"):
        AddressPool("10.1.0.0/24", tmp_path / "a.json")
