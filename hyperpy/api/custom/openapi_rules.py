"""What a CustomResourceDefinition's schema may say: which keywords there are and which go together.

Source: the functions `ValidateCustomResourceDefinitionOpenAPISchema` and `ValidateDefaults` of Kubernetes v1.34: rules
and message texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hyperpy.api.custom import embedded, expressions, lists, tree
from hyperpy.api.custom.checking import ValueChecker
from hyperpy.api.custom.schema import CustomSchema
from hyperpy.api.patch import values
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

TYPES = ("array", "boolean", "integer", "number", "object", "string")
REASONS = (cause.DUPLICATE, cause.FORBIDDEN, cause.INVALID, cause.REQUIRED)
_HEAD = ("metadata", "kind", "apiVersion")
_NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_LIST_TYPES = ("atomic", "set", "map")
_LINE_BREAK = re.compile(r"[\n\r]")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a schema stands.

    Args:
        no_default: why no default may stand here, or "".
        in_head: inside of metadata, kind or apiVersion.
        uncorrelated: the path from which on old and new values do not belong together, or "".
        rules: whether CEL rules are compiled here.
    """

    path: str
    no_default: str = ""
    in_head: bool = False
    uncorrelated: str = ""
    root: bool = False
    rules: bool = False

    def below(self, step: str) -> _Place:
        return replace(self, path=f"{self.path}{step}", root=False)


def causes(schema: tree.Schema, path: str, *, structural: bool) -> list[Cause]:
    """What is wrong with a schema's keywords.

    Args:
        structural: the schema is a structural one, so that its defaults and rules can be judged.
    """
    found = list(_defaults(schema, path, root=True)) if structural else []
    place = _Place(path, root=True)
    found += _schema(schema, place)
    if structural and not found and expressions.has_rules(schema):
        found += _rules(schema, replace(place, rules=True))
    return found


def _schema(schema: tree.Schema, place: _Place) -> Iterator[Cause]:
    yield from _keywords(schema, place)
    path = place.path
    own, values_schema = tree.properties(schema), schema.get("additionalProperties")
    if values_schema is not None and own and values_schema is not True:
        text = "additionalProperties and properties are mutual exclusive"
        yield cause.forbidden(f"{path}.additionalProperties", text)
    for child, where in _children(schema, place):
        yield from _schema(child, where)
    for keyword in ("allOf", "oneOf", "anyOf"):
        for i, child in enumerate(schema.get(keyword) or ()):
            yield from _schema(child, place.below(f".{keyword}[{i}]"))
    if isinstance(schema.get("not"), dict):
        yield from _schema(schema["not"], place.below(".not"))
    yield from _map_type(schema, path)
    yield from _list_type(schema, path)
    for i, rule in enumerate(schema.get(tree.RULES) or ()):
        yield from _rule(rule, schema, f"{path}.{tree.RULES}[{i}]")


def _children(schema: tree.Schema, place: _Place) -> Iterator[tuple[tree.Schema, _Place]]:
    """The schemas of members and items."""
    values_schema = tree.additional(schema)
    if values_schema is not None:
        inner = place.below(".additionalProperties")
        if place.in_head:
            inner = replace(inner, no_default="inside additionalProperties applying to object metadata")
        yield values_schema, inner
    for name, child in tree.properties(schema).items():
        inner = place.below(f".properties[{name}]")
        if schema.get(tree.MAP_TYPE) == "atomic" and not place.uncorrelated:
            inner = replace(inner, uncorrelated=place.path)
        if name in _HEAD and (place.root or schema.get(tree.EMBEDDED)):
            inner = replace(inner, in_head=True)
            if place.root:
                inner = replace(inner, no_default=f"in top-level {name}")
        yield child, inner
    if isinstance(schema.get("items"), dict):
        inner = place.below(".items")
        if schema.get(tree.LIST_TYPE) != "map" and not place.uncorrelated:
            inner = replace(inner, uncorrelated=place.path)
        yield schema["items"], inner


def _keywords(schema: tree.Schema, place: _Place) -> Iterator[Cause]:
    path, kind = place.path, schema.get("type") or ""
    if kind and kind not in TYPES:
        yield cause.not_supported(f"{path}.type", kind, TYPES)
    if schema.get("default") is not None and place.no_default:
        yield cause.forbidden(f"{path}.default", f"must not be set {place.no_default}")
    for name in _NOT_SUPPORTED:
        if schema.get(name):
            yield cause.forbidden(f"{path}.{name}", f"{name} is not supported")
    if kind == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        yield cause.forbidden(f"{path}.type", text)
    if isinstance(schema.get("items"), list):
        yield cause.forbidden(f"{path}.items", "items must be a schema object and not an array")
    if place.in_head and schema.get(tree.EMBEDDED):
        yield cause.forbidden(f"{path}.{tree.EMBEDDED}", "must not be used inside of resource meta")
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield cause.forbidden(f"{path}.uniqueItems", text)
    if schema.get(tree.PRESERVES) is False:
        yield cause.invalid(f"{path}.{tree.PRESERVES}", False, "must be true or undefined")


def _map_type(schema: tree.Schema, path: str) -> Iterator[Cause]:
    given = schema.get(tree.MAP_TYPE)
    if given is None:
        return
    yield from _typed(schema, path, "object", f"must be object if {tree.MAP_TYPE} is specified")
    if given not in ("atomic", "granular"):
        yield cause.not_supported(f"{path}.{tree.MAP_TYPE}", given, ("atomic", "granular"))


def _typed(schema: tree.Schema, path: str, wanted: str, text: str) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if kind != wanted:
        yield cause.invalid(f"{path}.type", kind, text) if kind else cause.required(f"{path}.type", text)


def _list_type(schema: tree.Schema, path: str) -> Iterator[Cause]:
    given, keys, items = schema.get(tree.LIST_TYPE), schema.get(tree.LIST_KEYS) or [], schema.get("items")
    if given is not None:
        yield from _typed(schema, path, "array", f"must be array if {tree.LIST_TYPE} is specified")
        if schema.get("type") == "array" and given == "set" and isinstance(items, dict):
            yield from _set_items(items, f"{path}.items")
        if given not in _LIST_TYPES:
            yield cause.not_supported(f"{path}.{tree.LIST_TYPE}", given, _LIST_TYPES)
    if keys and given != "map":
        text = f"must be map if {tree.LIST_KEYS} is non-empty"
        where = f"{path}.{tree.LIST_TYPE}"
        yield cause.required(where, text) if given is None else cause.invalid(where, given, text)
    if given == "map":
        yield from _map_items(items, keys, path)
    if given in ("set", "map") and isinstance(items, dict) and items.get("nullable"):
        yield cause.forbidden(f"{path}.items.nullable", f"cannot be nullable when {tree.LIST_TYPE} is {given}")


def _set_items(items: tree.Schema, path: str) -> Iterator[Cause]:
    text = f"must be atomic as item of a list with {tree.LIST_TYPE}=set"
    if items.get("type") == "array" and items.get(tree.LIST_TYPE, "atomic") != "atomic":
        yield cause.invalid(f"{path}.{tree.LIST_TYPE}", items[tree.LIST_TYPE], text)
    if items.get("type") == "object" and items.get(tree.MAP_TYPE) != "atomic":
        yield cause.invalid(f"{path}.{tree.MAP_TYPE}", items.get(tree.LIST_TYPE), text)


def _map_items(items: Any, keys: list[str], path: str) -> Iterator[Cause]:
    if not keys:
        yield cause.required(f"{path}.{tree.LIST_KEYS}", f"must not be empty if {tree.LIST_TYPE} is map")
    if items is None:
        yield cause.required(f"{path}.items", f"must have a schema if {tree.LIST_TYPE} is map")
    if not isinstance(items, dict):
        return
    if items.get("type") != "object":
        text = f"must be object if parent array's {tree.LIST_TYPE} is map"
        yield cause.invalid(f"{path}.items.type", items.get("type") or "", text)
        return
    own = tree.properties(items)
    for i, key in enumerate(keys):
        if key not in own:
            text = "entries must all be names of item properties"
            yield cause.invalid(f"{path}.{tree.LIST_KEYS}", keys, text)
        else:
            yield from _key(own[key], key, items, f"{path}.items.properties[{key}]")
        if key in keys[:i]:
            yield cause.invalid(f"{path}.{tree.LIST_KEYS}", keys, "must not contain duplicate entries")


def _key(schema: tree.Schema, key: str, items: tree.Schema, path: str) -> Iterator[Cause]:
    this = f"this property is in {tree.LIST_KEYS}, so it"
    if schema.get("type") in ("array", "object"):
        text = f"must be a scalar type if parent array's {tree.LIST_TYPE} is map"
        yield cause.invalid(f"{path}.type", items["type"], text)
    if key not in (items.get("required") or ()) and schema.get("default") is None:
        yield cause.required(f"{path}.default", f"{this} must have a default or be a required property")
    if schema.get("nullable"):
        yield cause.forbidden(f"{path}.nullable", f"{this} cannot be nullable")


def _rule(rule: dict[str, Any], schema: tree.Schema, path: str) -> Iterator[Cause]:
    """The texts of a CEL rule; whether it compiles is another matter."""
    text, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
    if not text:
        yield cause.required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield cause.invalid(f"{path}.message", message, "message must be non-empty if specified")
    elif _LINE_BREAK.search(message.strip()):
        yield cause.invalid(f"{path}.message", message, "message must not contain line breaks")
    elif _LINE_BREAK.search(text) and not message.strip():
        yield cause.required(f"{path}.message", "message must be specified if rule contains line breaks")
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        yield cause.required(f"{path}.messageExpression", "messageExpression must be non-empty if specified")
    if rule.get("reason") is not None and rule["reason"] not in REASONS:
        yield cause.not_supported(f"{path}.reason", rule["reason"], REASONS)
    place = rule.get("fieldPath") or ""
    if place and not place.strip():
        yield cause.invalid(f"{path}.fieldPath", place, "fieldPath must be non-empty if specified")
    if _LINE_BREAK.search(place):
        yield cause.invalid(f"{path}.fieldPath", place, "fieldPath must not contain line breaks")
    if place:
        try:
            expressions.field_schema(schema, place)
        except ValueError:
            yield cause.invalid(f"{path}.fieldPath", place, "fieldPath must be a valid path")


def _rules(schema: tree.Schema, place: _Place) -> Iterator[Cause]:
    """Whether the CEL rules compile, here and below."""
    for child, where in _children(schema, place):
        yield from _rules(child, where)
    for i, each in enumerate(expressions.compile_rules(schema, root=place.root)):
        path = f"{place.path}.{tree.RULES}[{i}]"
        if each.problem:
            yield cause.invalid(f"{path}.rule", each.rule, each.problem)
            continue
        if each.message_problem:
            yield cause.invalid(f"{path}.messageExpression", each.rule, each.message_problem)
        if each.compares and place.uncorrelated:
            text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelated}"
            yield cause.invalid(f"{path}.rule", each.rule["rule"], text)
        if not each.compares and each.rule.get("optionalOldSelf") is not None:
            text = "may not be set if oldSelf is not used in rule"
            yield cause.invalid(f"{path}.optionalOldSelf", each.rule["optionalOldSelf"], text)


def _defaults(schema: tree.Schema, path: str, *, root: bool = False, in_head: bool = False) -> Iterator[Cause]:
    """Whether defaults are good values themselves. Not inside of additionalProperties, where none are applied."""
    default, is_embedded = schema.get("default"), bool(root or schema.get(tree.EMBEDDED))
    if default is not None and not in_head:
        yield from _default(schema, default, f"{path}.default")
    for name, child in tree.properties(schema).items():
        inner = (is_embedded and name in _HEAD) or (in_head and not is_embedded)
        yield from _defaults(child, f"{path}.properties[{name}]", in_head=inner)
    if isinstance(schema.get("items"), dict):
        yield from _defaults(schema["items"], f"{path}.items", in_head=in_head)


def _default(schema: tree.Schema, default: Any, path: str) -> Iterator[Cause]:
    pruned = {"default": values.clone(default)}
    kind = CustomSchema("", {"type": "object", "properties": {"default": schema}})
    if kind.prune(pruned):
        yield cause.invalid(path, default, "must not have unknown fields")
    found = list(embedded.causes(default, schema, path=path))
    found = found or ValueChecker(schema).causes(default, path=path)
    found = found or list(lists.duplicates(default, schema, path=path))
    if not found and expressions.has_rules(schema):
        found = [
            replace(each, field=_at(path, each.field))
            for each in expressions.RuleSet(schema, root=False).causes(default)
        ]
    yield from found


def _at(path: str, field: str) -> str:
    return path if field == "<nil>" else f"{path}{field}" if field.startswith("[") else f"{path}.{field}"
