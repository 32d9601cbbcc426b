"""Requests taken apart: resources, verbs, names."""

from __future__ import annotations

import pytest

from hyperpy.api import paths
from hyperpy.api.paths import RequestInfo


def _info(method: str, path: str, **query: str) -> RequestInfo:
    return paths.parse(method, path, {name: (value,) for name, value in query.items()})


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/api", "/api/", "/api/v1", "/apis/apps", "/apis/apps/v1", "/openapi/v2"]
)
def test_paths_without_a_resource(path: str) -> None:
    assert _info("GET", path) == RequestInfo("get", path)


@pytest.mark.parametrize(
    ("method", "path", "verb", "namespace", "resource", "name", "subresource"),
    [
        ("GET", "/api/v1/pods", "list", "", "pods", "", ""),
        ("GET", "/api/v1/namespaces/d/pods", "list", "d", "pods", "", ""),
        ("GET", "/api/v1/namespaces/d/pods/", "list", "d", "pods", "", ""),
        ("HEAD", "/api/v1/namespaces/d/pods/web", "get", "d", "pods", "web", ""),
        ("GET", "/api/v1/namespaces/d/pods/web/log", "get", "d", "pods", "web", "log"),
        ("POST", "/api/v1/namespaces/d/pods/web/exec", "create", "d", "pods", "web", "exec"),
        ("POST", "/api/v1/namespaces/d/pods", "create", "d", "pods", "", ""),
        ("PUT", "/api/v1/namespaces/d/pods/web", "update", "d", "pods", "web", ""),
        ("PATCH", "/api/v1/namespaces/d/pods/web/status", "patch", "d", "pods", "web", "status"),
        ("DELETE", "/api/v1/namespaces/d/pods/web", "delete", "d", "pods", "web", ""),
        ("DELETE", "/api/v1/namespaces/d/pods", "deletecollection", "d", "pods", "", ""),
        ("GET", "/api/v1/namespaces", "list", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/d", "get", "d", "namespaces", "d", ""),
        ("PUT", "/api/v1/namespaces/d/status", "update", "d", "namespaces", "d", "status"),
        ("PUT", "/api/v1/namespaces/d/finalize", "update", "d", "namespaces", "d", "finalize"),
        ("GET", "/api/v1/nodes/n1", "get", "", "nodes", "n1", ""),
        ("GET", "/apis/apps/v1/deployments", "list", "", "deployments", "", ""),
        ("GET", "/apis/apps/v1/namespaces/d/deployments/web/scale", "get", "d", "deployments", "web", "scale"),
        ("GET", "/api/v1/watch/pods", "watch", "", "pods", "", ""),
        ("GET", "/api/v1/watch/namespaces/d/pods/web", "watch", "d", "pods", "web", ""),
        ("OPTIONS", "/api/v1/pods", "", "", "pods", "", ""),
    ],
)  # fmt: skip
def test_a_resource_request_is_taken_apart(
    method: str, path: str, verb: str, namespace: str, resource: str, name: str, subresource: str
) -> None:
    info = _info(method, path)
    assert info.is_resource
    assert (info.verb, info.namespace, info.resource, info.name, info.subresource) == (
        verb, namespace, resource, name, subresource,
    )  # fmt: skip


def test_group_and_version_come_from_the_prefix() -> None:
    core, apps = _info("GET", "/api/v1/pods"), _info("GET", "/apis/apps/v1/deployments")
    assert (core.prefix, core.group, core.version) == ("api", "", "v1")
    assert (apps.prefix, apps.group, apps.version) == ("apis", "apps", "v1")


def test_what_follows_a_subresource_is_kept() -> None:
    info = _info("GET", "/api/v1/namespaces/d/services/web:80/proxy/a/b")
    assert (info.subresource, info.parts) == ("proxy", ("services", "web:80", "proxy", "a", "b"))


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_the_watch_parameter_makes_a_watch(value: str) -> None:
    assert _info("GET", "/api/v1/pods", watch=value).verb == "watch"
    assert _info("GET", "/api/v1/pods/", watch="false").verb == "list"


def test_a_list_of_one_name_has_that_name() -> None:
    assert _info("GET", "/api/v1/namespaces/d/secrets", fieldSelector="metadata.name=x").name == "x"
    assert _info("GET", "/api/v1/secrets", fieldSelector="metadata.name!=x").name == ""
    assert _info("GET", "/api/v1/secrets", fieldSelector="metadata.name=a/b").name == ""
    assert _info("GET", "/api/v1/secrets", fieldSelector="metadata.name").name == ""


def test_a_verb_with_nothing_after_it_is_refused() -> None:
    with pytest.raises(ValueError, match="unable to determine kind and namespace from url, /api/v1/watch"):
        _info("GET", "/api/v1/watch")
