"""A verb's command line with Go's spellings, which kubectl's users write: `--wait=false`, `-o=json`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
_SHORT = re.compile(r"-([A-Za-z])=(.*)", re.DOTALL)


class Verb(QuickCommand):
    """The command of a verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Translate, then parse as any command."""
        flags: dict[str, str | None] = {}
        for param in self.params:
            if getattr(param, "is_flag", False):
                off = param.secondary_opts[0] if param.secondary_opts else None
                flags.update(dict.fromkeys(param.opts, off))
        return list(super().parse_args(ctx, from_go(args, flags)))


def from_go(args: Sequence[str], flags: Mapping[str, str | None]) -> list[str]:
    """A command line without Go's spellings. Pure.

    Args:
        args: as they were typed.
        flags: boolean flags, each with the one that says the opposite, or None.
    Raises:
        UserError: a boolean flag has a value that is none.
    """
    result = []
    for arg in args:
        name, equals, value = arg.partition("=")
        short = _SHORT.fullmatch(arg)
        if equals and name in flags:
            if value not in _TRUE + _FALSE:
                raise UserError(f'invalid argument "{value}" for "{name}" flag: must be true or false')
            word = name if value in _TRUE else flags[name]
            result += [word] if word else []
        elif short:
            result.append(f"-{short[1]}{short[2]}")
        else:
            result.append(arg)
    return result
