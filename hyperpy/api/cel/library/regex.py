"""Regular expressions: find and findAll, by the runtime's own RE2 (linear time, whatever the pattern)."""

from __future__ import annotations

from functools import cache
from typing import Any

from hyperpy.api.cel import types
from hyperpy.api.cel.library.declaration import Overload


@cache
def _programs() -> tuple[Any, Any]:
    from cel_expr_python import cel

    config = cel.NewEnvConfigFromYaml("extensions:\n- name: optional\n- name: regex\n")
    env = cel.NewEnv(config=config, variables={"s": cel.Type.STRING, "p": cel.Type.STRING})
    return env.compile('regex.extract(s, p).orValue("")'), env.compile("regex.extractAll(s, p)")


def _find(text: str, pattern: str) -> str:
    return _run(0, text, pattern)


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = _run(1, text, pattern)
    return found if limit < 0 else found[:limit]


def _run(which: int, text: str, pattern: str) -> Any:
    from cel_expr_python import cel

    result = _programs()[which].eval(data={"s": text, "p": without_groups(pattern)})
    if result.type() == cel.Type.ERROR:
        raise ValueError(f"Illegal regex: {result.plain_value().partition(': ')[2]}")
    return result.plain_value()


def without_groups(pattern: str) -> str:
    """The pattern with no capturing groups: the runtime extracts a group where Kubernetes finds the whole match."""
    result: list[str] = []
    inside_class = False
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "\\":
            end = pattern.find("\\E", i) if pattern.startswith("\\Q", i) else i
            end = len(pattern) if end < 0 else end
            result.append(pattern[i : end + 2])
            i = end + 2
            continue
        if inside_class:
            inside_class = char != "]" or result[-1] in ("[", "[^")
        elif char == "[":
            char = "[^" if pattern.startswith("[^", i) else "["
            inside_class = True
        elif char == "(":
            char, skipped = _opened(pattern, i)
            i += skipped
        result.append(char)
        i += len(char) if char in ("[", "[^") else 1
    return "".join(result)


def _opened(pattern: str, i: int) -> tuple[str, int]:
    """What stands for the parenthesis at `i`, and how many further characters of the pattern that replaces."""
    if not pattern.startswith("(?", i):
        return "(?:", 0
    for start in ("(?P<", "(?<"):
        end = pattern.find(">", i)
        if pattern.startswith(start, i) and end > 0:
            return "(?:", end - i
    return "(", 0


_STRING = types.STRING
OVERLOADS = (
    Overload("find", "string_find_string", (_STRING, _STRING), _STRING, _find),
    Overload("findAll", "string_find_all_string", (_STRING, _STRING), types.list_of(_STRING), _find_all),
    Overload("findAll", "string_find_all_string_int", (_STRING, _STRING, types.INT), types.list_of(_STRING), _find_all),
)
