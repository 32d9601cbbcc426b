"""Kubernetes' function libraries as data: what the checker is told, and the code the machine runs.

A value of one of Kubernetes' own types (Quantity, URL, IP, ...) is a map `{TYPE: name, ...}` at run time, because the
runtime gives Python functions no other way to make values; the checker knows it as an abstract type, so that nobody can
look inside. Source: "Common Expression Language in Kubernetes", "Kubernetes CEL libraries".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hyperpy.api.cel.library import (
    authorizer,
    conversions,
    formats,
    ip,
    lists,
    maps,
    numbers,
    quantity,
    regex,
    semver,
    url,
)
from hyperpy.api.cel.library.declaration import TYPE, Overload

__all__ = ["REPLACED", "Coded", "Overload", "added", "coded", "declared"]

_LIBRARIES = (lists, regex, url, quantity, ip, semver, formats, authorizer, numbers, maps, conversions)
#: Functions that the runtime has for other types already, and so can only be added to.
_ADDED = frozenset({"_<_", "_<=_", "_>_", "_>=_", "indexOf", "lastIndexOf"})
#: Functions of the runtime that are declared anew, all overloads of them.
REPLACED = ("string",)


@dataclass(frozen=True, slots=True)
class Coded:
    """One function of the machine: `parameters` are the runtime's own kinds of values."""

    id: str
    parameters: tuple[str, ...]
    member: bool
    code: Callable[..., Any]


def _all() -> list[Overload]:
    return [overload for library in _LIBRARIES for overload in library.OVERLOADS]


@cache
def declared() -> list[dict[str, Any]]:
    """New functions, as an environment's configuration lists them."""
    functions: dict[str, list[dict[str, Any]]] = {}
    for each in _all():
        if each.name not in _ADDED and each.checked:
            functions.setdefault(each.name, []).append(each.written())
    return [{"name": name, "overloads": overloads} for name, overloads in functions.items()]


@cache
def added() -> dict[str, list[Overload]]:
    """Overloads of functions that the runtime has."""
    functions: dict[str, list[Overload]] = {}
    for each in _all():
        if each.name in _ADDED:
            functions.setdefault(each.name, []).append(each)
    return functions


@cache
def coded() -> dict[str, list[Coded]]:
    """The code of all functions; overloads that look the same at run time are told apart by their values' TYPE."""
    grouped: dict[str, dict[tuple[bool, tuple[str, ...]], list[Overload]]] = {}
    for each in _all():
        if each.code is not None:
            for kinds in each.run_kinds():
                grouped.setdefault(each.name, {}).setdefault((each.member, kinds), []).append(each)
    return {
        name: [
            Coded(f"{overloads[0].id}@{'_'.join(kinds)}", kinds, member, _dispatch(overloads))
            for (member, kinds), overloads in signatures.items()
        ]
        for name, signatures in grouped.items()
    }


def _dispatch(overloads: Sequence[Overload]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        for each in overloads:
            if all(map(_fits, each.parameters, arguments)):
                try:
                    return each.code(*arguments)  # type: ignore[misc]
                except TypeError:
                    break
        raise ValueError("no such overload")

    return call


def _fits(kind: Any, argument: Any) -> bool:
    if not kind.name.startswith("kubernetes."):
        return True
    return isinstance(argument, dict) and argument.get(TYPE) == kind.name
