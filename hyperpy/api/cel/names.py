"""Names of fields as expressions write them: characters and words that CEL reserves are escaped.

Source: "Validation rules", the table of escaping rules in the CustomResourceDefinition documentation.
"""

from __future__ import annotations

import re

_RESERVED = frozenset((
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
))  # fmt: skip
_ESCAPABLE = re.compile(r"[a-zA-Z_./-][a-zA-Z0-9_./-]*")
_PIECE = re.compile(r"__|[./-]")
_WORDS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


def escape(name: str) -> str | None:
    """The name in expressions, or None when they cannot reach such a field."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _ESCAPABLE.fullmatch(name):
        return None
    return _PIECE.sub(lambda piece: _WORDS[piece[0]], name)
