"""Label selectors: syntax, matching, and refusals in the API server's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import labels

WEB = {"app": "web", "tier": "front", "n": "5", "empty": ""}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True), ("app=web", True), ("app==web", True), ("app = web , tier=front", True), ("app=db", False),
        ("app!=db", True), ("none!=x", True), ("app!=web", False), ("app in (web, db)", True), ("app in(db)", False),
        ("app notin (db)", True), ("none notin (db)", True), ("app notin (web)", False), ("app", True), ("none", False),
        ("!none", True), ("!app", False), ("! none", True), ("n>4", True), ("n<5", False), ("app>1", False),
        ("empty=", True), ("empty=,app=web", True), ("none=", False), ("empty in (,a)", True), ("in in (a)", False),
        ("example.com/a=b", False), ("app=web,app=db", False), ("app=web,app in (web)", True),
    ],
)  # fmt: skip
def test_a_selector_selects(text: str, selected: bool) -> None:
    assert labels.parse(text).matches(WEB) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app=web=", "found '=', expected: ',' or 'end of string'"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',', or ')'"),
        ("a in ()", "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a>b",
         "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value"),
        ("-a=b", 'unable to parse requirement: key: Invalid value: "-a": name part must consist of'),
        ("a=-b", 'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be'),
    ],
)  # fmt: skip
def test_a_malformed_selector_is_refused_in_the_servers_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        labels.parse(text)
    assert str(caught.value).startswith(message)


def test_selectors_are_written_in_one_order() -> None:
    assert str(labels.parse("tier notin (b,a),app=web,!x,y, n > 1")) == "app=web,n>1,tier notin (a,b),!x,y"
    assert str(labels.parse("a==b")) == "a==b"
    assert labels.parse("a=1,b=2") == labels.parse("b=2,a=1")


def test_label_selector_objects() -> None:
    selector = labels.from_selector(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "none", "operator": "DoesNotExist"},
                {"key": "app", "operator": "Exists"},
                {"key": "n", "operator": "NotIn", "values": ["1"]},
            ],
        }
    )
    assert selector.matches(WEB)
    assert selector.required == {"app": "web"}
    assert not selector.matches({"app": "web"})


def test_no_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not labels.from_selector(None).matches(WEB)
    assert labels.from_selector({}).matches(WEB)
    assert labels.from_selector({}).empty
    assert not labels.from_selector(None).empty
    assert labels.from_map(None).empty
    assert labels.from_map({"app": "web"}).matches(WEB)
    assert not labels.from_map({"app": "web"}).matches(None)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"key": "a", "operator": "Is"}, '"Is" is not a valid label selector operator'),
        ({"key": "a", "operator": "In"}, "values set can't be empty"),
        ({"key": "a", "operator": "Exists", "values": ["x"]}, "values set must be empty for exists and does not exist"),
        ({"key": "a", "operator": "Gt", "values": ["1", "2"]}, "exactly one value is required"),
    ],
)
def test_a_bad_expression_is_refused(expression: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labels.from_selector({"matchExpressions": [expression]})


_KEYS = st.sampled_from(["a", "b", "c.d/e"])
_VALUES = st.sampled_from(["", "x", "y", "1"])
_REQUIREMENTS = st.one_of(
    st.builds(lambda k, o, v: f"{k}{o}{v}", _KEYS, st.sampled_from(["=", "==", "!="]), _VALUES),
    st.builds(lambda k, o, v: f"{k} {o} ({','.join(v) or ','})", _KEYS,
              st.sampled_from(["in", "notin"]), st.lists(_VALUES, min_size=1)),
    _KEYS,
    _KEYS.map("!{}".format),
)  # fmt: skip


@given(st.lists(_REQUIREMENTS, max_size=4).map(",".join), st.dictionaries(_KEYS, _VALUES))
def test_a_written_selector_selects_the_same(text: str, carried: dict[str, str]) -> None:
    selector = labels.parse(text)
    again = labels.parse(str(selector))
    assert again.matches(carried) == selector.matches(carried) == all(r.matches(carried) for r in selector.requirements)
    if selector.matches(carried):
        assert selector.required.items() <= carried.items()
