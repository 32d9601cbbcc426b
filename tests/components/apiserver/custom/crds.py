"""CustomResourceDefinitions for tests: a widget with everything, and small ones."""

from __future__ import annotations

from typing import Any

from orjson import loads

__all__ = ["CRDS", "SCHEMA", "definition", "loads", "version", "widget"]

Obj = dict[str, Any]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

SCHEMA: Obj = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How large it is."},
                "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
                "name": {"type": "string", "maxLength": 5, "pattern": "^[a-z]*$"},
                "note": {"type": "string", "nullable": True},
                "port": {"x-kubernetes-int-or-string": True},
                "replicas": {"type": "integer", "default": 1},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "count": {"type": "integer", "default": 1},
                        },
                    },
                },
                "template": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "phase": {"type": "string"},
                "replicas": {"type": "integer"},
                "selector": {"type": "string"},
            },
        },
    },
}


def version(name: str = "v1", *, storage: bool = True, schema: Obj | None = None, **extra: Any) -> Obj:
    """One entry of `spec.versions`."""
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": SCHEMA if schema is None else schema},
        **extra,
    }


def definition(
    plural: str = "widgets", *, group: str = "example.com", kind: str = "Widget", versions: list[Obj] | None = None,
    scope: str = "Namespaced", names: Obj | None = None, **spec: Any,
) -> Obj:  # fmt: skip
    """A definition; its one version has a status and a scale."""
    parts = {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    whole = version(
        subresources=parts, additionalPrinterColumns=columns, selectableFields=[{"jsonPath": ".spec.color"}]
    )
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "kind": kind, "shortNames": ["wd"], "categories": ["all"], **(names or {})},
            "versions": versions if versions is not None else [whole],
            **spec,
        },
    }


def widget(name: str = "one", /, *, api_version: str = "example.com/v1", kind: str = "Widget", **spec: Any) -> Obj:
    """A widget; its size is 3."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"size": 3, **spec},
    }
