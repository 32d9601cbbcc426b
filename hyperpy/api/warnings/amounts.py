"""Amounts of bytes that are no whole bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hyperpy.api import quantity

_BYTES = ("memory", "ephemeral-storage")


def fractions(amounts: Mapping[str, str] | None, path: str, *, names: tuple[str, ...] = _BYTES) -> Iterator[str]:
    """Fractional bytes among amounts of resources."""
    for name in names:
        amount = (amounts or {}).get(name)
        if amount is not None and quantity.to_millis(amount) % 1000:
            yield f'{path}[{name}]: fractional byte value "{amount}" is invalid, must be an integer'
