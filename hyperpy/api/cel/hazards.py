"""What the runtime must not be given: maps that hold optional values, which crash the process when they leave it.

Told by the text, and rather once too often: an expression that writes a map with entries may not make optional values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TEXTS = re.compile(
    r"""
    (?:[bB]?[rR]|[rR][bB]) (?: \"{3} .*? \"{3} | '{3} .*? '{3} | "[^"\n]*" | '[^'\n]*' )
    | [bB]? (?:
        \"{3} (?: \\. | [^\\] )*? \"{3} | '{3} (?: \\. | [^\\] )*? '{3}
        | " (?: \\. | [^"\\\n] )* " | ' (?: \\. | [^'\\\n] )* '
    )
    | ` [^`]* `
    | // [^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)
_ENTRIES = re.compile(r"\{\s*[^}\s]")
_OPTIONAL = re.compile(r"\.\s*\?|[\[{,]\s*\?|\b(?:optional|optMap|optFlatMap|first|last)\b")

REFUSAL = (
    "ERROR: <input>:1:1: a map with entries and optional values may not stand in one expression: this server's runtime "
    "cannot keep the latter in the former"
)


def mixes_maps_and_optionals(expression: str, *, optional: Iterable[str]) -> bool:
    """Whether a (well-formed) expression writes a map with entries and has optional values as well.

    Args:
        optional: the variables that are optional.
    """
    bare = _TEXTS.sub('""', expression)
    if _ENTRIES.search(bare) is None:
        return False
    return _OPTIONAL.search(bare) is not None or any(re.search(rf"\b{name}\b", bare) for name in optional)
