"""YAML and JSON documents as Kubernetes reads and writes them: YAML 1.1 scalars, string keys, no custom types.

JSON is tried first: it is what programs send under a YAML content type, and it is 200 times faster to read.
Source of the scalar rules: the YAML 1.1 type repository, less the sexagesimal numbers that Kubernetes leaves strings.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

#: The reader recurses in C: what is nested much deeper would end the process. JSON is not written deeper than 254.
MAX_DEPTH = 300
#: An alias may stand for a large subtree; a document that would grow beyond this many values is refused.
MAX_VALUES = 1_000_000

_TAG = "tag:yaml.org,2002:"
_BOOLEANS = "y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF"
_TRUE = frozenset(("y", "yes", "true", "on"))
_SCALARS = (
    ("bool", re.compile(f"^(?:{_BOOLEANS})$"), "yYnNtTfFoO"),
    (
        "int",
        re.compile(r"^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o[0-7_]+|0[0-7_]+|0|[1-9][0-9_]*)$"),
        "-+0123456789",
    ),
    ("float", re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), "-+0123456789."),
    ("merge", re.compile(r"^<<$"), "<"),
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    (
        "timestamp",
        re.compile(r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?$"),
        "0123456789",
    ),
)
_BASES = {"0b": 2, "0x": 16, "0o": 8}


class ManifestError(ValueError):
    """A document does not parse; the message names the line."""


def load(data: bytes | str) -> Any:
    """The one document in `data`; None when there is none.

    Raises:
        ManifestError: it does not parse, repeats a key, or holds several documents.
    """
    documents = load_all(data)
    if len(documents) > 1:
        raise ManifestError("one document was expected, several were given")
    return documents[0] if documents else None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document, and what is said of the keys it holds twice (`line 4: key "a" already set in map`)."""

    value: Any
    repeated: tuple[str, ...] = ()


def load_last(data: bytes) -> Loaded:
    """The one document in `data` as the API server reads it: the last of several equal keys counts.

    Raises:
        ManifestError: it does not parse, or there are several.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return Loaded(orjson.loads(data))
        except orjson.JSONDecodeError:
            pass
    repeated: list[str] = []
    documents = _load_yaml(data, repeated)
    if len(documents) > 1:
        raise ManifestError("one document was expected, several were given")
    return Loaded(documents[0] if documents else None, tuple(repeated))


def load_all(data: bytes | str) -> list[Any]:
    """Every document in `data` that is not empty, in order.

    Raises:
        ManifestError: as for `load`.
    """
    raw = data.encode() if isinstance(data, str) else data
    if raw.lstrip()[:1] in (b"{", b"["):
        try:
            return [orjson.loads(raw)]
        except orjson.JSONDecodeError:
            pass
    return _load_yaml(raw)


def dump(value: Any) -> str:
    """`value` as one YAML document, keys sorted, laid out as kubectl does."""
    stream = io.StringIO()
    _yaml(pure=True).dump(value, stream)
    return stream.getvalue()


def _load_yaml(raw: bytes, repeated: list[str] | None = None) -> list[Any]:
    """Every document; a repeated key is an error, or with `repeated` noted there."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        _check_depth(raw)
        documents = [document for document in _yaml(repeated=repeated).load_all(raw.decode()) if document is not None]
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ManifestError(f"error converting YAML to JSON: yaml: line {line}: {error.problem}") from error
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"error converting YAML to JSON: yaml: {error or 'nested too deeply'}") from error
    if b"*" in raw and b"&" in raw:
        _count(documents, {})
    return documents


def _check_depth(raw: bytes) -> None:
    """Refuse what is nested too deeply, before anything recurses. Raises ManifestError, YAMLError."""
    block = max((len(line) - len(line.lstrip(b" -?\t")) for line in raw.splitlines()), default=0)
    if block + raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return  # it cannot be, so the slow look is not needed
    from ruamel.yaml.events import MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent

    depth = 0
    for event in _yaml().parse(raw.decode()):
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ManifestError(f"error converting YAML to JSON: yaml: exceeded max depth of {MAX_DEPTH}")
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            depth -= 1


def _count(value: Any, seen: dict[int, int]) -> int:
    """How many values `value` would be with every alias written out."""
    if not isinstance(value, dict | list):
        return 1
    known = seen.get(id(value))
    if known is not None:
        if known == 0:
            raise ManifestError("error converting YAML to JSON: yaml: an anchor contains itself")
        return known
    seen[id(value)] = 0
    children = value.values() if isinstance(value, dict) else value
    total = 1 + sum(_count(child, seen) for child in children)
    if total > MAX_VALUES:
        raise ManifestError("error converting YAML to JSON: yaml: document contains excessive aliasing")
    seen[id(value)] = total
    return total


def _yaml(*, pure: bool = False, repeated: list[str] | None = None) -> Any:
    """A reader and writer by Kubernetes' rules. One for each use: it keeps state while it works.

    Args:
        pure: without the C library, whose writer cannot be given other scalar rules.
        repeated: takes down repeated keys, of which the last one counts; None: they are errors.
    """
    from ruamel.yaml import YAML

    constructor, resolver, representer = _rules()
    if repeated is not None:
        constructor = type("Lenient", (constructor,), {"repeated": repeated})
    yaml = YAML(typ="safe", pure=pure)
    yaml.Constructor, yaml.Resolver, yaml.Representer = constructor, resolver, representer
    yaml.default_flow_style = False
    yaml.width = 4096
    return yaml


@cache
def _rules() -> tuple[type, type, type]:
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.representer import SafeRepresenter
    from ruamel.yaml.resolver import BaseResolver

    class Constructor(SafeConstructor):
        repeated: list[str] | None = None

        def check_mapping_key(self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any) -> bool:
            if self.repeated is None or key not in mapping:
                return bool(super().check_mapping_key(node, key_node, mapping, key, value))
            self.repeated.append(f'line {key_node.start_mark.line + 1}: key "{_key(key)}" already set in map')
            return True

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            mapping = super().construct_mapping(node, deep=deep)
            return {_key(key): value for key, value in mapping.items()}

    class Resolver(BaseResolver):
        def __init__(self, version: Any = None, loader: Any = None, loadumper: Any = None) -> None:
            super().__init__(loadumper if loader is None else loader)

    class Representer(SafeRepresenter):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    constructors: dict[str, Callable[[Any, Any], Any]] = {
        "bool": lambda self, node: node.value.lower() in _TRUE,
        "int": lambda self, node: _integer(node.value),
        "float": lambda self, node: float(node.value),
        "timestamp": lambda self, node: node.value,
    }
    for name, construct in constructors.items():
        Constructor.add_constructor(_TAG + name, construct)
    for name, pattern, first in _SCALARS:
        Resolver.add_implicit_resolver(_TAG + name, pattern, list(first))
    Representer.add_representer(str, _represent_text)
    return Constructor, Resolver, Representer


def _represent_text(representer: Any, text: str) -> Any:
    lines = text.split("\n")
    if not all(line.isprintable() for line in lines) or any(rule.match(text) for _, rule, _ in _SCALARS):
        style = '"'
    elif len(lines) > 1 and all(line == line.rstrip() for line in lines):
        style = "|"
    else:
        style = None
    return representer.represent_scalar(_TAG + "str", text, style=style)


def _integer(text: str) -> int:
    """Go's rules for a literal: base by prefix, a leading zero means octal."""
    digits = text.replace("_", "")
    sign = -1 if digits[0] == "-" else 1
    digits = digits.lstrip("+-")
    base = _BASES.get(digits[:2])
    if base is not None:
        return sign * int(digits[2:], base)
    return sign * int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)


def _key(key: Any) -> str:
    """A mapping's key as JSON has it: always a string."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool | int | float) or key is None:
        return orjson.dumps(key).decode()
    raise ManifestError("error converting YAML to JSON: yaml: a mapping's key must be a scalar")
