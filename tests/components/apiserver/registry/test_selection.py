"""Selections: what they match, and that the search in the stored bytes never loses a match."""

from __future__ import annotations

import pytest

from hyperpy.api import kinds
from hyperpy.components.apiserver.registry import form, selection
from hyperpy.store.protocol import KeyValue

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "default", "labels": {"app": "web", "example.com/tier": "a_b.c"}},
    "spec": {"nodeName": "n1", "containers": []},
    "status": {"phase": "Running"},
}
STORED = KeyValue(b"/registry/core/pods/default/p", form.encode(POD), 5, 5, 1)


@pytest.mark.parametrize(
    ("label_text", "field_text", "admitted"),
    [
        pytest.param("", "", True, id="all"),
        pytest.param("app=web", "", True, id="label"),
        pytest.param("app=other", "", False, id="other value"),
        pytest.param("app in (web)", "", True, id="a set of one"),
        pytest.param("app in (web,db),example.com/tier=a_b.c", "", True, id="set and prefix"),
        pytest.param("app!=db,!none", "", True, id="negations"),
        pytest.param("web=app", "", False, id="turned round"),
        pytest.param("", "spec.nodeName=n1,status.phase!=Failed", True, id="fields"),
        pytest.param("", "spec.nodeName=n2", False, id="other node"),
        pytest.param("", "spec.hostNetwork=false,spec.nodeName=n1", True, id="a flag that is absent"),
        pytest.param("nodeName=n1", "", False, id="a field is no label"),
        pytest.param("", "metadata.name=p,metadata.namespace=default", True, id="name"),
    ],
)
def test_what_a_selection_admits(label_text, field_text, admitted):
    selected = selection.parse(kinds.POD, None, label_text=label_text, field_text=field_text)
    assert selected.admits(STORED) is admitted
    assert selected.matches(POD) is admitted


def test_a_namespace_in_the_field_selector_narrows_the_read():
    assert selection.parse(kinds.POD, None, field_text="metadata.namespace=default").namespace == "default"
    assert selection.parse(kinds.POD, "own", field_text="metadata.namespace=default").namespace == "own"


def test_the_revision_is_spliced_into_the_stored_bytes():
    value = form.encode({"metadata": {"name": "a", "resourceVersion": "1"}, "kind": "K", "apiVersion": "v1", "x": 1})
    head, rest = b'{"apiVersion":"v1","kind":"K","metadata":{', b'"name":"a"},"x":1}'
    assert value == head + rest
    assert form.splice(value, 7) == head + b'"resourceVersion":"7",' + rest
