"""Reads the values of command line parameters without pydantic, where they are texts, numbers or lists of texts.

Typer 0.29 reads every value through pydantic, even that of `--help`, and the import alone takes longer than the whole
of a short command such as `hyperpy ctl get pods`. Should Typer change, parameters are read its own way again.
"""

from __future__ import annotations

from typing import Any

import typer

_PLAIN = (str, bool, int, list[str])


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
        if value is None or param.type_descriptor.annotation is not int:
            return list(value) if isinstance(value, tuple) else value
        low, high = getattr(param, "min", None), getattr(param, "max", None)
        try:
            number = int(value)
        except ValueError:
            raise typer.BadParameter(f"{value!r} is not a number.", ctx=ctx, param=param) from None
        if (low is not None and number < low) or (high is not None and number > high):
            raise typer.BadParameter(f"{number} is not between {low} and {high}.", ctx=ctx, param=param)
        return number
