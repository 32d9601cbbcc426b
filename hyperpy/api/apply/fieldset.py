"""Field sets: which fields of an object somebody owns, kept in the form they have on the wire (FieldsV1).

    {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}

A key is one step of a path: `f:` a field or map key, `k:` an item of a list by its key fields, `v:` an item of a set by
its value, `i:` an index. A step that leads to `{}` is owned; one with steps below is owned when `.` is among them. So
nothing has to be decoded to be worked with, and nothing is encoded afterwards. Sets are read-only: results share parts
with what they were made of. Source: the API reference, "FieldsV1".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

#: The whole set is a dict of steps; the empty one owns nothing, while `{}` below a step means that the step is owned.
Fields = dict[str, Any]
Path = tuple[str, ...]

SELF = "."
#: What a step that is owned, with nothing below it, leads to.
OWNED: Fields = {}

#: Deeper than any object is accepted.
_MAX_DEPTH = 250


def union(left: Fields, right: Fields) -> Fields:
    """What is owned in either."""
    if not left or not right:
        return left or right
    result = dict(left)
    for step, below in right.items():
        known = left.get(step)
        if known is None:
            result[step] = below
        elif known != below:
            result[step] = _joined(known, below)
    return result


def _joined(left: Fields, right: Fields) -> Fields:
    if left and right:
        return union(left, right)
    return {SELF: OWNED, **left, **right}


def difference(left: Fields, right: Fields) -> Fields:
    """What is owned in `left` and not in `right`, path by path."""
    result = {}
    for step, below in left.items():
        other = right.get(step)
        rest = below if other is None else _less(below, other)
        if rest is not None:
            result[step] = rest
    return result


def _less(below: Fields, other: Fields) -> Fields | None:
    if not below:
        return None if _owns_itself(other) else below
    return _folded(difference(below, other or {SELF: OWNED}))


def intersection(left: Fields, right: Fields) -> Fields:
    """What is owned in both."""
    result = {}
    for step, below in left.items():
        other = right.get(step)
        if other is None:
            continue
        if below and other:
            common = _folded(intersection(below, other))
        else:
            common = OWNED if _owns_itself(below) and _owns_itself(other) else None
        if common is not None:
            result[step] = common
    return result


def without(fields: Fields, unwanted: Fields) -> Fields:
    """What is left of a set when everything at and below the paths of `unwanted` is taken out."""
    result = {}
    for step, below in fields.items():
        other = unwanted.get(step)
        if other is None:
            result[step] = below
        elif not _owns_itself(other):
            rest = _folded(without(below, other)) if below else below
            if rest is not None:
                result[step] = rest
    return result


def _owns_itself(below: Fields) -> bool:
    return not below or SELF in below


def _folded(below: Fields) -> Fields | None:
    """The one way to write what stands below a step; None when nothing does."""
    if not below:
        return None
    return OWNED if len(below) == 1 and SELF in below else below


def of_paths(*paths: Path) -> Fields:
    """The set of these paths of plain field names."""
    result: Fields = {}
    for path in paths:
        tree: Fields = OWNED
        for name in reversed(path):
            tree = {f"f:{name}": tree}
        result = union(result, tree)
    return result


def paths(fields: Fields) -> Iterator[Path]:
    """Every owned path; those that end at a place before those that lead on from it, in the order of their steps."""
    yield from _paths(fields, ())


def _paths(fields: Fields, prefix: Path) -> Iterator[Path]:
    steps = sorted((step for step in fields if step != SELF), key=_order)
    for step in steps:
        if _owns_itself(fields[step]):
            yield (*prefix, step)
    for step in steps:
        if fields[step]:
            yield from _paths(fields[step], (*prefix, step))


def _order(step: str) -> tuple[int, Any]:
    kind = "fkvi".index(step[0])
    return kind, int(step[2:]) if kind == 3 else step


def text(path: Path) -> str:
    """A path as messages write it: `.spec.ports[port=80,protocol="TCP"].name`."""
    return "".join(map(step_text, path))


def step_text(step: str) -> str:
    """One step as messages write it."""
    kind, content = step[0], step[2:]
    if kind == "f":
        return f".{content}"
    if kind == "k":
        pairs = (f"{name}={orjson.dumps(value).decode()}" for name, value in orjson.loads(content).items())
        return f"[{','.join(pairs)}]"
    return f"[={content}]" if kind == "v" else f"[{content}]"


def parse(raw: Any) -> Fields:
    """A set as a client sends it, with its steps in the one form they are compared in.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(raw, dict):
        raise ValueError("a field set must be an object")
    return _parsed(raw, 0)


def _parsed(raw: dict[str, Any], depth: int) -> Fields:
    if depth > _MAX_DEPTH:
        raise ValueError("a field set is nested too deeply")
    result: Fields = {}
    for step, below in raw.items():
        if below is not None and not isinstance(below, dict):
            raise ValueError(f"{step!r} must lead to an object")
        if step == SELF:
            if depth:
                result[SELF] = OWNED
            continue
        result[_canonical(step)] = _folded(_parsed(below or {}, depth + 1)) or OWNED
    return result


def _canonical(step: str) -> str:
    kind, colon, content = step.partition(":")
    if colon and kind == "f":
        return step
    if colon and kind == "i" and content.lstrip("-").isdigit():
        return f"i:{int(content)}"
    if not colon or kind not in ("k", "v"):
        raise ValueError(f"{step!r} is no step of a field path")
    value = orjson.loads(content)
    if kind == "v":
        return value_step(value)
    if not isinstance(value, dict):
        raise ValueError(f"{step!r} holds no key fields")
    return key_step(value)


def key_step(keys: dict[str, Any]) -> str:
    """The step to the item of a list that has these key fields."""
    return f"k:{orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()}"


def value_step(value: Any) -> str:
    """The step to an item of a set."""
    return f"v:{orjson.dumps(value).decode()}"
