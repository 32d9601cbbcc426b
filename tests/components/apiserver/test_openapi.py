"""OpenAPI documents under their URLs."""

import orjson
import pytest

from hyperpy.api import errors, kinds
from hyperpy.api.wire import Request
from hyperpy.components.apiserver.openapi import OpenApi

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


def test_v2_as_protobuf_is_a_small_document(openapi):
    response = get(openapi, "/openapi/v2", accept=PROTOBUF)
    assert response.content_type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert response.body.startswith(b"\x0a\x032.0\x12")


def test_other_forms_and_places_are_refused(openapi):
    with pytest.raises(errors.NotAcceptable):
        get(openapi, "/openapi/v3/api/v1", accept="application/xml")
    with pytest.raises(errors.NotFound):
        get(openapi, "/openapi/v3/apis/nope/v1")
    assert get(openapi, "/openapi/v4") is None
