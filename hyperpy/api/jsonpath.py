"""JSONPath templates as kubectl has them: `{range .items[*]}{.metadata.name}{"\\n"}{end}`. Pure.

Source: Kubernetes' documentation, "JSONPath Support". A field that is missing gives nothing.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_FIELD = re.compile(r"(?:[^\s.\[\]{}()'\",=<>!|?:\\]|\\.)+")
_SLICE = re.compile(r"(-?\d*)(?::(-?\d*))?(?::(-?\d*))?")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_COMPARE = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class JsonPathError(ValueError):
    """An expression that makes no sense; the message says where."""


#: From one value to those that a step leads to; the second argument is the document.
Step = Callable[[Any, Any], list[Any]]


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Path:
    """Steps, each with the choices of a union (mostly one)."""

    steps: tuple[tuple[Step, ...], ...]
    from_root: bool


@dataclass(frozen=True, slots=True)
class _Range:
    path: _Path
    body: tuple[Any, ...]


def render(template: str, document: Any) -> str:
    """The template with what its expressions find in the document.

    Raises:
        JsonPathError: the template makes no sense.
    """
    return _render(_Parser(template).template(), document, document)


def finder(expression: str) -> Callable[[Any], list[Any]]:
    """What looks up one expression (`.spec.replicas`, without braces) in documents: all values it leads to.

    Raises:
        JsonPathError: the expression makes no sense.
    """
    nodes = _Parser(f"{{{expression}}}").template()
    if len(nodes) != 1 or not isinstance(nodes[0], _Path):
        raise JsonPathError(f"error parsing jsonpath {expression}, it is not one path")
    path = nodes[0]
    return lambda document: _find(path, document, document)


def _render(nodes: Sequence[Any], value: Any, root: Any) -> str:
    parts = []
    for node in nodes:
        match node:
            case _Text(text):
                parts.append(text)
            case _Path():
                parts.append(" ".join(map(_shown, _find(node, value, root))))
            case _Range(path, body):
                parts += [_render(body, item, root) for item in _find(path, value, root)]
    return "".join(parts)


def _find(path: _Path, value: Any, root: Any) -> list[Any]:
    found = [root if path.from_root else value]
    for choices in path.steps:
        found = [result for step in choices for item in found for result in step(item, root)]
    return found


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _field(name: str) -> Step:
    return lambda value, _: [value[name]] if isinstance(value, dict) and name in value else []


def _key(text: str) -> Step:
    """What stands in quotes in brackets: a field's name, or several with dots between them."""
    path = _Path(tuple((_field(_plain(name)),) for name in re.split(r"(?<!\\)\.", text)), False)

    def step(value: Any, root: Any) -> list[Any]:
        return _field(_plain(text))(value, root) or _find(path, value, root)

    return step


def _every(value: Any, _: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _descend(value: Any, root: Any) -> list[Any]:
    """The value and everything below it."""
    return [value] + [inner for child in _every(value, root) for inner in _descend(child, root)]


def _section(start: int | None, stop: int | None, step: int | None) -> Step:
    return lambda value, _: value[start:stop:step] if isinstance(value, list) else []


def _index(position: int) -> Step:
    def step(value: Any, _: Any) -> list[Any]:
        return [value[position]] if isinstance(value, list) and -len(value) <= position < len(value) else []

    return step


def _where(left: _Path, compare: str, right: Any) -> Step:
    """The items for which a comparison holds; without one, those that have the left side."""

    def holds(item: Any, root: Any) -> bool:
        found = _find(left, item, root)
        if not compare:
            return bool(found)
        others = _find(right, item, root) if isinstance(right, _Path) else [right]
        try:
            return any(_OPERATORS[compare](one, other) for one in found for other in others)
        except TypeError:
            return False

    return lambda value, root: [item for item in _every(value, root) if holds(item, root)]


class _Parser:
    """A cursor over a template."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self) -> tuple[Any, ...]:
        nodes = self._nodes(inside=False)
        if self._at < len(self._text):
            raise self._error("{end} without {range}")
        return nodes

    def _nodes(self, *, inside: bool) -> tuple[Any, ...]:
        """Nodes up to the end of the text, or to the `{end}` of a range."""
        nodes: list[Any] = []
        while self._at < len(self._text):
            opening = self._text.find("{", self._at)
            end = len(self._text) if opening < 0 else opening
            if end > self._at:
                nodes.append(_Text(self._text[self._at : end]))
            self._at = end
            if not self._skip("{"):
                break
            if self._word("end"):
                if not inside:
                    raise self._error("{end} without {range}")
                return tuple(nodes)
            nodes.append(self._action())
        if inside:
            raise self._error("{range} without {end}")
        return tuple(nodes)

    def _action(self) -> Any:
        if self._word("range", closed=False):
            path = self._path()
            self._expect("}")
            return _Range(path, self._nodes(inside=True))
        quoted = self._match(_QUOTED)
        node = _Text(_unquoted(quoted)) if quoted else self._path()
        self._expect("}")
        return node

    def _word(self, word: str, *, closed: bool = True) -> bool:
        """Take a keyword, with its closing brace when `closed`."""
        matched = re.compile(rf"\s*{word}\s*\}}" if closed else rf"\s*{word}\s+").match(self._text, self._at)
        if matched:
            self._at = matched.end()
        return bool(matched)

    def _path(self) -> _Path:
        self._match(re.compile(r"\s*"))
        from_root = self._skip("$")
        started = from_root or self._skip("@")
        steps: list[tuple[Step, ...]] = []
        while True:
            if self._skip(".."):
                steps.append((_descend,))
                if not self._peek("["):
                    steps.append((self._name(),))
            elif self._skip("."):
                started = True
                if not self._peek("[") and not self._peek("}"):
                    steps.append((self._name(),))
            elif self._skip("["):
                steps.append(self._bracket())
            elif not started and not steps and (matched := self._match(_FIELD)):
                steps.append((_field(_plain(matched.group())),))
            elif started or steps:
                return _Path(tuple(steps), from_root)
            else:
                raise self._error("an expression is missing")

    def _name(self) -> Step:
        if self._skip("*"):
            return _every
        matched = self._match(_FIELD)
        if not matched:
            raise self._error("a field name is missing")
        return _field(_plain(matched.group()))

    def _bracket(self) -> tuple[Step, ...]:
        if self._skip("?("):
            step = self._filter()
            self._expect(")")
            self._expect("]")
            return (step,)
        choices = [self._choice()]
        while self._skip(","):
            choices.append(self._choice())
        self._expect("]")
        return tuple(choices)

    def _choice(self) -> Step:
        self._match(re.compile(r"\s*"))
        if self._skip("*"):
            return _every
        quoted = self._match(_QUOTED)
        if quoted:
            return _key(quoted[1] if quoted[1] is not None else quoted[2])
        matched = self._match(_SLICE)
        if not matched or not matched.group():
            raise self._error("an index is missing")
        if ":" not in matched.group():
            return _index(int(matched.group()))
        numbers = [int(text) if text else None for text in matched.groups(default="")]
        return _section(numbers[0], numbers[1], numbers[2])

    def _filter(self) -> Step:
        left = self._path()
        compare = self._match(_COMPARE)
        if not compare:
            return _where(left, "", None)
        return _where(left, compare.group(1), self._operand())

    def _operand(self) -> Any:
        quoted = self._match(_QUOTED)
        if quoted:
            return _unquoted(quoted)
        number = self._match(_NUMBER)
        if number:
            return json.loads(number.group())
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._skip(word):
                return value
        return self._path()

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        matched = pattern.match(self._text, self._at)
        if matched:
            self._at = matched.end()
        return matched

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _skip(self, text: str) -> bool:
        if not self._peek(text):
            return False
        self._at += len(text)
        return True

    def _expect(self, text: str) -> None:
        self._match(re.compile(r"\s*"))
        if not self._skip(text):
            raise self._error(f'"{text}" is missing')

    def _error(self, why: str) -> JsonPathError:
        return JsonPathError(f"error parsing jsonpath {self._text}, {why} at position {self._at}")


def _unquoted(matched: re.Match[str]) -> str:
    text = matched[1] if matched[1] is not None else matched[2]
    return re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t", "r": "\r"}.get(escape[1], escape[1]), text)


def _plain(name: str) -> str:
    """A field name without its escapes: `kubernetes\\.io/name`."""
    return re.sub(r"\\(.)", r"\1", name)
