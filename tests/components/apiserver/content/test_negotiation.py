"""Accept headers and bodies."""

from __future__ import annotations

import pytest

from hyperpy.api import errors
from hyperpy.api.wire import Request
from hyperpy.components.apiserver import rendering
from hyperpy.components.apiserver.content import negotiation
from hyperpy.components.apiserver.content.negotiation import Form

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
OLD_TABLE = "application/json;as=Table;v=v1beta1;g=meta.k8s.io"


def ask(accept="", query=None):
    return Request("GET", "/", query or {}, {"accept": accept} if accept else {})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        pytest.param("", Form(), id="nothing said"),
        pytest.param("application/json;stream=watch", Form(), id="stream"),
        pytest.param(f"{TABLE},{OLD_TABLE},application/json", Form("Table"), id="kubectl"),
        pytest.param(OLD_TABLE, Form("Table", "v1beta1"), id="old table"),
        pytest.param("application/json;q=0.1, application/yaml", Form(media_type="application/yaml"), id="quality"),
        pytest.param("text/html, application/*;q=0.5", Form(), id="a browser"),
        pytest.param("application/vnd.kubernetes.protobuf, application/json", Form(), id="client-go"),
        pytest.param("application/cbor, application/json", Form(), id="cbor first"),
        pytest.param("application/json;as=Table;v=v2;g=meta.k8s.io, application/json", Form(), id="future table"),
        pytest.param(TABLE.replace("Table", "PartialObjectMetadataList"), Form("PartialObjectMetadata"), id="partial"),
    ],
)  # fmt: skip
def test_the_best_form_that_can_be_had_is_taken(accept, form):
    assert negotiation.accepted(ask(accept)) == form


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/vnd.kubernetes.protobuf",
        "application/json;q=0",
        "application/cbor",
        "application/json;as=Table;v=v2;g=meta.k8s.io",
    ],
)
def test_nothing_acceptable_is_refused(accept):
    with pytest.raises(errors.NotAcceptable, match="only the following media types are accepted"):
        negotiation.accepted(ask(accept))


def test_what_rows_carry_is_asked_for_in_the_query():
    assert negotiation.accepted(ask(TABLE, {"includeObject": ("None",)})).include == "None"
    rule = "includeObject: Invalid value: \"Some\": must be 'Metadata', 'Object', 'None', or empty"
    with pytest.raises(errors.BadRequest, match=f"Unable to convert to Table as requested: {rule}"):
        negotiation.accepted(ask(TABLE, {"includeObject": ("Some",)}))


@pytest.mark.parametrize(
    ("raw", "repeated"),
    [
        pytest.param(b'{"a":1,"b":{"c":2}}', (), id="none"),
        pytest.param(b'{ "a": 1 }', (), id="spaces"),
        pytest.param(b'{"a":1,"a":2}', ("a",), id="top"),
        pytest.param(b'{"s":{"l":[{"x":1},{"x":1,"x":2,"y":1,"y":1}]}}', ("s.l[1].x", "s.l[1].y"), id="deep"),
    ],
)
def test_repeated_keys_are_found(raw, repeated):
    assert negotiation.decode_json(raw, find_repeated=True).repeated == repeated


@pytest.mark.parametrize("depth", [300, 900, 5000])
def test_deeply_nested_bodies_are_refused(depth):
    negotiation.decode_json(b'{"a":' * 200 + b"1 " + b"}" * 200, find_repeated=True)
    with pytest.raises(errors.BadRequest):
        negotiation.decode_json(b'{"a":' * depth + b"1" + b"}" * depth, find_repeated=True)


def test_warnings_cannot_break_out_of_their_header():
    headers = rendering.warning_headers(['unknown field "a\r\nSet-Cookie: b"'])
    assert headers == {"Warning": '299 - "unknown field \\"a  Set-Cookie: b\\""'}


@pytest.mark.parametrize(
    ("raw", "repeated"),
    [
        (b'{"a": {"b": "x y"}, "c": [1, 2]}', ()),
        (b'{\n\t"a": "  "\r\n}', ()),
        (b'{"a": 1, "b": 2, "a": 1}', ("a",)),
        (b'{"a":1,"a":1}', ("a",)),
        (b'{"a": 1, "a ": 1}', ()),
        (b'{"a":{"b":1,"b":2}}', ("a.b",)),
        (b'{"a": "\\u00e9", "a": 1}', ("a",)),
    ],
)
def test_repeated_keys_are_found_however_the_body_is_spaced(raw, repeated):
    assert negotiation.decode_json(raw, find_repeated=True).repeated == repeated
