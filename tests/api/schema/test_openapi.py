"""The OpenAPI documents: whole in themselves, and read by real kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from hyperpy.api import kinds
from hyperpy.api.schema import openapi
from hyperpy.api.schema.openapi.components import references

KUBECTL = Path(sys.executable).parent / "kubectl"
GROUP_VERSIONS = sorted({(kind.group, kind.version) for kind in kinds.BUILT_IN})


@pytest.mark.parametrize(("group", "version"), GROUP_VERSIONS)
def test_a_document_points_to_nothing_outside_of_itself(group: str, version: str) -> None:
    document = openapi.document(group, version, kinds.BUILT_IN)
    assert set(references(document)) <= set(document["components"]["schemas"])
    ids = [operation["operationId"] for operation in _operations(document) if "operationId" in operation]
    assert [name for name, count in Counter(ids).items() if count > 1] == []


def test_every_verb_of_a_kind_is_an_operation_with_its_action_and_kind() -> None:
    paths = openapi.document("apps", "v1", kinds.BUILT_IN)["paths"]
    one = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    actions = {method: one[method]["x-kubernetes-action"] for method in ("get", "put", "patch", "delete")}
    assert actions == {"get": "get", "put": "put", "patch": "patch", "delete": "delete"}
    assert one["patch"]["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert {parameter["name"] for parameter in one["patch"]["parameters"]} == {
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
    }
    assert "application/apply-patch+yaml" in one["patch"]["requestBody"]["content"]
    scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]
    assert scale["get"]["x-kubernetes-group-version-kind"]["kind"] == "Scale"


@pytest.mark.parametrize("kind", [kind for kind in kinds.BUILT_IN if "patch" in kind.verbs], ids=lambda kind: kind.kind)
def test_every_patch_of_a_kind_takes_field_validation_so_that_kubectl_may_look_at_any(kind: kinds.Kind) -> None:
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    paths = openapi.document(kind.group, kind.version, kinds.BUILT_IN)["paths"].values()
    patches = [item["patch"] for item in paths if "patch" in item]
    own = [each for each in patches if each["x-kubernetes-group-version-kind"] == wanted]
    assert own
    assert all("fieldValidation" in {parameter["name"] for parameter in each["parameters"]} for each in own)


def test_fields_carry_prose_and_extensions() -> None:
    schemas = openapi.document("", "v1", kinds.BUILT_IN)["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert "There must be at least one container" in containers["description"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    quantity = schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity["oneOf"] == [{"type": "string"}, {"type": "number"}]


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (operation for operation in item.values() if isinstance(operation, dict))


class _Api(BaseHTTPRequestHandler):
    """As much of an API server as kubectl needs to read the documents: discovery, OpenAPI, and creates that succeed."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        pages = {
            "/api": lambda: {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": self._groups,
            "/openapi/v3": self._index,
        }
        for group, version in GROUP_VERSIONS:
            root = f"apis/{group}/{version}" if group else f"api/{version}"
            pages["/" + root] = lambda gv=(group, version): self._resources(*gv)
            pages["/openapi/v3/" + root] = lambda gv=(group, version): openapi.document(*gv, kinds.BUILT_IN)
        self._answer(200, pages[path]()) if path in pages else self._answer(404, {"kind": "Status", "code": 404})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body["metadata"]["annotations"] = {"asked": self.path.partition("?")[2]}
        self._answer(201, body)

    def _groups(self) -> dict[str, Any]:
        named = [
            (group, {"groupVersion": f"{group}/{version}", "version": version}) for group, version in GROUP_VERSIONS
        ]
        groups = [{"name": group, "versions": [entry], "preferredVersion": entry} for group, entry in named if group]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _index(self) -> dict[str, Any]:
        roots = [f"apis/{group}/{version}" if group else f"api/{version}" for group, version in GROUP_VERSIONS]
        return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}?hash=1"} for root in roots}}

    def _resources(self, group: str, version: str) -> dict[str, Any]:
        resources = [
            {"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
             "verbs": list(kind.verbs)}
            for kind in kinds.BUILT_IN if (kind.group, kind.version) == (group, version)
        ]  # fmt: skip
        name = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        data = orjson.dumps(body)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def run(*args: str, stdin: str = "") -> str:
        command = [str(KUBECTL), "--server", f"http://127.0.0.1:{server.server_port}", *args]
        environment = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
        done = subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        yield run
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_kubectl_explains_fields_of_built_in_kinds(kubectl: Any) -> None:
    limits = kubectl("explain", "pods.spec.containers.resources")
    assert "FIELD: resources <ResourceRequirements>" in limits
    assert "<map[string]Quantity>" in limits
    assert "GROUP:      apps" in kubectl("explain", "deployment", "--recursive")


def test_kubectl_create_checks_fields_on_the_server_because_the_document_says_it_can(kubectl: Any) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}})
    created = kubectl("create", "--validate=true", "-f", "-", "-o", "json", stdin=manifest)
    assert "fieldValidation=Strict" in json.loads(created)["metadata"]["annotations"]["asked"]
