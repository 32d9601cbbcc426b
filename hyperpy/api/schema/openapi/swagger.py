"""OpenAPI v2 (Swagger) of the same kinds: the definitions and paths of the v3 documents in the older form.

v2 has no `oneOf`, no media types below a body, and lets a description stand beside a `$ref`.
Source: "OpenAPI Specification", version 2.0; the form of Kubernetes' published `swagger.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hyperpy
from hyperpy.api.schema.openapi import components

Obj = dict[str, Any]

_PREFIX = "#/definitions/"
_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_JSON = ("application/json", "application/yaml", "*/*")


def document(schemas: Mapping[str, Any], paths: Mapping[str, Any]) -> Obj:
    """The v2 document of component schemas and path items of v3; these stay as they are."""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": hyperpy.KUBERNETES_VERSION},
        "paths": {path: _item(item) for path, item in paths.items()},
        "definitions": {name: _schema(schema) for name, schema in schemas.items()},
    }


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    result: Obj = {}
    for key, value in schema.items():
        if key == "$ref":
            result[key] = _PREFIX + value.removeprefix(components.PREFIX)
        elif key == "allOf" and len(value) == 1:
            result |= _schema(value[0])
        elif key == "oneOf":
            result.setdefault("type", schema.get("type", "string"))  # a text or a number
        elif key == "properties":
            result[key] = {name: _schema(child) for name, child in value.items()}
        elif key in ("items", "additionalProperties"):
            result[key] = _schema(value)
        elif key not in ("nullable", "allOf", "anyOf", "not"):
            result[key] = value
    if "$ref" in result:
        return {key: value for key, value in result.items() if key in ("$ref", "description")}
    return result


def _item(item: Mapping[str, Any]) -> Obj:
    result: Obj = {method: _operation(item[method]) for method in _METHODS if method in item}
    if "parameters" in item:
        result["parameters"] = [_parameter(parameter) for parameter in item["parameters"]]
    return result


def _operation(operation: Mapping[str, Any]) -> Obj:
    result = {key: value for key, value in operation.items() if key not in ("requestBody", "responses", "parameters")}
    parameters = [_parameter(parameter) for parameter in operation.get("parameters") or ()]
    body = operation.get("requestBody")
    if body:
        result["consumes"] = list(body["content"])
        schema = _schema(next(iter(body["content"].values()))["schema"])
        required = {"required": True} if body.get("required") else {}
        parameters.insert(0, {"name": "body", "in": "body", **required, "schema": schema})
    if parameters:
        result["parameters"] = parameters
    result["responses"] = {code: _response(answer) for code, answer in operation["responses"].items()}
    content = operation["responses"].get("200", {}).get("content")
    if content:
        result["produces"] = list(content)
    result["schemes"] = ["https"]
    return result


def _response(answer: Mapping[str, Any]) -> Obj:
    content = answer.get("content") or {}
    found = next((content[name] for name in _JSON if name in content), None)
    return {"description": answer["description"], **({"schema": _schema(found["schema"])} if found else {})}


def _parameter(parameter: Mapping[str, Any]) -> Obj:
    """Its type stands beside its name."""
    rest = {key: value for key, value in parameter.items() if key != "schema"}
    return {**rest, **_schema(parameter.get("schema") or {"type": "string"}), "uniqueItems": True}
