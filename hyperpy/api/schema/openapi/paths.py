"""The paths of an OpenAPI document: for every kind its collections, objects and subresources, with their operations.

Source: the published OpenAPI v3 documents of Kubernetes (`api/openapi-spec/v3`): the shape of the operations, their ids
and the two extensions (action, group-version-kind) by which kubectl finds a kind's operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.schema import definitions
from hyperpy.api.schema.openapi import parameters
from hyperpy.api.schema.openapi.components import reference
from hyperpy.api.schema.openapi.operations import Operations, path_of_group_version
from hyperpy.api.schema.openapi.parameters import Parameter, in_path
from hyperpy.api.schema.openapi.subresources import SUBRESOURCES, Subresource

PathItem = dict[str, Any]


def of_group_version(group: str, version: str, kinds: Iterable[Kind]) -> dict[str, PathItem]:
    """Every path of the group-version, in order."""
    root = path_of_group_version(group, version)
    paths = {f"{root}/": {"get": _discovery()}}
    for kind in kinds:
        operations = Operations(kind)
        paths |= _collections(kind, operations)
        if "get" in kind.verbs:
            paths |= _objects(kind, operations)
    return dict(sorted(paths.items()))


def _discovery() -> dict[str, Any]:
    answer = {"application/json": {"schema": reference(definitions.META + "APIResourceList")}}
    return {
        "description": "get available resources",
        "responses": {"200": {"description": "OK", "content": answer}, "401": {"description": "Unauthorized"}},
    }


def _scope(kind: Kind) -> list[Parameter]:
    return (
        [in_path("namespace", "object name and auth scope, such as for teams and projects")] if kind.namespaced else []
    )


def _collections(kind: Kind, operations: Operations) -> dict[str, PathItem]:
    """The collection of one namespace, and for namespaced kinds that of all."""
    here = kind.path(namespace="{namespace}")
    item: PathItem = {}
    if "list" in kind.verbs:
        item["get"] = operations.list(everywhere=False)
    if "create" in kind.verbs:
        item["post"] = operations.create()
    if "deletecollection" in kind.verbs:
        item["delete"] = operations.delete_collection()
    paths = {here: _item(item, _scope(kind))}
    if kind.namespaced and "list" in kind.verbs:
        paths[kind.path()] = {"get": operations.list(everywhere=True)}
    return paths


def _objects(kind: Kind, operations: Operations) -> dict[str, PathItem]:
    """One object and its subresources."""
    place = [in_path("name", f"name of the {kind.kind}"), *_scope(kind)]
    item: PathItem = {}
    for verb, method, make in (
        ("get", "get", operations.read),
        ("update", "put", operations.replace),
        ("patch", "patch", operations.patch),
        ("delete", "delete", operations.delete),
    ):
        if verb in kind.verbs:
            item[method] = make()
    paths = {kind.path(namespace="{namespace}", name="{name}"): _item(item, place)}
    for name in kind.subresources:
        paths |= _subresource(kind, operations, name, place)
    return paths


def _subresource(kind: Kind, operations: Operations, name: str, place: Sequence[Parameter]) -> dict[str, PathItem]:
    subresource = SUBRESOURCES[name]
    path = kind.path(namespace="{namespace}", name="{name}", subresource=name)
    item = {method: operations.on_subresource(method, name, subresource) for method in subresource.methods}
    paths = {path: _item(item, [*place, *subresource.query])}
    if name == "proxy":
        below = in_path("path", "path to the resource")
        paths[f"{path}/{{path}}"] = _item(_proxy_below(operations, subresource), [*place, below, *parameters.PROXY])
    return paths


def _proxy_below(operations: Operations, subresource: Subresource) -> PathItem:
    return {
        method: operations.on_subresource(method, "proxy", subresource, suffix="WithPath")
        for method in subresource.methods
    }


def _item(operations: PathItem, shared: Sequence[Parameter]) -> PathItem:
    return {**operations, "parameters": list(shared)} if shared else operations
