"""The order of a merged list: the patch decides for its items, the server's own items stay near their neighbours.

Source: Kubernetes' design "Apply and preserve order in strategic merge patch".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hyperpy.api.patch.directives import Identity, identity


def arrange(merged: Sequence[Any], *, wanted: Sequence[Any], before: Sequence[Any], merge_key: str) -> list[Any]:
    """Put a merged list in order.

    Args:
        merged: its items.
        wanted: items in the order of the patch (only their identities count).
        before: the items before the patch, in their order.
        merge_key: what identifies an item; "" for scalars.
    """
    wanted_at, before_at = _positions(wanted, merge_key), _positions(before, merge_key)
    keyed = [(identity(item, merge_key), item) for item in merged]
    ours = sorted((pair for pair in keyed if pair[0] in wanted_at), key=lambda pair: wanted_at[pair[0]])
    end = len(before_at)
    theirs = sorted((pair for pair in keyed if pair[0] not in wanted_at), key=lambda pair: before_at.get(pair[0], end))
    return [item for _, item in _interleave(theirs, ours, before_at)]


def _positions(items: Sequence[Any], merge_key: str) -> dict[Identity, int]:
    positions: dict[Identity, int] = {}
    for index, item in enumerate(items):
        positions.setdefault(identity(item, merge_key), index)
    return positions


def _interleave(
    theirs: list[tuple[Identity, Any]], ours: list[tuple[Identity, Any]], before_at: dict[Identity, int]
) -> list[tuple[Identity, Any]]:
    """One of `theirs` comes first only where both were there before, in that order."""
    result: list[tuple[Identity, Any]] = []
    i = 0
    for pair in ours:
        while i < len(theirs) and _before(theirs[i][0], pair[0], before_at):
            result.append(theirs[i])
            i += 1
        result.append(pair)
    return result + theirs[i:]


def _before(left: Identity, right: Identity, before_at: dict[Identity, int]) -> bool:
    return left in before_at and right in before_at and before_at[left] < before_at[right]
