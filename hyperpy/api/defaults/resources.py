"""Quantities of resources are kept to thousandths: finer ones are rounded up."""

from __future__ import annotations

from hyperpy.api import quantity


def round_up(amounts: dict[str, str] | None) -> None:
    """Round every amount up to a thousandth, in place."""
    if amounts:
        for name, value in amounts.items():
            if value and value[-1] in "nu":
                amounts[name] = quantity.from_millis(quantity.to_millis(value))
