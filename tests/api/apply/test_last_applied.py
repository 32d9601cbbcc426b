"""What kubectl's annotation is worth when server-side apply takes over."""

from __future__ import annotations

import json

import pytest
from api.apply.shapes import shape

from hyperpy.api.apply import last_applied

SHAPE = shape()


def thing(last=None, **spec):
    metadata = {"name": "x"}
    if last is not None:
        metadata["annotations"] = {last_applied.ANNOTATION: last if isinstance(last, str) else json.dumps(last)}
    return {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "spec": spec}


def test_fields_that_still_are_what_client_side_apply_set_may_be_taken():
    live = thing(thing(count=1, text="a", on=True), count=1, text="b")
    fields = last_applied.owned_fields(live, SHAPE)
    assert fields["f:spec"] == {"f:count": {}}


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(None, id="no annotation"),
        pytest.param("", id="an empty one"),
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param({"apiVersion": "v2", "spec": {"count": 1}}, id="of another version"),
        pytest.param({"apiVersion": "v1", "spec": {"unknown": 1}}, id="that does not fit"),
    ],
)
def test_an_annotation_that_says_nothing_allows_nothing(last):
    assert last_applied.owned_fields(thing(last, count=1), SHAPE) == {}


def test_the_annotation_follows_what_is_applied():
    config = thing(count=2, text="<&>")
    config["metadata"]["annotations"] = {"a": "b", last_applied.ANNOTATION: "old"}
    refreshed = last_applied.refreshed(thing({"x": 1}, count=2), config)
    assert refreshed["metadata"]["annotations"][last_applied.ANNOTATION] == (
        '{"apiVersion":"v1","kind":"Thing","metadata":{"annotations":{"a":"b"},"name":"x"},'
        '"spec":{"count":2,"text":"\\u003c\\u0026\\u003e"}}\n'
    )
    assert last_applied.refreshed(thing(count=1), config) == thing(count=1), "no annotation, none added"


def test_an_annotation_that_grows_too_large_is_dropped():
    refreshed = last_applied.refreshed(thing({"x": 1}), thing(text="x" * 300_000))
    assert refreshed["metadata"]["annotations"] == {}
