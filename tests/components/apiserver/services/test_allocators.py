"""Pools of numbers."""

from __future__ import annotations

import random

import pytest

from hyperpy.components.apiserver.services import allocators


def test_free_picks_come_from_the_upper_band_first():
    pool = allocators.Pool(1, 20, static=10)
    rng = random.Random(0)
    first = {pool.pick(rng) for _ in range(10)}
    assert first == set(range(11, 21))
    assert {pool.pick(rng) for _ in range(10)} == set(range(1, 11))
    with pytest.raises(allocators.Full):
        pool.pick(rng)


def test_a_number_is_taken_once_until_released():
    pool = allocators.Pool(1, 3, static=0)
    pool.take(2)
    with pytest.raises(allocators.Taken):
        pool.take(2)
    pool.release(2)
    pool.take(2)
    with pytest.raises(allocators.OutOfRange):
        pool.take(4)


def test_the_first_address_stays_reserved():
    addresses = allocators.Addresses("10.0.0.0/24")
    assert addresses.first == "10.0.0.1"
    addresses.release("10.0.0.1")
    with pytest.raises(allocators.Taken):
        addresses.take("10.0.0.1")


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.255", "10.0.1.0"])
def test_network_broadcast_and_foreign_addresses_are_out_of_range(address):
    with pytest.raises(allocators.OutOfRange):
        allocators.Addresses("10.0.0.0/24").take(address)
