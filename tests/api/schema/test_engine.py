"""The schema engine on built-in kinds: what is unreadable, unknown, or only written differently."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperpy.api import kinds, schema
from hyperpy.api.schema import definitions
from hyperpy.api.schema.node import Node

POD = schema.of(kinds.POD)


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize("kind", kinds.BUILT_IN, ids=lambda kind: kind.kind)
def test_every_built_in_kind_has_a_schema_that_compiles_and_knows_its_group_version_kind(kind: kinds.Kind) -> None:
    of_kind = schema.of(kind)
    assert of_kind.problems({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}}) == []
    assert of_kind.unknown({"surely-not": 1}) == ["surely-not"]
    gvks = definitions.structure(of_kind.name)["x-kubernetes-group-version-kind"]
    assert {"group": kind.group, "version": kind.version, "kind": kind.kind} in gvks


@pytest.mark.parametrize("kind", kinds.BUILT_IN, ids=lambda kind: kind.kind)
def test_every_reference_of_a_built_in_kind_resolves(kind: kinds.Kind) -> None:
    seen: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                walk(definitions.structure(reference))
            for child in node.values():
                walk(child)

    walk({"$ref": definitions.name_of(kind.group, kind.version, kind.kind)})
    assert all(definitions.exists(name) for name in seen)


def test_an_object_in_stored_form_needs_nothing_done() -> None:
    obj = pod(
        containers=[
            {
                "name": "a",
                "image": "b",
                "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}},
                "livenessProbe": {"httpGet": {"port": "http"}},
            }
        ]
    )
    assert POD.decode(obj) == schema.engine.decoding.CLEAN


@pytest.mark.parametrize(
    ("obj", "field", "reason"),
    [
        pytest.param(pod(containers="x"), "spec.containers", "FieldValueTypeInvalid", id="string for list"),
        pytest.param(pod(containers=[{"name": 1}]), "spec.containers[0].name", "FieldValueTypeInvalid", id="number"),
        pytest.param(pod(priority=2**31), "spec.priority", "FieldValueInvalid", id="beyond int32"),
        pytest.param(pod(priority=1.0), "spec.priority", "FieldValueTypeInvalid", id="a float is no integer"),
        pytest.param(pod(priority=True), "spec.priority", "FieldValueTypeInvalid", id="a boolean is no integer"),
        pytest.param(pod(overhead={"cpu": "1x"}), "spec.overhead.cpu", "FieldValueInvalid", id="quantity"),
        pytest.param(
            {"metadata": {"creationTimestamp": "yesterday"}},
            "metadata.creationTimestamp",
            "FieldValueInvalid",
            id="time",
        ),
        pytest.param({"metadata": {"labels": {"a/b": 1}}}, "metadata.labels[a/b]", "FieldValueTypeInvalid", id="label"),
        pytest.param(["x"], "<root>", "FieldValueTypeInvalid", id="no object at all"),
    ],
)
def test_an_unreadable_value_is_told_with_its_path(obj: Any, field: str, reason: str) -> None:
    (cause,) = POD.problems(obj)
    assert (cause.field, cause.reason) == (field, reason)


def test_a_type_problem_reads_as_kubernetes_schema_validation_writes_it() -> None:
    (cause,) = schema.of(kinds.DEPLOYMENT).problems({"spec": {"replicas": "three"}})
    assert str(cause) == (
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"'
    )


def test_bytes_that_are_no_base64_are_told_without_showing_them() -> None:
    (cause,) = schema.of(kinds.SECRET).problems({"data": {"tls.key": "hunter2!"}})
    assert cause.field == "data[tls.key]"
    assert "hunter2" not in cause.message


def test_unknown_fields_are_named_by_path_and_dropped_by_prune_only() -> None:
    obj = {"spec": {"containers": [{"name": "a", "imaeg": "b", "ports": [{"prot": 1}]}], "replicas": 1}, "extra": {}}
    before = copy.deepcopy(obj)
    paths = {"spec.containers[0].imaeg", "spec.containers[0].ports[0].prot", "spec.replicas", "extra"}
    assert set(POD.unknown(obj)) == paths
    assert obj == before
    assert set(POD.prune(obj)) == paths
    assert obj == {"spec": {"containers": [{"name": "a", "ports": [{}]}]}}


def test_null_is_absent_in_an_object_and_the_zero_value_in_lists_and_maps() -> None:
    obj = {
        "metadata": {"creationTimestamp": None, "labels": {"a": None}, "finalizers": [None]},
        "spec": {"containers": [None, {"resources": {"limits": {"cpu": None}}, "env": None}], "volumes": None},
    }
    assert POD.problems(obj) == []
    assert POD.prune(obj) == []
    assert obj == {
        "metadata": {"labels": {"a": ""}, "finalizers": [""]},
        "spec": {"containers": [{}, {"resources": {"limits": {"cpu": "0"}}}]},
    }


@pytest.mark.parametrize(
    ("written", "stored"),
    [("0.5", "500m"), (2, "2"), (0.1, "100m"), ("1024Mi", "1Gi"), ("1000", "1k"), (" 1 ", "1"), ("100m", "100m"),
     ("8149024Ki", "8149024Ki"), ("8149025Ki", "8149025Ki"), ("123456", "123456"), ("1e3", "1e3"),
     ("10E", "9223372036854775807")],
)  # fmt: skip
def test_quantities_are_stored_in_canonical_form(written: Any, stored: str) -> None:
    obj = pod(overhead={"cpu": written})
    assert POD.decode(obj).causes == ()
    assert obj["spec"]["overhead"]["cpu"] == stored


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2020-01-31T10:00:00+02:00", "2020-01-31T08:00:00Z"),
        ("2020-02-29T10:00:00.123Z", "2020-02-29T10:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2020-12-31T23:59:59Z", "2020-12-31T23:59:59Z"),
    ],
)
def test_times_are_stored_in_utc_to_the_second(written: str, stored: str) -> None:
    obj = {"metadata": {"creationTimestamp": written}}
    assert POD.decode(obj).causes == ()
    assert obj["metadata"]["creationTimestamp"] == stored


def test_micro_times_keep_six_digits() -> None:
    obj = {"spec": {"renewTime": "2020-01-01T00:00:00Z", "acquireTime": "2020-01-01T00:00:00.5+01:00"}}
    assert schema.of(kinds.LEASE).prune(obj) == []
    assert obj == {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z", "acquireTime": "2019-12-31T23:00:00.500000Z"}}


def test_base64_with_line_breaks_is_stored_without() -> None:
    obj = {"data": {"k": "aGVs\nbG8=\n"}}
    assert schema.of(kinds.SECRET).prune(obj) == []
    assert obj == {"data": {"k": "aGVsbG8="}}


def test_managed_fields_keep_whatever_they_hold() -> None:
    obj = {"metadata": {"managedFields": [{"fieldsV1": {"f:spec": {"k:{}": None}}}]}}
    assert POD.decode(copy.deepcopy(obj)) == schema.engine.decoding.CLEAN


def test_the_node_tree_tells_how_lists_merge() -> None:
    containers = _field(POD.root, "spec", "containers")
    assert (containers.type, containers.merge_key, containers.merge_strategy) == ("array", "name", ("merge",))
    assert (containers.list_type, containers.map_keys) == ("map", ("name",))
    assert containers.items is not None and containers.items.type == "object"
    volumes = _field(POD.root, "spec", "volumes")
    assert volumes.merge_strategy == ("merge", "retainKeys")
    strategy = _field(schema.of(kinds.DEPLOYMENT).root, "spec", "strategy")
    assert strategy.merge_strategy == ("retainKeys",)
    selector = _field(schema.of(kinds.SERVICE).root, "spec", "selector")
    assert selector.map_type == "atomic"
    labels = _field(POD.root, "metadata", "labels")
    assert labels.additional is not None and labels.additional.type == "string"
    assert POD.root.property("nothing") is None
    assert _field(schema.of(kinds.SERVICE).root, "spec", "ports").items.property("targetPort").int_or_string  # type: ignore[union-attr]


def _field(node: Node, *names: str) -> Node:
    for name in names:
        child = node.property(name)
        assert child is not None, name
        node = child
    return node


_KEYS = ["spec", "metadata", "containers", "name", "labels", "limits", "x", "é.y"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(obj=st.dictionaries(st.sampled_from(["spec", "metadata", "status", "x"]), _JSON))
def test_pruning_any_json_never_fails_and_pruning_again_changes_nothing(obj: dict[str, Any]) -> None:
    unknown = POD.unknown(obj)
    assert POD.prune(obj) == unknown
    once = copy.deepcopy(obj)
    problems = POD.problems(obj)
    assert POD.prune(obj) == []
    assert obj == once
    assert POD.problems(obj) == problems
