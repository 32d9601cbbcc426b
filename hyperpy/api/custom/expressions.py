"""Rules of a schema in CEL (`x-kubernetes-validations`): compiled when the definition is made, asked of every object.

A rule that names `oldSelf` is a transition rule: it is asked only where there is an old value to compare with, unless
it says `optionalOldSelf`. Other rules are not asked about a value that an update leaves as it was (KEP-4008).

Source: Kubernetes' documentation, "Validation rules" (Extend the Kubernetes API with CustomResourceDefinitions); texts
of the API server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hyperpy.api import cel
from hyperpy.api.cel import types
from hyperpy.api.custom import tree
from hyperpy.api.custom.checking import ABSENT, old_item, old_member
from hyperpy.api.patch.values import same
from hyperpy.api.schema import cause
from hyperpy.api.schema.cause import Cause

#: A name that stands for the old value, once texts in quotes are taken out.
_OLD = re.compile(r"(?<![\w.])oldSelf\b")
_QUOTED = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")


@dataclass(frozen=True, slots=True)
class Compiled:
    """One rule, ready; `problem` and `message_problem` say why it, or its message, does not compile."""

    rule: dict[str, Any]
    program: cel.Program | None = None
    message: cel.Program | None = None
    compares: bool = False
    environment: cel.Environment | None = None
    problem: str = ""
    message_problem: str = ""

    @property
    def optional(self) -> bool:
        """Whether `oldSelf` may be absent."""
        return bool(self.rule.get("optionalOldSelf"))


@dataclass(slots=True)
class _Node:
    """The rules of one place of the schema and of what is below it; places without any are left out."""

    schema: tree.Schema
    rules: list[Compiled] = field(default_factory=list)
    properties: dict[str, _Node] = field(default_factory=dict)
    items: _Node | None = None
    additional: _Node | None = None


def has_rules(schema: tree.Schema) -> bool:
    """Whether there is a rule anywhere."""
    children = [*tree.properties(schema).values(), schema.get("items"), tree.additional(schema)]
    return bool(schema.get(tree.RULES)) or any(has_rules(each) for each in children if isinstance(each, dict))


def compile_rules(schema: tree.Schema, *, root: bool) -> list[Compiled]:
    """The rules of one place, compiled; what is wrong with one is in it."""
    if not schema.get(tree.RULES):
        return []
    kind = types.of_schema(schema, root=root or bool(schema.get(tree.EMBEDDED))) or types.DYN
    plain = cel.environment({"self": kind, "oldSelf": kind})
    compiled = []
    for rule in schema[tree.RULES]:
        optional = bool(rule.get("optionalOldSelf"))
        both = cel.environment({"self": kind, "oldSelf": types.optional(kind)}) if optional else plain
        compiled.append(_compiled(rule, both))
    return compiled


def _compiled(rule: dict[str, Any], both: cel.Environment) -> Compiled:
    text = rule["rule"]
    try:
        program = both.compile(text)
    except cel.CelError as error:
        return Compiled(rule, problem=f"compilation failed: {error}")
    if program.returns != "bool":
        return Compiled(rule, problem="cel expression must evaluate to a bool")
    message, message_problem = _message(rule.get("messageExpression"), both)
    compares = _OLD.search(_QUOTED.sub("", text)) is not None
    return Compiled(rule, program, message, compares, both, message_problem=message_problem)


def _message(text: str | None, environment: cel.Environment) -> tuple[cel.Program | None, str]:
    if not text:
        return None, ""
    try:
        program = environment.compile(text)
    except cel.CelError as error:
        return None, f"messageExpression compilation failed: {error}"
    if program.returns != "string":
        return None, "messageExpression must evaluate to a string"
    return program, ""


class RuleSet:
    """All rules of a schema, compiled; `root`: it is that of a whole object."""

    def __init__(self, schema: tree.Schema, *, root: bool = True) -> None:
        self._root = _node(schema, root=root)

    def causes(self, new: Any, old: Any = ABSENT) -> Iterator[Cause]:
        """The rules that do not hold."""
        yield from _check(self._root, new, old, "", unchanged=False)


def _node(schema: tree.Schema, *, root: bool = False) -> _Node:
    node = _Node(schema, compile_rules(schema, root=root))
    for name, child in tree.properties(schema).items():
        if has_rules(child):
            node.properties[name] = _node(child)
    items, values = schema.get("items"), tree.additional(schema)
    if isinstance(items, dict) and has_rules(items):
        node.items = _node(items)
    if values is not None and has_rules(values):
        node.additional = _node(values)
    return node


def _check(node: _Node, new: Any, old: Any, path: str, *, unchanged: bool) -> Iterator[Cause]:
    """The rules of a place and below; `unchanged`: the value belongs to one that an update left as it was."""
    if new is None:
        return
    unchanged = unchanged or (old is not ABSENT and same(new, old))
    yield from _judge(node, new, ABSENT if old is None else old, path, unchanged=unchanged)
    if isinstance(new, dict):
        for name, member in new.items():
            child = node.properties.get(name)
            place = f"{path}.{name}" if path else name
            if child is None and name not in tree.properties(node.schema):
                child, place = node.additional, f"{path}[{name}]"
            if child is not None:
                yield from _check(child, member, old_member(name, node.schema, old), place, unchanged=unchanged)
    elif isinstance(new, list) and node.items is not None:
        for index, item in enumerate(new):
            inner = old_item(item, node.schema, old)
            yield from _check(node.items, item, inner, f"{path}[{index}]", unchanged=unchanged)


def _judge(node: _Node, new: Any, old: Any, path: str, *, unchanged: bool) -> Iterator[Cause]:
    given = {"self": new} if old is ABSENT else {"self": new, "oldSelf": old}
    for each in node.rules:
        if each.compares and old is ABSENT and not each.optional:
            continue
        if unchanged and not each.compares:
            continue
        found = _verdict(each, node.schema, given, path)
        if found is not None:
            yield found


def _verdict(each: Compiled, schema: tree.Schema, given: dict[str, Any], path: str) -> Cause | None:
    kind = schema.get("type", "")
    where = path or "<nil>"
    text = each.rule["rule"].strip()
    if each.program is None or each.environment is None:
        return cause.invalid(where, kind, f"rule compile error: {each.problem}")
    try:
        values = each.environment.input(given)
        if each.program.evaluate(values) is True:
            return None
    except cel.CelError as error:
        return cause.invalid(where, kind, _failure(str(error), text))
    where = _field(path, each.rule.get("fieldPath", "")) or "<nil>"
    message = _text_of(each, values) or (each.rule.get("message") or "").strip() or f"failed rule: {text}"
    match each.rule.get("reason"):
        case cause.REQUIRED:
            return cause.required(where, message)
        case cause.FORBIDDEN:
            return cause.forbidden(where, message)
        case cause.DUPLICATE:
            return cause.duplicate(where, kind)
    return cause.invalid(where, kind, message)


def _failure(error: str, text: str) -> str:
    if error.startswith("no such overload"):
        rest = "call arguments did not match a supported operator, function or macro signature for rule"
        return f"'{error}': {rest}: {text}"
    if error.startswith("operation cancelled: actual cost limit exceeded"):
        rest = "no further validation rules will be run due to call cost exceeds limit for rule"
        return f"'{error}': {rest}: {text}"
    return f"{error} evaluating rule: {text}"


def _text_of(each: Compiled, values: cel.Input) -> str:
    """What the message expression gives, or "" when it fails or gives nothing fit to be shown on one line."""
    if each.message is None:
        return ""
    try:
        text = str(each.message.evaluate(values)).strip()
    except cel.CelError:
        return ""
    return "" if "\n" in text or "\r" in text else text


def _field(path: str, field_path: str) -> str:
    """The path that a rule blames, below the place where it stands."""
    for match in _STEP.finditer(field_path):
        name, quoted = match.groups()
        step = name if name is not None else re.sub(r"\\(.)", r"\1", quoted)
        path = f"{path}.{step}" if path else step
    return path


def field_schema(schema: tree.Schema, path: str, *, brackets: bool = True) -> tree.Schema:
    """The schema of the field that a path of dots and `['name']` leads to.

    Raises:
        ValueError: there is none; the message says why.
    """
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if path[at] == "[" and not brackets:
            raise ValueError("array notation is not allowed")
        if match is None:
            raise ValueError(
                "unexpected end of JSON path" if path[at] == "." else f"expected [ or . but got: {path[at:]}"
            )
        name = match[1] if match[1] is not None else re.sub(r"\\(.)", r"\1", match[2])
        inner = tree.properties(schema).get(name) if tree.properties(schema) else tree.additional(schema)
        if inner is None:
            raise ValueError("does not refer to a valid field")
        schema, at = inner, match.end()
    return schema
