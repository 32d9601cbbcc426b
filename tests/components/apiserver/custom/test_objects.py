"""Objects of custom kinds through the server core: writes, reads, subresources, selectors, versions."""

from __future__ import annotations

from typing import Any

import pytest

from hyperpy.api import errors

Obj = dict[str, Any]
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
MERGE = {"content_type": "application/merge-patch+json"}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.fixture
async def served(cluster: Any, crds: Any) -> Any:
    """A cluster that serves widgets."""
    await cluster.json("POST", crds.CRDS, crds.definition())
    return cluster


async def test_an_object_is_pruned_defaulted_and_warned_about(served: Any, crds: Any) -> None:
    response = await served.send("POST", WIDGETS, crds.widget(parts=[{"name": "a"}], extra=1))
    assert response.headers["Warning"] == '299 - "unknown field \\"spec.extra\\""'
    stored = await served.json("GET", f"{WIDGETS}/one")
    assert stored["spec"] == {
        "size": 3, "color": "red", "replicas": 1, "parts": [{"name": "a", "count": 1}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ("kind", """the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '{"""),
        ("apiVersion", "the API version in the data (/) does not match the expected API version (example.com/v1)"),
    ],
)
async def test_an_object_says_what_it_is(served: Any, crds: Any, missing: str, text: str) -> None:
    obj = crds.widget()
    del obj[missing]
    with pytest.raises(errors.BadRequest) as caught:
        await served.send("POST", WIDGETS, obj)
    assert caught.value.message.startswith(text)


async def test_unknown_fields_are_refused_when_strict_is_asked_for(served: Any, crds: Any) -> None:
    with pytest.raises(errors.BadRequest, match='strict decoding error: unknown field "spec.extra"'):
        await served.send("POST", f"{WIDGETS}?fieldValidation=Strict", crds.widget(extra=1))
    assert (
        "Warning" not in (await served.send("POST", f"{WIDGETS}?fieldValidation=Ignore", crds.widget(extra=1))).headers
    )


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": None}, "spec.size: Required value"),
        ({"color": "blue"}, 'spec.color: Unsupported value: "blue": supported values: "red", "green"'),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, 'spec.parts[1]: Duplicate value: {"name":"a"}'),
        ({"template": {"kind": "Pod"}}, "spec.template.apiVersion: Required value"),
        (
            {"template": {"apiVersion": "v1", "kind": "a/b"}},
            'spec.template.kind: Invalid value: "a/b": may have mixed case, but should otherwise match: a DNS-1035',
        ),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: should be a non-negative integer"),
    ],
    ids=lambda item: str(item)[:30],
)
async def test_a_bad_object_is_refused(served: Any, crds: Any, spec: Obj, text: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        await served.send("POST", WIDGETS, crds.widget(**spec))
    assert str(refused.value).startswith(f'Widget.example.com "one" is invalid: {text}')
    assert refused.value.details["causes"][0]["field"] == text.partition(":")[0]


async def test_metadata_is_checked_like_any(served: Any, crds: Any) -> None:
    bad = crds.widget()
    bad["metadata"]["labels"] = {"a": 1}
    with pytest.raises(errors.BadRequest, match="metadata.labels.a in body must be of type string"):
        await served.send("POST", WIDGETS, bad)
    bad["metadata"] = {"name": "Bad_Name"}
    with pytest.raises(errors.Invalid, match="a lowercase RFC 1123 subdomain"):
        await served.send("POST", WIDGETS, bad)


async def test_status_and_spec_are_kept_apart_and_generations_counted(served: Any, crds: Any) -> None:
    created = await served.json("POST", WIDGETS, {**crds.widget(), "status": {"phase": "x"}})
    assert "status" not in created
    body = {"metadata": {"labels": {"a": "b"}}, "spec": {"size": 9}, "status": {"phase": "Ready"}}
    status = await served.json("PATCH", f"{WIDGETS}/one/status", body, **MERGE)
    assert (status["spec"]["size"], status["status"], status["metadata"]["generation"]) == (3, {"phase": "Ready"}, 1)
    assert "labels" not in status["metadata"]
    main = await served.json("PATCH", f"{WIDGETS}/one", body | {"status": {"phase": "Lost"}}, **MERGE)
    assert (main["spec"]["size"], main["status"], main["metadata"]["generation"]) == (9, {"phase": "Ready"}, 2)
    labelled = await served.json("PATCH", f"{WIDGETS}/one", {"metadata": {"labels": {"a": "c"}}}, **MERGE)
    assert labelled["metadata"]["generation"] == 2
    with pytest.raises(errors.Invalid, match=r"status.phase in body must be of type string"):
        await served.json("PATCH", f"{WIDGETS}/one/status", {"status": {"phase": 1}}, **MERGE)


async def test_without_the_subresource_status_is_a_field_like_any(cluster: Any, crds: Any) -> None:
    await cluster.json("POST", crds.CRDS, crds.definition(versions=[crds.version()]))
    created = await cluster.json("POST", WIDGETS, {**crds.widget(), "status": {"phase": "x"}})
    assert created["status"] == {"phase": "x"}
    changed = await cluster.json("PATCH", f"{WIDGETS}/one", {"status": {"phase": "y"}}, **MERGE)
    assert changed["metadata"]["generation"] == 2
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", f"{WIDGETS}/one/status")


async def test_scale_reads_and_writes_by_its_paths(served: Any, crds: Any) -> None:
    await served.json("POST", WIDGETS, crds.widget(replicas=2))
    status = {"status": {"replicas": 1, "selector": "app=a"}}
    await served.json("PATCH", f"{WIDGETS}/one/status", status, **MERGE)
    scale = await served.json("GET", f"{WIDGETS}/one/scale")
    assert (scale["apiVersion"], scale["spec"], scale["status"]) == (
        "autoscaling/v1", {"replicas": 2}, {"replicas": 1, "selector": "app=a"},
    )  # fmt: skip
    scale["spec"]["replicas"] = 4
    assert (await served.json("PUT", f"{WIDGETS}/one/scale", scale))["spec"] == {"replicas": 4}
    await served.json("PATCH", f"{WIDGETS}/one/scale", {"spec": {"replicas": 5}}, **MERGE)
    widget = await served.json("GET", f"{WIDGETS}/one")
    assert (widget["spec"]["replicas"], widget["metadata"]["generation"]) == (5, 3)
    with pytest.raises(errors.Invalid, match="must be greater than or equal to 0"):
        await served.json("PATCH", f"{WIDGETS}/one/scale", {"spec": {"replicas": -1}}, **MERGE)


async def test_a_strategic_merge_patch_is_refused(served: Any, crds: Any) -> None:
    await served.json("POST", WIDGETS, crds.widget())
    with pytest.raises(errors.UnsupportedMediaType) as refused:
        await served.json("PATCH", f"{WIDGETS}/one", {}, content_type="application/strategic-merge-patch+json")
    assert str(refused.value) == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )
    operations = [{"op": "replace", "path": "/spec/size", "value": 4}]
    patched = await served.json("PATCH", f"{WIDGETS}/one", operations, content_type="application/json-patch+json")
    assert patched["spec"]["size"] == 4


async def test_server_side_apply_merges_by_the_schema(served: Any, crds: Any) -> None:
    apply = {"content_type": "application/apply-patch+yaml"}
    target = f"{WIDGETS}/one?fieldManager="
    await served.json("PATCH", f"{target}a", crds.widget(parts=[{"name": "a"}]), **apply)
    both = await served.json("PATCH", f"{target}b", crds.widget(parts=[{"name": "b"}]), **apply)
    assert [part["name"] for part in both["spec"]["parts"]] == ["a", "b"]
    with pytest.raises(errors.Conflict, match="spec.size"):
        await served.json("PATCH", f"{target}b", crds.widget(size=4), **apply)


async def test_columns_are_shown(served: Any, crds: Any) -> None:
    await served.json("POST", WIDGETS, crds.widget())
    table = await served.json("GET", WIDGETS, accept=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size", "Color", "Age"]
    assert table["rows"][0]["cells"] == ["one", 3, "red", "0s"]


async def test_objects_are_selected_by_the_fields_that_the_version_names(served: Any, crds: Any) -> None:
    await served.json("POST", WIDGETS, crds.widget("one"))
    await served.json("POST", WIDGETS, crds.widget("two", color="green"))
    found = await served.json("GET", f"{WIDGETS}?fieldSelector=spec.color=green")
    assert [item["metadata"]["name"] for item in found["items"]] == ["two"]
    revision = found["metadata"]["resourceVersion"]
    lines = await served.lines(f"{WIDGETS}?watch=1&fieldSelector=spec.color=green&resourceVersion={revision}")
    await served.json("PATCH", f"{WIDGETS}/two", {"spec": {"color": "red"}}, **MERGE)
    await served.json("PATCH", f"{WIDGETS}/one", {"spec": {"color": "green"}}, **MERGE)
    assert await lines.take(2) == [("DELETED", "two"), ("ADDED", "one")]
    await lines.aclose()
    with pytest.raises(errors.BadRequest, match="field label not supported: spec.size"):
        await served.json("GET", f"{WIDGETS}?fieldSelector=spec.size=3")


async def test_stored_objects_get_new_defaults_and_lose_removed_fields_when_they_are_read(
    cluster: Any, crds: Any
) -> None:
    def versions(**fields: Obj) -> list[Obj]:
        spec = {"type": "object", "properties": {"size": {"type": "integer"}, **fields}}
        return [crds.version(schema={"type": "object", "properties": {"spec": spec}})]

    text = {"type": "string"}
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions(old=text)))
    await cluster.json("POST", WIDGETS, crds.widget(old="x"))
    later = {"spec": {"versions": versions(new={**text, "default": "n"})}}
    await cluster.json("PATCH", f"{crds.CRDS}/widgets.example.com", later, **MERGE)
    assert (await cluster.json("GET", f"{WIDGETS}/one"))["spec"] == {"size": 3, "new": "n"}
    assert (await cluster.json("GET", WIDGETS))["items"][0]["spec"] == {"size": 3, "new": "n"}
    lines = await cluster.lines(f"{WIDGETS}?watch=1")
    assert (await lines.next())["object"]["spec"] == {"size": 3, "new": "n"}
    await lines.aclose()


async def test_an_update_may_leave_what_a_newer_schema_forbids(cluster: Any, crds: Any) -> None:
    def versions(**rule: Any) -> list[Obj]:
        fields = {"size": {"type": "integer", **rule}, "color": {"type": "string"}}
        spec = {"type": "object", "properties": fields}
        return [crds.version(schema={"type": "object", "properties": {"spec": spec}})]

    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions()))
    await cluster.json("POST", WIDGETS, crds.widget())
    later = {"spec": {"versions": versions(maximum=2)}}
    await cluster.json("PATCH", f"{crds.CRDS}/widgets.example.com", later, **MERGE)
    await cluster.json("PATCH", f"{WIDGETS}/one", {"spec": {"color": "green"}}, **MERGE)
    with pytest.raises(errors.Invalid, match="should be less than or equal to 2"):
        await cluster.json("PATCH", f"{WIDGETS}/one", {"spec": {"size": 4}}, **MERGE)


async def test_deprecated_versions_warn(cluster: Any, crds: Any) -> None:
    versions = [
        crds.version(),
        crds.version("v1beta1", storage=False, deprecated=True),
        crds.version("v1alpha1", storage=False, deprecated=True, deprecationWarning="use v1"),
    ]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions))
    for version, text in (("v1beta1", "example.com/v1beta1 Widget is deprecated"), ("v1alpha1", "use v1")):
        response = await cluster.send("GET", f"/apis/example.com/{version}/widgets")
        assert response.headers["Warning"] == f'299 - "{text}"'
    assert "Warning" not in (await cluster.send("GET", "/apis/example.com/v1/widgets")).headers


async def test_cluster_scoped_kinds_have_no_namespace(cluster: Any, crds: Any) -> None:
    await cluster.json("POST", crds.CRDS, crds.definition(scope="Cluster"))
    widget = crds.widget()
    del widget["metadata"]["namespace"]
    await cluster.json("POST", "/apis/example.com/v1/widgets", widget)
    assert (await cluster.json("GET", "/apis/example.com/v1/widgets/one"))["spec"]["size"] == 3
    with pytest.raises(errors.NotFound):
        await cluster.json("GET", f"{WIDGETS}/one")


async def test_rules_are_asked_in_the_server_too(cluster: Any, crds: Any) -> None:
    rules = [{"rule": "self.size >= oldSelf.size", "message": "must not shrink"}]
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}, "x-kubernetes-validations": rules}
    versions = [crds.version(schema={"type": "object", "properties": {"spec": spec}})]
    await cluster.json("POST", crds.CRDS, crds.definition(versions=versions))
    await cluster.json("POST", WIDGETS, crds.widget())
    await cluster.json("PATCH", f"{WIDGETS}/one", {"spec": {"size": 4}}, **MERGE)
    with pytest.raises(errors.Invalid, match='spec: Invalid value: "object": must not shrink'):
        await cluster.json("PATCH", f"{WIDGETS}/one", {"spec": {"size": 3}}, **MERGE)
