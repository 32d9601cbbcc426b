"""Values of Kubernetes' flags as its own programs take them: booleans that may stand alone, durations, lists."""

from __future__ import annotations

import re
from typing import Any

from hyperpy.coercion import QuickCommand
from hyperpy.commands import UserError

#: The metavar of an option that takes `true` or `false`, and means true when it stands alone.
BOOL = "BOOL"
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class GoFlags(QuickCommand):
    """A command whose options with the metavar `BOOL` may stand alone: `--leader-elect` is `--leader-elect=true`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Complete the flags that stand alone, then parse as usual."""
        alone = {name for param in self.params if getattr(param, "metavar", None) == BOOL for name in param.opts}
        return super().parse_args(ctx, [f"{arg}=true" if arg in alone else arg for arg in args])


def boolean(flag: str, text: str) -> bool:
    """A boolean flag's value.

    Raises:
        UserError: it is none.
    """
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise UserError(f"{flag}={text} is neither true nor false")


def words(text: str) -> tuple[str, ...]:
    """The parts of a list that is separated by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def seconds(flag: str, text: str) -> float:
    """A duration such as `40s` or `1m30s`, in seconds.

    Raises:
        UserError: it is none.
    """
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UserError(f"{flag}={text} is no duration; write it like 40s or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def share(flag: str, text: str) -> float:
    """A number of zero or more, such as `0.1`.

    Raises:
        UserError: it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UserError(f"{flag}={text} is no number of zero or more; write it like 0.1")
    return number
