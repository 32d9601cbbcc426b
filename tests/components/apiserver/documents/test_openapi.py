"""OpenAPI documents under their URLs."""

import orjson
import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.protobuf import wire
from hyperpy.api.schema.openapi import protobuf, swagger
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.documents.openapi import OpenApi

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


@pytest.fixture(scope="module")
def openapi():
    return OpenApi(kinds.built_in())


def get(openapi, url, **headers):
    path, _, query = url.partition("?")
    return openapi.answer(Request("GET", path, dict([_pair(query)]) if query else {}, headers))


def _pair(query):
    name, _, value = query.partition("=")
    return name, (value,)


def test_the_index_leads_to_documents_that_may_be_kept_for_ever(openapi):
    paths = orjson.loads(get(openapi, "/openapi/v3").body)["paths"]
    assert {"api/v1", "apis/apps/v1"} <= paths.keys()
    response = get(openapi, paths["apis/apps/v1"]["serverRelativeURL"])
    assert "immutable" in response.headers["Cache-Control"]
    assert "/apis/apps/v1/deployments" in orjson.loads(response.body)["paths"]


def test_a_document_without_its_hash_may_change(openapi):
    response = get(openapi, "/openapi/v3/apis/apps/v1")
    assert "Cache-Control" not in response.headers
    again = get(openapi, "/openapi/v3/apis/apps/v1", **{"if-none-match": response.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


def test_v2_has_the_same_schemas(openapi):
    document = orjson.loads(get(openapi, "/openapi/v2").body)
    assert document["swagger"] == "2.0"
    pod = document["definitions"]["io.k8s.api.core.v1.Pod"]["properties"]["spec"]
    assert "#/definitions/io.k8s.api.core.v1.PodSpec" in orjson.dumps(pod).decode()


def test_v2_has_the_operations_in_its_own_form(openapi):
    document = orjson.loads(get(openapi, "/openapi/v2").body)
    item = document["paths"]["/api/v1/namespaces/{namespace}/pods"]
    body = item["post"]["parameters"][0]
    assert body == {
        "name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/io.k8s.api.core.v1.Pod"},
    }  # fmt: skip
    assert item["post"]["x-kubernetes-action"] == "post"
    assert item["get"]["responses"]["200"]["schema"] == {"$ref": "#/definitions/io.k8s.api.core.v1.PodList"}
    namespace = next(each for each in item["parameters"] if each["name"] == "namespace")
    assert namespace["type"] == "string"
    assert b"#/components/" not in orjson.dumps(document)
    spec = document["definitions"]["io.k8s.api.core.v1.Service"]["properties"]["spec"]
    assert spec.keys() == {"$ref", "description"}
    port = document["definitions"]["io.k8s.api.core.v1.ServicePort"]["properties"]["targetPort"]
    assert port["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    assert document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] == "string"


def test_v2_leaves_out_what_it_cannot_say():
    custom = {
        "type": "object", "oneOf": [{"required": ["a"]}], "nullable": True,
        "properties": {
            "a": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
            "b": {"type": "array", "items": {"type": "string", "not": {"enum": ["c"]}}},
        },
    }  # fmt: skip
    document = swagger.document({"custom": custom}, {})
    assert document["definitions"]["custom"] == {
        "type": "object",
        "properties": {"a": {"x-kubernetes-int-or-string": True}, "b": {"type": "array", "items": {"type": "string"}}},
    }
    assert protobuf.encode(document)


def test_v2_is_not_sent_again_to_who_has_it(openapi):
    tag = get(openapi, "/openapi/v2").headers["ETag"]
    assert get(openapi, "/openapi/v2", **{"if-none-match": tag}).status == 304


def test_v2_as_protobuf_has_the_same_definitions(openapi):
    response = get(openapi, "/openapi/v2", accept=PROTOBUF)
    assert response.content_type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    document = dict(wire.fields(response.body))
    assert document[1] == b"2.0"
    named = [dict(wire.fields(raw)) for _, raw in wire.fields(document[9])]
    schemas = {name[1].decode(): name[2] for name in named}
    assert schemas.keys() == orjson.loads(get(openapi, "/openapi/v2").body)["definitions"].keys()
    pod = list(wire.fields(schemas["io.k8s.api.core.v1.Pod"]))
    properties = dict(pod)[25]
    fields = {dict(wire.fields(raw))[1]: dict(wire.fields(raw))[2] for _, raw in wire.fields(properties)}
    assert dict(wire.fields(fields[b"spec"]))[1] == b"#/definitions/io.k8s.api.core.v1.PodSpec"
    extensions = [dict(wire.fields(value)) for number, value in pod if number == 31]
    told = {each[1]: dict(wire.fields(each[2]))[2] for each in extensions}
    assert orjson.loads(told[b"x-kubernetes-group-version-kind"]) == [{"group": "", "version": "v1", "kind": "Pod"}]


def test_other_forms_and_places_are_refused(openapi):
    with pytest.raises(errors.NotAcceptable):
        get(openapi, "/openapi/v3/api/v1", accept="application/xml")
    with pytest.raises(errors.NotFound):
        get(openapi, "/openapi/v3/apis/nope/v1")
    assert get(openapi, "/openapi/v4") is None
