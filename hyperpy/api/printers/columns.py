"""What a printer is: columns, and the function that fills a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Obj = Mapping[str, Any]

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `priority` above 0 shows it in wide output only."""

    name: str
    description: str
    type: str = "string"
    format: str = ""
    priority: int = 0

    def definition(self) -> dict[str, Any]:
        """The column as `columnDefinitions` has it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def no_conditions(obj: Obj) -> list[dict[str, Any]]:
    """The conditions of a row that has none."""
    return []


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of a kind, the cells of an object at a time, and the conditions of its row."""

    columns: tuple[Column, ...]
    cells: Callable[[Obj, float], list[Any]]
    conditions: Callable[[Obj], list[dict[str, Any]]] = no_conditions


NAME = Column("Name", "Name must be unique within a namespace.", format="name")
AGE = Column("Age", "How long ago the object was made.")


def wide(name: str, description: str) -> Column:
    """A text column of wide output."""
    return Column(name, description, priority=1)


def number(name: str, description: str) -> Column:
    """A column of whole numbers."""
    return Column(name, description, type="integer")


def labels_text(labels: Mapping[str, str] | None) -> str:
    """`a=1,b=2` in order, or `<none>`."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def listed(items: Sequence[str], *, limit: int, separator: str = ",") -> str:
    """The first items, and how many more there are."""
    text = separator.join(items[:limit])
    return text if len(items) <= limit else f"{text} + {len(items) - limit} more..."


def count(section: Mapping[str, Any] | None, field: str) -> int:
    """A number of a status that leaves out zeros."""
    return int((section or {}).get(field) or 0)
