"""JSONPath templates: the documented examples of kubectl."""

from __future__ import annotations

import pytest

from hyperpy.api import jsonpath

LIST = {
    "kind": "List",
    "items": [
        {
            "kind": "None",
            "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "127.0.0.1"}},
            "status": {"capacity": {"cpu": "4"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}]},
        },
        {
            "kind": "None",
            "metadata": {"name": "127.0.0.2"},
            "status": {
                "capacity": {"cpu": "8"},
                "addresses": [
                    {"type": "LegacyHostIP", "address": "127.0.0.2"},
                    {"type": "another", "address": "127.0.0.3"},
                ],
            },
        },
    ],
    "users": [{"name": "myself", "user": {}}, {"name": "e2e", "user": {"username": "admin", "n": 3}}],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("the type is {.kind}", "the type is List"),
        ("{$.kind}{@.kind}{kind}", "ListListList"),
        ("{['kind']}", "List"),
        ("{..name}", "127.0.0.1 127.0.0.2 myself e2e"),
        ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.users[0].name}{.users[-1].name}{.users[7].name}", "myselfe2e"),
        ("{.users[0:1].name}|{.users[1:].name}|{.users[-1:].name}", "myself|e2e|e2e"),
        ("{.items[*]['metadata.name', 'status.capacity.cpu']}", "127.0.0.1 127.0.0.2 4 8"),
        ("{.items[0].metadata.labels['kubernetes.io/hostname']}", "127.0.0.1"),
        ('{.users[?(@.name=="e2e")].user.username}', "admin"),
        ("{.users[?(@.user.n>2)].name}", "e2e"),
        ("{.users[?(@.user.n<2)].name}", ""),
        ("{.users[?(@.user.username)].name}", "e2e"),
        (".items", ".items"),
        ('{range .items[*]}[{.metadata.name}, {.status.capacity.cpu}]{"\\n"}{end}', "[127.0.0.1, 4]\n[127.0.0.2, 8]\n"),
        ("{range .items[*]}{range .status.addresses[*]}{.address} {end};{end}", "127.0.0.1 ;127.0.0.2 127.0.0.3 ;"),
        ("{.items[0].metadata.labels.kubernetes\\.io/hostname}", "127.0.0.1"),
        ("{.users[1].user}", '{"username":"admin","n":3}'),
        ("{.missing.field}", ""),
        ("{.items[*].status.addresses[?(@.type=='another')].address}", "127.0.0.3"),
        ("{.users[0,1].name}", "myself e2e"),
        ("{ .kind }", "List"),
    ],
)
def test_a_template(template: str, text: str) -> None:
    assert jsonpath.render(template, LIST) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.kind", '"}" is missing'),
        ("{range .items[*]}x", "{range} without {end}"),
        ("{end}", "{end} without {range}"),
        ("{.items[}", "an index is missing"),
        ("{.items[?(@.a==)]}", "is missing"),
        ("{..}", "a field name is missing"),
    ],
)
def test_a_broken_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(jsonpath.JsonPathError, match="error parsing jsonpath"):
        jsonpath.render(template, LIST)
