"""The runtime's messages in the words of cel-go, which are the ones Kubernetes' users meet."""

from __future__ import annotations

import re

_WRAPPING = re.compile(r"^[A-Z_]+: (.*?)(?: \[[A-Z_]+\])?$", re.DOTALL)

_Rule = tuple[re.Pattern[str], str]
_COMPILING: tuple[_Rule, ...] = (
    (re.compile(r"undefined field '([^']*)' not found in struct '[^']*'"), r"undefined field '\1'"),
    (
        re.compile(r"expression of type '([^']*)' cannot be the operand of a select operation"),
        r"type '\1' does not support field selection",
    ),
    (
        re.compile(r"Expression recursion limit exceeded. limit: (\d+)"),
        r"expression recursion limit exceeded: \1",
    ),
    (
        re.compile(r"expression size exceeds codepoint limit\. input size: (\d+), limit: (\d+)"),
        r"expression code point size exceeds limit: size: \1, limit \2",
    ),
    (
        re.compile(r"<input>:-1:-1: Exceeded max recursion depth of (\d+) when parsing\."),
        r"<input>:-1:0: expression recursion limit exceeded: \1",
    ),
)
_EVALUATING: tuple[_Rule, ...] = (
    (re.compile(r'^Key not found in map : "(.*)"$', re.DOTALL), r"no such key: \1"),
    (re.compile(r"^Key not found in map : (.*)$", re.DOTALL), r"no such key: \1"),
    (re.compile(r"^Index error: index=(-?\d+) size=\d+$"), r"index out of bounds: \1"),
    (re.compile(r"^divide by zero$"), "division by zero"),
    (re.compile(r"^modulus by zero$"), "modulus by zero"),
    (re.compile(r"^No matching overloads found : .*$", re.DOTALL), "no such overload"),
    (re.compile(r"^Applying SELECT to non-message type$"), "no such overload"),
    (re.compile(r"^optional.none\(\) dereference$"), "optional.none() dereference"),
    (re.compile(r"^Iteration budget exceeded.*$"), "operation cancelled: actual cost limit exceeded"),
)


#: The runtime tells the whole of `a.b.c` at its last dot when there is no `a`.
_UNDECLARED = re.compile(
    r"<input>:(\d+):(\d+): undeclared reference to '([\w.]+)' (\(in container ''\))\n \| (.*)\n \| (\.*)\^"
)


def compiling(text: str) -> str:
    """Why an expression does not compile."""
    text = _UNDECLARED.sub(_at_root, _worded(_unwrapped(text), _COMPILING))
    return text if text.startswith("ERROR: ") else f"ERROR: <input>:1:1: {text}"


def _at_root(found: re.Match[str]) -> str:
    line, column, name, where, source, _ = found.groups()
    root, before = name.partition(".")[0], name.rpartition(".")[0]
    start = int(column) - len(before)
    if not before or not source[start - 1 :].startswith(name):
        return found[0]
    dots = "." * (start - 1)
    return f"<input>:{line}:{start}: undeclared reference to '{root}' {where}\n | {source}\n | {dots}^"


def evaluating(text: str) -> str:
    """Why an evaluation failed."""
    return _worded(_unwrapped(text), _EVALUATING)


def _unwrapped(text: str) -> str:
    found = _WRAPPING.match(text)
    return found[1] if found else text


def _worded(text: str, rules: tuple[_Rule, ...]) -> str:
    for pattern, words in rules:
        text = pattern.sub(words, text)
    return text
