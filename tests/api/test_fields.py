"""Field selectors: syntax, the fields of each kind, matching."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import fields, kinds
from hyperpy.api.kinds import Kind

POD: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"nodeName": "n1", "restartPolicy": "Always"},
    "status": {"phase": "Running", "podIP": "10.0.0.1"},
}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True), ("metadata.name=web", True), ("metadata.name==web", True), ("metadata.name!=web", False),
        ("spec.nodeName=n1,status.phase!=Failed", True), ("spec.nodeName=", False), ("status.nominatedNodeName=", True),
        ("spec.hostNetwork=false", True), ("status.podIP=10.0.0.1,", True),
    ],
)  # fmt: skip
def test_a_field_selector_selects(text: str, selected: bool) -> None:
    selector = fields.parse(text)
    fields.check(kinds.POD, selector)
    assert selector.matches(kinds.POD, POD) is selected


@pytest.mark.parametrize(
    ("kind", "obj", "text"),
    [
        (kinds.EVENT, {"source": {"component": "kubelet"}}, "source=kubelet"),
        (kinds.EVENT, {"reportingComponent": "kubelet"}, "source=kubelet"),
        (kinds.EVENT, {"involvedObject": {"name": "a", "uid": "u"}}, "involvedObject.name=a,involvedObject.uid=u"),
        (kinds.NODE, {"spec": {"unschedulable": True}}, "spec.unschedulable=true"),
        (kinds.NODE, {"spec": {}}, "spec.unschedulable=false"),
        (kinds.SECRET, {"type": "Opaque"}, "type=Opaque"),
        (kinds.REPLICA_SET, {"status": {"replicas": 2}}, "status.replicas=2"),
        (kinds.REPLICATION_CONTROLLER, {}, "status.replicas=0"),
        (kinds.NAMESPACE, {"status": {"phase": "Active"}}, "status.phase=Active"),
        (kinds.SERVICE, {"spec": {"clusterIP": "None"}}, "spec.clusterIP=None"),
        (kinds.RESOURCE_SLICE, {"spec": {"driver": "d", "nodeName": "n"}}, "spec.driver=d,spec.nodeName=n"),
        (kinds.RESOURCE_SLICE, {"spec": {"driver": "d", "allNodes": True}}, "spec.nodeName="),
    ],
)
def test_each_kind_has_fields_of_its_own(kind: Kind, obj: dict[str, Any], text: str) -> None:
    selector = fields.parse(text)
    fields.check(kind, selector)
    assert selector.matches(kind, obj)


def test_an_unsupported_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^field label not supported: spec\.foo$"):
        fields.check(kinds.POD, fields.parse("spec.foo=1"))
    with pytest.raises(ValueError, match='"status.phase" is not a known field selector: only "metadata.name"'):
        fields.check(kinds.CONFIG_MAP, fields.parse("status.phase=1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name", "invalid selector: 'name'; can't understand 'name'"),
        ("a=b=c", "unescaped character in value: b=c"),
        ("a=\\x", "invalid escape sequence: \\\\x"),
    ],
)
def test_a_malformed_selector_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fields.parse(text)


def test_required_values_serve_an_index() -> None:
    assert fields.parse("spec.nodeName=n1,status.phase!=Failed").required == {"spec.nodeName": "n1"}


@given(st.text(max_size=8), st.booleans())
def test_a_written_term_reads_back(value: str, equal: bool) -> None:
    term = fields.Term("metadata.name", value, equal)
    assert fields.parse(str(term)).terms == (term,)
