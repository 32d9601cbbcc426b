"""Reads the values of command line parameters without pydantic, where they are texts, numbers, paths or lists of them.

Typer 0.29 reads every value through pydantic, even that of `--help`, and the import alone takes longer than the whole
of a short command such as `hyperpy ctl get pods`; a server would carry 7 MB of it. Should Typer change, parameters are
read its own way again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

_PLAIN = (str, bool, int, Path, list[str], list[Path])


class QuickCommand(TyperCommand):
    """A command that reads its parameters so."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` among them."""
        return quick(super().get_params(ctx))


def quick(params: list[Any]) -> list[Any]:
    """The same parameters, reading their values themselves where they are plain."""
    for param in params:
        if param.type_descriptor.annotation in _PLAIN:
            param.get_runtime_param = _Plain
    return params


class _Plain:
    """What Typer asks for the value of a parameter."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the parameter's annotation has it."""
        annotation = param.type_descriptor.annotation
        if value is None or annotation in (str, bool, list[str]):
            return list(value) if isinstance(value, tuple) else value
        if annotation is Path:
            return Path(value)
        if annotation == list[Path]:
            return [Path(each) for each in value]
        low, high = getattr(param, "min", None), getattr(param, "max", None)
        try:
            number = int(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not a number.", ctx=ctx, param=param) from None
        if (low is not None and number < low) or (high is not None and number > high):
            raise typer.BadParameter(f"{number} is not between {low} and {high}.", ctx=ctx, param=param)
        return number
