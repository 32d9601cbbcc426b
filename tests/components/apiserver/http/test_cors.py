"""Which pages from elsewhere may ask."""

import pytest

from hyperpy.components.apiserver.http.cors import Cors
from hyperpy.components.supervisor import StartFailure


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://ui.example", True),
        ("http://localhost:8080", True),
        ("https://ui.example.evil", False),
        ("", False),
        ("https://ui.example\udcff:", False),
    ],
)
def test_origins(origin, allowed):
    headers = Cors(["^https://ui\\.example$", "//localhost:"]).headers(origin)
    assert (headers is not None) is allowed
    if headers:
        assert headers["Access-Control-Allow-Origin"] == origin
        assert headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    ("pattern", "told"), [("example", "does not pin the start and end"), ("^($", "--cors-allowed-origins")]
)
def test_a_pattern_that_says_too_little_is_refused(pattern, told):
    with pytest.raises(StartFailure, match=told):
        Cors([pattern])
