"""How a library declares its functions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hyperpy.api.cel.types import Type

#: The key under which a value of one of Kubernetes' own types holds that type's name.
TYPE = "@type"

_SCALARS = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "list", "map")


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function.

    `code` takes plain values; it raises ValueError with the evaluation's error. None: the runtime has the code itself.
    `checked` is False for what only the machine needs.
    """

    name: str
    id: str
    parameters: tuple[Type, ...]
    returns: Type
    code: Callable[..., Any] | None
    member: bool = True
    checked: bool = True

    def written(self) -> dict[str, Any]:
        """As an environment's configuration has it."""
        parameters = [_written(kind) for kind in self.parameters]
        target = {"target": parameters[0]} if self.member else {}
        return {"id": self.id, "args": parameters[1:] if self.member else parameters, **target,
                "return": _written(self.returns)}  # fmt: skip

    def run_kinds(self) -> Iterator[tuple[str, ...]]:
        """The signatures at run time: one, or one for each kind of value that a `dyn` may be."""
        return iter(itertools.product(*(_kinds(kind) for kind in self.parameters)))


def _kinds(kind: Type) -> tuple[str, ...]:
    if kind.name == "dyn":
        return _SCALARS
    return (kind.name,) if kind.name in _SCALARS else ("map",)


def _written(kind: Type) -> dict[str, Any]:
    if not kind.parameters:
        return {"type_name": kind.name}
    return {"type_name": kind.name, "params": [_written(each) for each in kind.parameters]}
