"""What a request on /v2/keys means, and etcd's errors for what means nothing."""

from __future__ import annotations

import pytest
from store.etcd_server.v2.asking import asked

from hyperpy.store.etcd_server.v2.errors import Code, Refused
from hyperpy.store.etcd_server.v2.request import clean, parse_form, takes_form

_SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("method", "fields", "code", "cause"),
    [
        ("GET", {"waitIndex": "x"}, Code.INDEX_NAN, 'invalid value for "waitIndex"'),
        ("PUT", {"prevIndex": ""}, Code.INDEX_NAN, 'invalid value for "prevIndex"'),
        ("PUT", {"prevIndex": "18446744073709551616"}, Code.INDEX_NAN, 'invalid value for "prevIndex"'),
        ("PUT", {"prevIndex": "٣"}, Code.INDEX_NAN, 'invalid value for "prevIndex"'),
        ("PUT", {"ttl": "-1"}, Code.TTL_NAN, 'invalid value for "ttl"'),
        ("PUT", {"ttl": str(1 << 62)}, Code.TTL_NAN, 'invalid value for "ttl"'),
        ("GET", {"recursive": "yes"}, Code.INVALID_FIELD, 'invalid value for "recursive"'),
        ("PUT", {"prevExist": ""}, Code.INVALID_FIELD, "invalid value for prevExist"),
        ("PUT", {"wait": "true"}, Code.INVALID_FIELD, '"wait" can only be used with GET requests'),
        ("PUT", {"prevValue": ""}, Code.PREV_VALUE_REQUIRED, '"prevValue" cannot be empty'),
        ("PUT", {"refresh": "true", "value": "1"}, Code.REFRESH_VALUE, "A value was provided on a refresh"),
        ("PUT", {"refresh": "true"}, Code.REFRESH_TTL_REQUIRED, "No TTL value set"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_field_that_cannot_be_read_is_refused(method: str, fields: dict[str, str], code: Code, cause: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(method, "/a", **fields)
    assert (refused.value.code, refused.value.cause, refused.value.index) == (code, cause, 0)


def test_a_ttl_is_counted_from_now_and_an_empty_one_is_none() -> None:
    assert asked("PUT", "/a", now=5 * _SECOND, ttl=10).expires == 15 * _SECOND
    assert asked("PUT", "/a", now=5 * _SECOND, ttl=0).expires == 5 * _SECOND
    assert asked("PUT", "/a", now=5 * _SECOND, ttl="").expires is None


def test_flags_are_read_as_go_reads_them() -> None:
    assert all(asked("GET", "/", recursive=text).recursive for text in ("1", "t", "T", "true", "TRUE", "True"))
    assert not any(asked("GET", "/", recursive=text).recursive for text in ("0", "f", "F", "false", "FALSE", "False"))
    assert asked("PUT", "/", prevExist="false").prev_exist is False
    assert asked("PUT", "/").prev_exist is None


def test_a_body_counts_before_the_query_and_only_as_a_form() -> None:
    assert parse_form("value=body&value=2", "value=query&x=%41+b") == {"value": ["body", "2", "query"], "x": ["A b"]}
    assert takes_form("PUT", "application/x-www-form-urlencoded; charset=UTF-8")
    assert not takes_form("DELETE", "application/x-www-form-urlencoded")
    assert not takes_form("PUT", "multipart/form-data")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("value=%zz", 'invalid URL escape "%zz"'),
        ("value=%4", 'invalid URL escape "%4"'),
        ("value=a;b", "invalid semicolon separator in query"),
    ],
)
def test_a_malformed_form_is_refused(text: str, cause: str) -> None:
    with pytest.raises(Refused, match="Invalid POST form") as refused:
        parse_form(text)
    assert refused.value.cause == cause


def test_paths_are_cleaned() -> None:
    assert [clean(path) for path in ("", "/", "a//b/", "/a/./b/../c", "//a", "/../..")] == [
        *("/", "/", "/a/b", "/a/c", "/a", "/"),
    ]
