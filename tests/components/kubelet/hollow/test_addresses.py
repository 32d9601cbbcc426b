"""Addresses of simulated pods."""

from __future__ import annotations

import pytest

from hyperpy.components.kubelet.hollow.addresses import Addresses, Exhausted


def test_addresses_are_given_in_order_and_taken_back():
    addresses = Addresses("10.0.0.0/29")
    addresses.occupy("10.0.0.2")
    assert [addresses.take() for _ in range(5)] == [f"10.0.0.{number}" for number in (1, 3, 4, 5, 6)]
    addresses.give_back("10.0.0.4")
    addresses.give_back("10.9.9.9")
    assert addresses.take() == "10.0.0.4"
    with pytest.raises(Exhausted, match=r"no address of 10\.0\.0\.0/29 is free"):
        addresses.take()
