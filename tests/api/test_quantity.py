"""Quantities: parsing, rounding, canonical form and the API server's messages."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"), ("100m", "0.1"), ("1.5", "1.5"), (".5", "0.5"), ("5.", "5"), ("+3", "3"), ("-2k", "-2000"),
        ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("1e3", "1000"), ("1E", "1e18"), ("1E-3", "0.001"), ("12e+2", "1200"),
        ("0.1n", "1e-9"), ("-0.1n", "-1e-9"), ("100E", "9223372036854775807"), ("1e999999", "9223372036854775807"),
        (2, "2"), (0.25, "0.25"), (1e-7, "1e-7"),
    ],
)  # fmt: skip
def test_parse_gives_the_exact_number(text: quantity.Value, number: str) -> None:
    assert quantity.parse(text) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "quantities must match"), ("abc", "quantities must match"), ("1 Gi", "quantities must match"),
        ("1.2.3", "quantities must match"), ("1Gi5x", "quantities must match"), (True, "quantities must match"),
        ("e3", "unable to parse numeric part"), (".", "unable to parse numeric part"), ("-", "unable to parse numeric"),
        ("1Kim", "unable to parse quantity's suffix"), ("1K", "unable to parse quantity's suffix"),
        ("1e", "unable to parse quantity's suffix"), ("1i", "unable to parse quantity's suffix"),
    ],
)  # fmt: skip
def test_a_malformed_quantity_is_refused_in_kubernetes_words(text: quantity.Value, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantity.parse(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("0.5", "500m"), ("1000m", "1"), ("1500m", "1500m"), ("1000", "1k"), ("1024Ki", "1Mi"), ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"), ("1023Ki", "1023Ki"), ("0.0001Ki", "102400u"), ("1e3", "1e3"), ("1000e0", "1e3"),
        ("12e2", "1200"), ("1e2", "100"), ("0.1e1", "1"), ("1E", "1E"), ("1000E", "9223372036854775807"), ("0Gi", "0"),
        ("-1.5", "-1500m"), ("1.1Ki", "1126400m"), ("1048576", "1048576"), (128000000, "128M"), ("100n", "100n"),
    ],
)  # fmt: skip
def test_canonical_form_is_the_api_servers(text: quantity.Value, form: str) -> None:
    assert quantity.canonical(text) == form


def test_rounding_goes_up() -> None:
    assert (quantity.to_millis("0.5"), quantity.to_millis("1u"), quantity.to_millis("2")) == (500, 1, 2000)
    assert (quantity.to_int("100m"), quantity.to_int("1Ki"), quantity.to_int("-1500m")) == (1, 1024, -1)


def test_compare_and_add_ignore_how_a_value_is_written() -> None:
    assert quantity.compare("1000m", "1") == 0
    assert quantity.compare("1Gi", "1G") == 1
    assert quantity.compare("1", "1.1") == -1
    assert quantity.add("1Gi", "512Mi") == "1536Mi"
    assert quantity.add("0", "512Mi") == "512Mi"
    assert quantity.add("250m", "750m") == "1"


def test_numbers_are_written_back_canonically() -> None:
    assert quantity.from_millis(1500) == "1500m"
    assert quantity.from_millis(2000) == "2"
    assert quantity.from_int(24 * 2**30, binary=True) == "24Gi"
    assert quantity.from_int(110) == "110"


@given(
    st.integers(min_value=-(10**15), max_value=10**15),
    st.sampled_from(["n", "u", "m", "", "k", "Ki", "Mi", "Gi", "e-3", "e2", "E3"]),
)
def test_the_canonical_form_means_the_same_number_and_is_stable(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    form = quantity.canonical(text)
    assert quantity.parse(form) == quantity.parse(text)
    assert quantity.canonical(form) == form
