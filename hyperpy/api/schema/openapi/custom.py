"""The components of custom kinds in an OpenAPI document: their own schema, with what every object and list has.

Source: the documents that Kubernetes publishes for CustomResourceDefinitions: names, descriptions, what is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hyperpy.api.kinds import Kind
from hyperpy.api.schema import definitions

Schema = dict[str, Any]

PREFIX = "#/components/schemas/"
_GVK = "x-kubernetes-group-version-kind"
_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
    "schemas to the latest internal value, and may reject unrecognized values. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources"
)
_KIND = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer this from the "
    "endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"
)
_METADATA = (
    "Standard object's metadata. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
_LIST_METADATA = (
    "Standard list metadata. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"
)


def name_of(kind: Kind) -> str:
    """The name of a kind's component; a custom one's is its group turned around: `com.example.v1.Widget`."""
    if kind.definition is None:
        return definitions.name_of(kind.group, kind.version, kind.kind)
    return f"{_domain(kind)}.{kind.kind}"


def list_name_of(kind: Kind) -> str:
    """The name of the component of a list of a kind."""
    return f"{name_of(kind)}List" if kind.definition is None else f"{_domain(kind)}.{kind.list_kind}"


def components(kinds: Iterable[Kind]) -> dict[str, Schema]:
    """The components of the custom ones among these kinds, and of their lists."""
    found: dict[str, Schema] = {}
    for kind in kinds:
        if kind.definition is not None:
            found[name_of(kind)] = _object(kind, kind.definition.written)
            found[list_name_of(kind)] = _list(kind)
    return found


def _domain(kind: Kind) -> str:
    return f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}"


def _object(kind: Kind, written: Schema) -> Schema:
    schema = _published(written)
    schema["type"] = "object"
    schema["properties"] = {**(schema.get("properties") or {}), **_head(_METADATA, "ObjectMeta")}
    return {**schema, _GVK: [{"group": kind.group, "version": kind.version, "kind": kind.kind}]}


def _list(kind: Kind) -> Schema:
    items = {
        "description": f"List of {kind.plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md",
        "type": "array",
        "items": {"$ref": PREFIX + name_of(kind)},
    }
    return {
        "description": f"{kind.list_kind} is a list of {kind.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {**_head(_LIST_METADATA, "ListMeta"), "items": items},
        _GVK: [{"group": kind.group, "version": kind.version, "kind": kind.list_kind}],
    }


def _head(about_metadata: str, meta: str) -> Schema:
    return {
        "apiVersion": {"description": _API_VERSION, "type": "string"},
        "kind": {"description": _KIND, "type": "string"},
        "metadata": {"description": about_metadata, "allOf": [{"$ref": PREFIX + definitions.META + meta}]},
    }


def _published(schema: Schema) -> Schema:
    """A schema as it is published: embedded objects have metadata, ints or strings are both."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: _published(child) for name, child in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            result[name] = _published(schema[name])
    if schema.get("x-kubernetes-embedded-resource"):
        result["properties"] = {**(result.get("properties") or {}), **_head(_METADATA, "ObjectMeta")}
    return result
