"""Field names as expressions write them."""

import pytest

from hyperpy.api.cel.names import escape


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("spec", "spec"),
        ("namespace", "__namespace__"),
        ("namespaces", "namespaces"),
        ("x-prop", "x__dash__prop"),
        ("redact__d", "redact__underscores__d"),
        ("a.b/c", "a__dot__b__slash__c"),
        ("1st", None),
        ("has space", None),
        ("$ref", None),
    ],
)
def test_name_is_escaped(name: str, escaped: str | None):
    assert escape(name) == escaped
