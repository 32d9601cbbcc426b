"""Names and label texts: what is refused, and how."""

from __future__ import annotations

import pytest

from hyperpy.api import names


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("app", ""), ("example.com/app", ""), ("/app", "prefix part must be non-empty"),
        ("x" * 64, "name part must be no more than 63"), ("", "name part must be non-empty"),
        ("Example.com/app", "prefix part a lowercase RFC 1123 subdomain"),
        ("a/b/c", "a qualified name must consist of"),
    ],
)  # fmt: skip
def test_keys_are_checked(key: str, problem: str) -> None:
    problems = names.qualified_errors(key)
    assert problems[0].startswith(problem) if problem else problems == []


@pytest.mark.parametrize(
    ("value", "good"), [("", True), ("a", True), ("A.b_c-1", True), ("-a", False), ("a b", False), ("x" * 64, False)]
)
def test_label_values_are_checked(value: str, good: bool) -> None:
    assert (names.label_value_errors(value) == []) is good
