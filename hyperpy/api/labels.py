"""Label selectors: parse what clients send, match labels, write them back.

Source: Kubernetes' documentation, "Labels and Selectors"; message texts are the API server's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hyperpy.api import names

EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
IN, NOT_IN, EXISTS, MISSING = "in", "notin", "exists", "!"
GREATER, LESS = "gt", "lt"

_BINARY = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER, LESS)
_WIRE_OPERATORS = {
    "In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": MISSING, "Gt": GREATER, "Lt": LESS,
}  # fmt: skip
_SYMBOLS = {"=": EQUALS, "==": DOUBLE_EQUALS, "!=": NOT_EQUALS, "in": IN, "notin": NOT_IN, ">": GREATER, "<": LESS}
_TOKEN = re.compile(r"[ \t\r\n]*(!=|==|=|!|\(|\)|,|>|<|[^ \t\r\n=!(),<>]+|$)")
_END = ""
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label. `operator` is one of this module's constants; `values` are sorted."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it. `!=` and `notin` hold where the label is missing."""
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        if value is None or not _INTEGER.fullmatch(value):
            return False
        bound = int(self.values[0])
        return int(value) > bound if self.operator == GREATER else int(value) < bound

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values) or ','})"
            case "gt":
                return f"{self.key}>{self.values[0]}"
            case "lt":
                return f"{self.key}<{self.values[0]}"
        return f"{self.key}{self.operator}{self.values[0]}"


class Selector:
    """A set of requirements that must all hold. Never changes.

    Args:
        requirements: in any order.
        nothing: it selects no object at all (a selector that is absent, where absent means none).
    """

    __slots__ = ("_others", "nothing", "required", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda each: each.key))
        self.nothing = nothing
        equalities = [
            each for each in self.requirements if len(each.values) == 1 and each.operator in ("=", "==", "in")
        ]
        #: What every selected object carries; good for looking it up in an index.
        self.required: dict[str, str] = {each.key: each.values[0] for each in equalities}
        self._others = tuple(
            each for each in self.requirements if each not in equalities or self.required[each.key] != each.values[0]
        )

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels is selected."""
        if self.nothing:
            return False
        labels = labels or {}
        for key, value in self.required.items():
            if labels.get(key) != value:
                return False
        return not self._others or all(each.matches(labels) for each in self._others)

    def __str__(self) -> str:
        return "<none>" if self.nothing else ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return f"Selector({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selector):
            return NotImplemented
        return (self.requirements, self.nothing) == (other.requirements, other.nothing)

    def __hash__(self) -> int:
        return hash((self.requirements, self.nothing))


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """A selector as `labelSelector=` and `kubectl -l` have it: `app=web,tier in (a, b),!old`.

    Raises:
        ValueError: in the API server's words, which a handler answers as BadRequest.
    """
    return Selector(_Parser(text).requirements())


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """The selector that demands these labels, as Services and ReplicationControllers have it; empty: everything."""
    return Selector(Requirement(key, EQUALS, (value,)) for key, value in (labels or {}).items())


def from_selector(selector: Mapping[str, Any] | None) -> Selector:
    """A `LabelSelector` object (`matchLabels`, `matchExpressions`). None selects nothing, an empty one everything.

    Raises:
        ValueError: an operator is unknown, or its values do not fit.
    """
    if selector is None:
        return NOTHING
    requirements = [Requirement(key, EQUALS, (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    requirements += [from_expression(each) for each in selector.get("matchExpressions") or ()]
    return Selector(requirements)


def from_expression(expression: Mapping[str, Any]) -> Requirement:
    """One entry of `matchExpressions`, of a label selector or (with Gt and Lt) of a node affinity.

    Raises:
        ValueError: the operator is unknown, or its values do not fit.
    """
    operator = _WIRE_OPERATORS.get(expression.get("operator", ""))
    if operator is None:
        raise ValueError(f'"{expression.get("operator", "")}" is not a valid label selector operator')
    return _requirement(expression["key"], operator, tuple(expression.get("values") or ()), check=False)


def _requirement(key: str, operator: str, values: Sequence[str], *, check: bool = True) -> Requirement:
    if check and (problems := names.qualified_errors(key)):
        raise ValueError(f'key: Invalid value: "{key}": {"; ".join(problems)}')
    problem = _values_problem(operator, values)
    if problem:
        raise ValueError(problem)
    for index, value in enumerate(values):
        if check and operator not in (GREATER, LESS) and (problems := names.label_value_errors(value)):
            raise ValueError(f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(problems)}')
    return Requirement(key, operator, tuple(sorted(set(values))))


def _values_problem(operator: str, values: Sequence[str]) -> str:
    if operator in (IN, NOT_IN) and not values:
        return "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
    if operator in (EQUALS, DOUBLE_EQUALS, NOT_EQUALS) and len(values) != 1:
        return f"values: Invalid value: {_listed(values)}: exact-match compatibility requires one single value"
    if operator in (EXISTS, MISSING) and values:
        return f"values: Invalid value: {_listed(values)}: values set must be empty for exists and does not exist"
    if operator not in (GREATER, LESS):
        return ""
    if len(values) != 1:
        return f"values: Invalid value: {_listed(values)}: for 'Gt', 'Lt' operators, exactly one value is required"
    if not _INTEGER.fullmatch(values[0]):
        return f"values[0]: Invalid value: \"{values[0]}\": for 'Gt', 'Lt' operators, the value must be an integer"
    return ""


def _listed(values: Sequence[str]) -> str:
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


class _Parser:
    """A cursor over the tokens of one selector."""

    def __init__(self, text: str) -> None:
        self._tokens = [token for token in _TOKEN.findall(text) if token != _END] + [_END]
        self._next = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while self._peek() != _END:
            if not self._is_word(self._peek()) and self._peek() != "!":
                raise ValueError(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._one())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            self._separator()
        return found

    def _separator(self) -> None:
        token = self._take()
        if token == "," and not self._is_word(self._peek()) and self._peek() != "!":
            raise ValueError(f"found '{self._peek()}', expected: identifier after ','")
        if token not in (",", _END):
            raise ValueError(f"found '{token}', expected: ',' or 'end of string'")

    def _one(self) -> Requirement:
        missing = self._peek() == "!"
        if missing:
            self._take()
        key = self._take()
        if not self._is_word(key):
            raise ValueError(f"found '{key}', expected: identifier")
        if missing or self._peek() in (",", _END):
            return _requirement(key, MISSING if missing else EXISTS, ())
        token = self._take()
        operator = _SYMBOLS.get(token)
        if operator is None:
            raise ValueError(f"found '{token}', expected: {', '.join(_BINARY)}")
        values = self._set() if operator in (IN, NOT_IN) else self._value()
        return _requirement(key, operator, values)

    def _value(self) -> list[str]:
        if self._peek() in (",", _END):
            return [""]
        token = self._take()
        if not self._is_word(token):
            raise ValueError(f"found '{token}', expected: identifier")
        return [token]

    def _set(self) -> list[str]:
        opening = self._take()
        if opening != "(":
            raise ValueError(f"found '{opening}' expected: '('")
        if self._peek() == ")":
            self._take()
            return []
        values: list[str] = []
        expect_value = True
        while (token := self._take()) != ")":
            if token == ",":
                if expect_value:
                    values.append("")
                expect_value = True
            elif self._is_word(token) and expect_value:
                values.append(token)
                expect_value = False
            else:
                raise ValueError(f"found '{token}', expected: ',', or ')'")
        return [*values, ""] if expect_value else values

    def _peek(self) -> str:
        return self._tokens[self._next]

    def _take(self) -> str:
        token = self._peek()
        if token != _END:
            self._next += 1
        return token

    @staticmethod
    def _is_word(token: str) -> bool:
        return token not in ("", "=", "==", "!=", "!", "(", ")", ",", ">", "<")
