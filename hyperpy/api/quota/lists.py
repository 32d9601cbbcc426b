"""Arithmetic on resource lists: quantities by resource name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hyperpy.api import quantity

ResourceList = dict[str, str]


def add(left: Mapping[str, str], right: Mapping[str, str]) -> ResourceList:
    """The sum of two lists, by name."""
    total = dict(left)
    for name, amount in right.items():
        total[name] = quantity.add(total[name], amount) if name in total else amount
    return total


def increase(new: Mapping[str, str], old: Mapping[str, str]) -> ResourceList:
    """What is more in `new` than in `old`; what is less or the same is left out."""
    more = {}
    for name, amount in new.items():
        difference = quantity.parse(amount) - quantity.parse(old.get(name, "0"))
        if difference > 0:
            more[name] = quantity.canonical(format(difference, "f")) if name in old else amount
    return more


def mask(amounts: Mapping[str, str], names: Collection[str]) -> ResourceList:
    """Only these names."""
    return {name: amount for name, amount in amounts.items() if name in names}


def without_zeros(amounts: Mapping[str, str]) -> ResourceList:
    """What is not zero."""
    return {name: amount for name, amount in amounts.items() if quantity.parse(amount)}


def exceeding(amounts: Mapping[str, str], hard: Mapping[str, str]) -> list[str]:
    """The names of which there is more than `hard` allows."""
    return [
        name for name, amount in amounts.items() if name in hard and quantity.parse(amount) > quantity.parse(hard[name])
    ]


def shown(amounts: Mapping[str, str]) -> str:
    """`cpu=100m,pods=1`, as messages list amounts."""
    return ",".join(f"{name}={quantity.canonical(amounts[name])}" for name in sorted(amounts))


def names_shown(names: Iterable[str]) -> str:
    """`cpu,pods`, as messages list names."""
    return ",".join(sorted(names))
