"""Rules of metadata."""
# ruff: noqa: E501
# One case a line, and message texts are long.

from typing import Any

import pytest

from hyperpy.api import kinds

_OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "1"}


@pytest.mark.parametrize(
    ("kind", "meta", "text"),
    [
        pytest.param(kinds.CONFIG_MAP, {"name": ""}, "metadata.name: Required value: name or generateName is required", id="no name"),
        pytest.param(kinds.CONFIG_MAP, {"name": "A"}, 'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain', id="subdomain"),
        pytest.param(kinds.SERVICE, {"name": "1a"}, 'metadata.name: Invalid value: "1a": a DNS-1035 label', id="service"),
        pytest.param(kinds.NAMESPACE, {"name": "a.b"}, 'metadata.name: Invalid value: "a.b": must not contain dots', id="namespace"),
        pytest.param(kinds.ROLE, {"name": "a/b"}, "metadata.name: Invalid value: \"a/b\": may not contain '/'", id="rbac"),
        pytest.param(kinds.CONFIG_MAP, {"generateName": "ABC-"}, 'metadata.generateName: Invalid value: "ABC-"', id="generated"),
        pytest.param(kinds.CONFIG_MAP, {"namespace": ""}, "metadata.namespace: Required value", id="no namespace"),
        pytest.param(kinds.NAMESPACE, {"namespace": "a"}, "metadata.namespace: Forbidden: not allowed on this type", id="cluster"),
        pytest.param(kinds.CONFIG_MAP, {"labels": {"a b": "c"}}, 'metadata.labels: Invalid value: "a b": name part must consist', id="label key"),
        pytest.param(kinds.CONFIG_MAP, {"labels": {"a": "b c"}}, 'metadata.labels: Invalid value: "b c": a valid label must be', id="label"),
        pytest.param(kinds.CONFIG_MAP, {"annotations": {"a b": ""}}, 'metadata.annotations: Invalid value: "a b"', id="annotation"),
        pytest.param(kinds.CONFIG_MAP, {"annotations": {"a": "b" * 262144}}, "metadata.annotations: Too long: may not be more than 262144 bytes", id="size"),
        pytest.param(kinds.CONFIG_MAP, {"finalizers": ["a"]}, 'metadata.finalizers[0]: Invalid value: "a": name is neither', id="finalizer"),
        pytest.param(kinds.CONFIG_MAP, {"finalizers": ["orphan", "foregroundDeletion"]}, "cannot be both set", id="finalizers"),
        pytest.param(kinds.CONFIG_MAP, {"ownerReferences": [{**_OWNER, "uid": ""}]}, 'metadata.ownerReferences.uid: Invalid value: "": must not be empty', id="owner"),
        pytest.param(kinds.CONFIG_MAP, {"ownerReferences": [{**_OWNER, "kind": "Event"}]}, "is disallowed from being an owner", id="event"),
        pytest.param(
            kinds.CONFIG_MAP,
            {"ownerReferences": [{**_OWNER, "controller": True}, {**_OWNER, "name": "b", "controller": True}]},
            "Only one reference can have Controller set to true. Found \"true\" in references for Pod/a and Pod/b",
            id="two controllers",
        ),
    ],
)  # fmt: skip
def test_metadata_that_breaks_a_rule(kind: kinds.Kind, meta: dict[str, Any], text: str, complaints: Any) -> None:
    assert any(text in complaint for complaint in complaints(kind, {"metadata": meta})), complaints(
        kind, {"metadata": meta}
    )


@pytest.mark.parametrize(
    "meta",
    [
        {"generateName": "a-"},
        {"labels": {"example.com/a": "", "b": "C_1.d"}, "annotations": {"Example.com/A": "any\ntext"}},
        {"finalizers": ["example.com/a", "orphan"], "ownerReferences": [_OWNER, {**_OWNER, "controller": True}]},
    ],
)
def test_good_metadata(meta: dict[str, Any], complaints: Any) -> None:
    assert complaints(kinds.CONFIG_MAP, {"metadata": meta}) == []


def test_a_name_and_namespace_never_change(change_complaints: Any) -> None:
    changed = change_complaints(kinds.CONFIG_MAP, {"metadata": {"name": "b", "namespace": "c"}}, {})
    assert changed == [
        'metadata.name: Invalid value: "b": field is immutable',
        'metadata.namespace: Invalid value: "c": field is immutable',
    ]
